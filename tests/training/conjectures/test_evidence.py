from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.sampling.plans.arithmetic import holds
from prover.sampling.plans.statement import Statement
from prover.theorem import Theorem
from training.conjectures.evidence import Evidence, evidence


def seen(statement: str, seed: int = 0) -> Evidence:
    return evidence(Statement.read(Theorem(f"theorem t {statement}")), Random(seed))


@pytest.mark.parametrize(
    "statement",
    [
        "(a b : Nat) : a + b = b",
        "(a b : Int) (h : a < b) : a ^ 2 ≤ b ^ 2",
        "(n : Nat) : n % 3 = 0 ∨ n % 3 = 1",
        "(a b : Nat) : a - b + b = a",
    ],
)
def test_what_some_small_numbers_refute_is_false(statement: str) -> None:
    assert seen(statement).false


@pytest.mark.parametrize("statement", ["(a b : Nat) (h : a < b) : a + 1 ≤ b", "(n : Int) : n % 2 = 0 ∨ n % 2 = 1"])
def test_what_holds_has_instances(statement: str) -> None:
    assert seen(statement) == Evidence(instances=20)


@pytest.mark.parametrize(
    "statement",
    [
        "(f : Nat → Nat) : f 0 = f 1",
        "(a : Nat) (b : Int) : b = 1",
        "(n : Nat) : ∃ m, m < n",
        "(a : Nat) (h : a < 0) : a = 1",
    ],
)
def test_nothing_is_seen_of_what_cannot_be_tried(statement: str) -> None:
    assert seen(statement) == Evidence()


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(0, 1000))
def test_a_linear_statement_is_called_false_only_if_it_is(a: int, b: int, seed: int) -> None:
    goal = f"{abs(a)} * x + {abs(b)} ≤ {abs(a) + abs(b)} * x"
    everywhere = all(holds(goal, {"x": x}, True) for x in range(50))
    assert not (seen(f"(x : Nat) : {goal}", seed).false and everywhere)
