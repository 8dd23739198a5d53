"""Proofs that differ in bound names only are one proof; all others stay apart."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.search.diversity import distinct_key, normalise
from prover.theorem import Theorem

THEOREM = Theorem("theorem t (p q : Prop) (hp : p) (n : Nat) : p ∧ q → q ∨ n = n")

# Each binds its names (in capitals) in another way and uses them.
PROOFS = [
    "fun A => A.2",
    "fun ⟨A, B⟩ => ⟨B, A⟩",
    "fun (A : p ∧ q) B => f A B",
    "by\n  intro A\n  exact A.2",
    "by\n  intro A B\n  rw [A, ← B] at hp",
    "by\n  rintro ⟨A, B | B⟩\n  · exact f A B\n  · exact g B A",
    "by\n  intro A\n  obtain ⟨B, C⟩ := A\n  exact f B C",
    "by\n  intro A\n  have B : p := A.1\n  have C := f B\n  simp [B, C]",
    "by\n  intro A\n  cases A with\n  | intro B C => exact f B C",
    "by\n  induction n with\n  | zero => simp\n  | succ A B =>\n    rw [B]\n    exact f A",
    "by\n  intro A\n  rcases A with ⟨B, C⟩\n  by_cases D : p\n  · exact f B D\n  · exact g D C",
    "by\n  intro A\n  exact (h (fun B => f B) A)",
    "by\n  have A : ∀ B : Nat, B = B := fun B => rfl\n  exact A n",
    "by\n  cases hp\n  next A B =>\n    exact f A B",
    "by\n  rename_i A\n  exact if B : p then f A B else g A B",
]
# None of them stands free in a proof above: a binder of that name would capture it, and the proof be another one.
NAMES = ["a", "b", "h₀", "h₁", "x'", "foo", "ih", "«a b»"]
naming = st.permutations(NAMES)


def named(proof: str, names: list[str]) -> str:
    return re.sub(r"\b[A-D]\b", lambda match: names["ABCD".index(match[0])], proof)


@given(st.sampled_from(PROOFS), naming, naming)
def test_a_consistent_choice_of_other_names_does_not_make_a_proof_new(
    proof: str, one: list[str], other: list[str]
) -> None:
    assert distinct_key(named(proof, one), THEOREM) == distinct_key(named(proof, other), THEOREM)
    if one[:4] != other[:4] and "A" in proof and one[0] != other[0]:
        assert normalise(named(proof, one)) != normalise(named(proof, other))


def test_proofs_of_other_shapes_stay_apart() -> None:
    keys = {distinct_key(named(proof, NAMES), THEOREM) for proof in PROOFS}
    assert len(keys) == len(PROOFS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("fun a b => f a b", "fun a b => f b a"),
        ("by\n  intro a b\n  exact a", "by\n  intro a b\n  exact b"),
        ("by\n  intro a\n  exact hp", "by\n  intro hp\n  exact hp"),  # another hp than the theorem's
        ("by\n  intro a\n  simp [Nat.a]", "by\n  intro b\n  simp [Nat.b]"),  # part of a name is no use of it
        ("by\n  intro a\n  exact a.left", "by\n  intro a\n  exact a.right"),
        ('by\n  intro a\n  exact f "a"', 'by\n  intro b\n  exact f "b"'),
        ("by\n  cases hp\n  · intro a\n    simp\n  · exact a", "by\n  cases hp\n  · intro b\n    simp\n  · exact b"),
        ("by exact (fun a => a) a", "by exact (fun b => b) b"),  # the last one is not what the bracket bound
        ("by\n  cases h with\n  | inl a => simp\n  | inr b => exact a", "by\n  cases h with\n  | inl c => simp\n  | inr b => exact c"),
        ("by\n  simp [foo]", "by\n  simp [bar]"),
    ],
)  # fmt: skip
def test_a_name_outside_its_scope_or_not_bound_at_all_counts(one: str, other: str) -> None:
    assert distinct_key(one, THEOREM) != distinct_key(other, THEOREM)


def test_names_that_the_theorem_or_its_context_mentions_are_never_taken_for_bound_ones() -> None:
    theorem = Theorem("theorem t : p", context="def twice := 2")
    assert distinct_key("by\n  intro x\n  exact twice", theorem) != distinct_key(
        "by\n  intro twice\n  exact x", theorem
    )
    assert distinct_key("fun twice => twice", theorem) != distinct_key("fun x => x", theorem)


def test_lines_below_a_token_keep_their_place_whatever_names_are_long() -> None:
    """`simp` hangs on `by`, or on nothing: longer names move columns and must not move that."""
    one = "by\n  intro a\n  exact f a (by simp\n                omega)"
    other = "by\n  intro abc\n  exact f abc (by simp\n                  omega)"
    assert distinct_key(one, THEOREM) == distinct_key(other, THEOREM)
    assert distinct_key(one, THEOREM) != distinct_key(other.replace("\n                  ", "\n          "), THEOREM)


@given(st.text("fun intro|=>⟨⟩(:)·.haveλ∀ ab\n,with rcases", max_size=120))
def test_any_text_has_a_key_that_white_space_at_the_ends_does_not_change(text: str) -> None:
    assert distinct_key(text, THEOREM) == distinct_key(text + "  \n", THEOREM)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("part", ["intro a\n", "fun a => ", "case a ", "have ", "(", "| a ", "rcases a with a "])
def test_hostile_proofs_take_no_time_that_grows_with_their_square(part: str) -> None:
    for count in (900, 20_000):
        assert distinct_key(part * count, THEOREM)


def test_every_way_to_bind_is_seen() -> None:
    """Each capital of the samples comes out as a number: none of the proofs above passes because nothing was renamed."""
    for proof, names in itertools.product(PROOFS, [NAMES]):
        key = distinct_key(named(proof, names), THEOREM)
        assert not set(re.findall(r"[\w'₁]+|«a b»", key)) & set(names[: len(set(re.findall(r"\b[A-D]\b", proof)))]), key
