"""Tactics proposed for a goal, read as text; tests with Lean show which close goals."""

from prover.search.tactics.choices import closers
from prover.search.tactics.goals.goal import read_goal
from prover.search.tactics.goals.known import ContextDeclarations
from prover.source.context.declarations import Declared


def test_definitions_of_a_goal_are_seen_through_before_automation_ends_it() -> None:
    known = ContextDeclarations(Declared(definitions=("Inner.twice", "other")))
    tried = list(closers(read_goal("n : Nat\n⊢ n + 1 ≤ twice (n + 1)"), known))
    assert "grind [Inner.twice]" in tried
    assert "simp only [Inner.twice]\nomega" in tried
    assert not any(one.startswith("simp only") for one in closers(read_goal("n : Nat\n⊢ n ≤ n + 1"), known))
