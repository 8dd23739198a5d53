"""Partial proofs: the whole theorem with `sorry` where something is left, and what Lean says of it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from prover.lean.checker import Terms
from prover.lean.wire.answers import SorryGoals
from prover.search.tactics.goals.goal import Goal, read_goal
from prover.theorem import Theorem
from prover.verdict import VerdictKind

Place = Callable[[str], str]
"""Puts a tactic block where a goal stands in a proof of the whole theorem; elsewhere that may have `sorry`."""


class GoalReader(Protocol):
    """Says what is left to prove; `WorkerPool` does."""

    async def goals(self, theorem: Theorem, proof: str, terms: Terms = ...) -> SorryGoals:
        """The goals at each `sorry` of a proof."""
        ...


def root(block: str) -> str:
    """A proof of the whole theorem: the outermost `Place`."""
    return "by\n" + "\n".join(f"  {line}" for line in block.split("\n"))


def goals_left(answer: SorryGoals) -> tuple[Goal, ...] | None:
    """The goal at each `sorry` of a proof; None if it does not elaborate."""
    if answer.verdict is not VerdictKind.VERIFIED or any(each.severity == "error" for each in answer.messages):
        return None
    return tuple(read_goal(text) for sorry in answer.sorries for text in sorry.goals[:1])


def goals_at(place: Place, left: Sequence[Goal], count: int) -> Sequence[Goal] | None:
    """The goals of a step with `count` holes at a place, of all that are left: those after the `sorry`s in front of it.

    None if there are not so many.
    """
    before = place("□").partition("□")[0].count("sorry")
    own = left[before : before + count]
    return own if len(own) == count else None
