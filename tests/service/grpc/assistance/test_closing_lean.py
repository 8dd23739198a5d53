"""Which tactics are offered for a `sorry`: those that verify in its place, over a real channel with real Lean behind it."""

import pytest

from prover.assistance import closing
from prover.assistance.suggest import Suggestion, Suggestions, TacticOutcome
from prover.options import Budget, SearchOptions
from prover.source import lean_file
from service.client.client import Client

pytestmark = pytest.mark.lean

PROOF = "by\n  constructor\n  · sorry\n  · sorry"
FILE = f"theorem t (p q : Prop) (hp : p) (hq : q) : (p ∧ q) ∧ p := {PROOF}\n"


def claimed(tactic: str) -> Suggestion:
    """A tactic of which somebody says that it closes the goal."""
    return Suggestion(tactic, TacticOutcome.CLOSES_GOAL, (), 0.0, "claimed", 0.0)


async def test_a_tactic_that_leaves_goals_is_not_offered_while_another_sorry_is_open(lean_client: Client) -> None:
    file = lean_file.parse(FILE)
    options = SearchOptions()
    looked = await closing.look(lean_client, file, 0, 0, options, most=1)
    assert not looked.complete
    claims = Suggestions(looked.suggestions.goals, (claimed("constructor"), claimed("exact ⟨hp, hq⟩")), 2)
    offered = closing.HoleSuggestions(claims, options, looked.place, looked.complete, looked.whole).closings(
        lean_client
    )
    assert [text async for _, text in offered] == ["exact ⟨hp, hq⟩"]


async def test_a_long_budget_does_not_ask_for_a_longer_look_than_servers_take(lean_client: Client) -> None:
    file = lean_file.parse(FILE)
    looked = await closing.look(lean_client, file, 0, 0, SearchOptions(Budget(seconds=3000.0)), most=1)
    assert looked.suggestions.suggestions
