"""Writes a script of tactics as Mathlib's style guide asks: each goal of several in a block of its own, after `·` or its case."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prover.search.tactics.moves.steps import fill, holes


@dataclass(frozen=True, slots=True)
class Move:
    """A tactic that was run on the first goal.

    Attributes:
        text: as it was run.
        step: the same with holes `□` where the goals that it leaves are proved, if there is such a way to write it.
        goals: how many goals took the first one's place.
    """

    text: str
    step: str
    goals: int


_INTRODUCED = re.compile(r"intro ((?:\S+ )*)(\S+)\n( *)obtain (⟨[^\n]*⟩) := \2(?=\n)")


def laid_out(moves: Sequence[Move]) -> str:
    """The script as one tactic block."""
    rest = iter(moves)
    block = "\n".join(iter(lambda: _block(rest), ""))
    return _INTRODUCED.sub(r"rintro \1\4", block)


def _block(moves: Iterator[Move]) -> str:
    """The next move, with the moves that prove what it leaves; "" at the end."""
    move = next(moves, None)
    if move is None:
        return ""
    inner = [_block(moves) for _ in range(move.goals)]
    if any(not each for each in inner):  # a script that is not complete
        return "\n".join(filter(None, [move.text, *inner]))
    if move.goals and holes(move.step) == move.goals:
        return fill(move.step, inner)
    if move.goals > 1:
        inner = ["· " + each.replace("\n", "\n  ") for each in inner]
    return "\n".join([move.text, *inner])
