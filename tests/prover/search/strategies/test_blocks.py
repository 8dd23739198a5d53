"""Texts that strategies split and join."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.search.strategies.decompose import as_block, as_theorem
from prover.search.tactics.goals.goal import read_goal
from prover.search.tactics.moves.steps import flatten, steps
from prover.theorem import Theorem

THEOREM = Theorem("theorem t : p", context="def p := True")


@pytest.mark.parametrize(
    ("proof", "block"),
    [
        ("by\n  intro x\n  simp", "intro x\nsimp"),
        ("by simp", "simp"),
        ("by\n    cases h with\n    | inl a =>\n      simp", "cases h with\n| inl a =>\n  simp"),
        ("fun h => h", "exact fun h => h"),
        ("bytes", "exact bytes"),
    ],
)
def test_a_proof_becomes_a_tactic_block(proof: str, block: str) -> None:
    assert as_block(proof) == block


def test_a_goal_becomes_a_theorem_of_its_own_with_the_same_context() -> None:
    goal = read_goal("case succ\nn : Nat\nx y : Int\nh : x < y ∧\n  n = 0\n⊢ x ≤ y")
    theorem = as_theorem(goal, THEOREM)
    assert theorem is not None
    assert theorem.statement == "theorem hole (n : Nat) (x : Int) (y : Int) (h : x < y ∧ n = 0) : x ≤ y"
    assert theorem.context == THEOREM.context
    assert as_theorem(read_goal("n✝ : Nat\n⊢ n✝ = 0"), THEOREM) is None


@pytest.mark.parametrize(
    ("step", "flat"),
    [
        ("intro x\n□", "intro x"),
        ("constructor\n· □\n· □", "constructor"),
        ("cases h with\n| inl a =>\n  □\n| inr b =>\n  □", "cases h with\n| inl a => ?_\n| inr b => ?_"),
        ("constructor\n· intro h\n  □\n· intro h\n  □", None),
        ("have h : p := by\n  □\nexact h", None),
    ],
)
def test_a_step_is_written_without_its_holes_where_that_can_be(step: str, flat: str | None) -> None:
    assert flatten(step) == flat


@given(st.text("⊢:∧∨→¬∀∃↔=≤ nhx\n,2", max_size=40))
def test_no_hole_is_left_in_a_step_that_was_flattened(text: str) -> None:
    for step in steps(read_goal(text)):
        assert "□" not in (flatten(step) or "")
