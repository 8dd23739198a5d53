"""Partial proofs: the whole theorem with `sorry` at open goals, and the goals that Lean reports for it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from prover.lean.checker import Terms
from prover.lean.wire.answers import SorryGoals
from prover.search.tactics.goals.goal import Goal, read_goal
from prover.theorem import Theorem
from prover.verdict import VerdictKind

Place = Callable[[str], str]
"""Inserts a tactic block at a goal's position in a proof of the whole theorem, which may have `sorry` elsewhere."""


class GoalReader(Protocol):
    """Reads open goals; `WorkerPool` implements it."""

    async def goals(self, theorem: Theorem, proof: str, terms: Terms = ...) -> SorryGoals:
        """Return the goals at each `sorry` of a proof."""
        ...


def root(block: str) -> str:
    """Build a proof of the whole theorem from a tactic block: the outermost `Place`."""
    return "by\n" + "\n".join(f"  {line}" for line in block.split("\n"))


def goals_left(answer: SorryGoals) -> tuple[Goal, ...] | None:
    """Return the goal at each `sorry` of a proof; None if it does not elaborate."""
    if answer.verdict is not VerdictKind.VERIFIED or any(each.severity == "error" for each in answer.messages):
        return None
    return tuple(read_goal(text) for sorry in answer.sorries for text in sorry.goals[:1])


def goals_at(place: Place, left: Sequence[Goal], count: int) -> Sequence[Goal] | None:
    """Return the goals of a step with `count` holes at a place. The goals of `sorry`s before it are skipped.

    None if there are fewer goals.
    """
    before = place("□").partition("□")[0].count("sorry")
    goals = left[before : before + count]
    return goals if len(goals) == count else None
