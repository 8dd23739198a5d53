"""Formats a tactic script in Mathlib's style: if there are several goals, each gets its own block after `·` or its case
name.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prover.search.tactics.moves.steps import fill, holes


@dataclass(frozen=True, slots=True)
class Move:
    """A tactic that was run on the first goal.

    Attributes:
        text: the tactic as it was run.
        step: the tactic with holes `□` where its remaining goals are proved, if it can be written so.
        goals: number of goals that replaced the first one.
    """

    text: str
    step: str
    goals: int


_INTRODUCED = re.compile(r"intro ((?:\S+ )*)(\S+)\n( *)obtain (⟨[^\n]*⟩) := \2(?=\n)")


def laid_out(moves: Sequence[Move]) -> str:
    """Return the script as one formatted tactic block."""
    rest = iter(moves)
    block = "\n".join(iter(lambda: _block(rest), ""))
    return _INTRODUCED.sub(r"rintro \1\4", block)


def _block(moves: Iterator[Move]) -> str:
    """Return the next move with the moves that prove its remaining goals; "" at the end."""
    move = next(moves, None)
    if move is None:
        return ""
    inner = [_block(moves) for _ in range(move.goals)]
    if any(not each for each in inner):  # the script is incomplete
        return "\n".join(filter(None, [move.text, *inner]))
    if move.goals and holes(move.step) == move.goals:
        return fill(move.step, inner)
    if move.goals > 1:
        inner = ["· " + each.replace("\n", "\n  ") for each in inner]
    return "\n".join([move.text, *inner])
