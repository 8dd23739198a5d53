import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.source.binders import Binder, read_shape


def read(statement: str) -> tuple[list[tuple[str, str]], tuple[str, ...], str]:
    shape = read_shape(statement)
    return [(binder.name, binder.type) for binder in shape.binders], shape.intros, shape.goal


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("theorem t : 1 = 1", ([], (), "1 = 1")),
        (
            "theorem t (n m : Nat) {xs : List (Option Nat)} (h : n < m) : xs = []",
            ([("n", "Nat"), ("m", "Nat"), ("xs", "List (Option Nat)"), ("h", "n < m")], (), "xs = []"),
        ),
        ("theorem t {α : Type} [DecidableEq α] (a : α) : a = a", ([("α", "Type"), ("a", "α")], (), "a = a")),
        (
            "theorem t : ∀ n m : Nat, n < m → ∃ k, n + k = m",
            ([("n", "Nat"), ("m", "Nat"), ("g3", "n < m")], ("n", "m", "g3"), "∃ k, n + k = m"),
        ),
        (
            "theorem t : ∀ n > 2, ∀ (m : Int), n ≠ m",
            ([("n", ""), ("hn", "n > 2"), ("m", "Int")], ("n", "hn", "m"), "n ≠ m"),
        ),
        (
            "theorem t (f : Nat → Nat) : (∀ x, f x = x) → f 0 = 0",
            ([("f", "Nat → Nat"), ("g1", "(∀ x, f x = x)")], ("g1",), "f 0 = 0"),
        ),
        # Propositions after a quantifier or an equivalence are not hypotheses.
        ("theorem t (p : Nat → Prop) : ∃ n, p n → p 0", ([("p", "Nat → Prop")], (), "∃ n, p n → p 0")),
        # The arrow of a type is no implication.
        (
            "theorem t (a : Nat → Nat) : ∃ f : Nat → Nat, ∀ n, a n = f n",
            ([("a", "Nat → Nat")], (), "∃ f : Nat → Nat, ∀ n, a n = f n"),
        ),
        ("theorem t (p q : Prop) : p → q ↔ q", ([("p", "Prop"), ("q", "Prop")], (), "p → q ↔ q")),
        ("theorem t /- (x : Nat) -/ (y : Nat := 3) : y = y -- : z", ([("y", "Nat := 3")], (), "y = y")),
    ],
)
def test_binders_and_intros_are_read(statement: str, expected: object) -> None:
    assert read(statement) == expected


soup = st.lists(
    st.sampled_from(
        [
            "theorem",
            "t",
            "(",
            ")",
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "∀",
            "∃",
            "→",
            "↔",
            "x",
            "Nat",
            "=",
            ">",
            "∣",
            "--",
            "/-",
            '"',
            "1",
        ]
    )
).map(" ".join)


@given(st.one_of(st.text(), soup))
def test_any_text_has_a_shape(text: str) -> None:
    shape = read_shape(text)
    assert set(shape.intros) <= {binder.name for binder in shape.binders}
    assert all(isinstance(binder, Binder) for binder in shape.binders)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["a → ", "∀ x, ", "(", "(a : ", "((a : b) → ", "(a : b) "])
def test_hostile_statements_take_no_time_that_grows_with_their_square(piece: str) -> None:
    hostile = piece * 20_000
    assert len(read_shape(f"theorem t : {hostile}").intros) <= 64
    read_shape(f"theorem t {hostile}")
