import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.sampling.plans.arithmetic import UnknownError, holds, value
from prover.sampling.plans.plans import plans
from prover.sampling.plans.statement import Statement
from prover.theorem import Theorem


def planned(statement: str) -> list[str]:
    read = Statement.read(Theorem(f"theorem t {statement}"))
    assert read is not None
    return list(plans(read))


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 9))
def test_natural_numbers_stop_at_zero_and_remainders_are_leans(a: int, b: int, c: int) -> None:
    numbers = {"a": a, "b": b, "c": c}
    assert value("a - b + c", numbers, natural=True) == max(0, a - b) + c
    assert value("(a - b) % c", numbers, natural=False) == (a - b) % c
    assert value("(a - b) / c * c + (a - b) % c", numbers, natural=False) == a - b
    assert value("a / 0 + a % 0", numbers, natural=True) == a
    assert holds("c ∣ a * c ∧ ¬ (a < b ∧ b < a)", numbers, natural=True)


def test_division_by_a_negative_number_leaves_no_negative_remainder() -> None:
    assert value("-7 % -3", {}, natural=False) == 2
    assert value("-7 / -3", {}, natural=False) == 3


@pytest.mark.parametrize("text", ["f 2", "__import__", "2 ^ 2 ^ 60", "9 ^ 99999", "1 +", "()", "a.b", "1.5", "[1]"])
def test_what_is_no_small_arithmetic_has_no_value(text: str) -> None:
    with pytest.raises(UnknownError):
        value(text, {"a": 1}, natural=True)


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("(a : Nat → Nat) : ∃ f : Nat → Nat, ∀ n, a n = f n", "exact ⟨a, fun _ => rfl⟩"),
        (": ∃ x, 100 < x ∧ x % 6 = 0 ∧ x % 8 = 0", "exact ⟨120, by decide⟩"),
        (": ∃ x y : Int, x ^ 2 - 18 * y ^ 2 = 31", "by decide⟩"),
        ("(x : Int) (h : x ^ 2 = 2 * x + 8) : x = 4 ∨ x = -2", "have key : (x - 4) * (x - (-2)) = 0 := by grind"),
        (": ¬ ∃ x y : Int, x ^ 2 + y ^ 2 = 2019", "congrArg (· % 4) key"),
        ("(n : Nat) : 11 ∣ (25 ^ n - 3 ^ n)", "have key : ∀ k, 3 ^ k ≤ 25 ^ k ∧ 11 ∣ (25 ^ k - 3 ^ k) := by"),
        ("(n : Nat) (h : n > 4) : 2 ^ n > n ^ 2", "⟨n - 5, by omega⟩"),
        (": ∀ n ≥ 3, 3 ^ n > n + 4", "intro n hn"),
        ("(n : Int) (h : n % 2 = 1) : ∃ k, n ^ 2 = 8 * k + 1", "exact ⟨(n ^ 2 - 1) / 8, by omega⟩"),
        ("(a b : Int) (h : 3 ∣ a ^ 2 + b ^ 2) : 3 ∣ a", "rcases ra with ra | ra | ra <;> rcases rb"),
        ("(n : Nat) (h : 2 ^ n > 30) : 5 ≤ n", "rcases bn with bn | bn | bn | bn | bn <;> subst bn"),
        ("(x y : Nat) (h : x + y = 10) (g : x * y = 16) : x = 2 ∨ x = 8", "have bx : x = 0 ∨ x = 1"),
    ],
)
def test_a_plan_looks_at_the_numbers(statement: str, line: str) -> None:
    assert any(line in proof for proof in planned(statement))


def test_no_witness_is_named_where_there_is_none() -> None:
    assert not any("decide" in proof for proof in planned(": ∃ x, x < 3 ∧ 5 < x"))


@pytest.mark.parametrize(
    "statement",
    [
        ": ∃ x y z : Int, " + " ∧ ".join(["x * y * z % 7 = 3"] * 18),
        ": ∃ x, " + "¬" * 380 + "x = 1",
        "(n : Nat) : 3 ∣ " + "^" * 330,
        "(n : Nat) : 3 ∣ " + "(" * 165 + "n ^ 2" + ")" * 165,
        "(x : Int) " + " ".join(f"(h{i} : x ^ 2 = {i})" for i in range(22)) + " : x = 1",
        "(n : Nat) : 3 ∣ " + "n ^ 9 ^ 9" * 30,
    ],
)
def test_hostile_statements_come_to_an_end(statement: str) -> None:
    assert len(planned(statement)) < 200


def test_long_statements_have_no_plans() -> None:
    assert not planned("(n : Nat) : 3 ∣ n ^ 3" + " + 3 * n" * 100)
