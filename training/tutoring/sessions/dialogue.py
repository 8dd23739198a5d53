"""The record of a session: its turns, the judgements of Lean and of rules on the hints, and the rubric."""

import itertools
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Help(StrEnum):
    """The kind of help for a learner."""

    NONE = "none"
    """Only whether the whole proof is accepted."""
    ERRORS = "errors"
    """Lean's messages for each step."""
    PROOF = "proof"
    """Lean's errors, and a whole proof on request."""
    RULES = "rules"
    """Lean's errors, and the tutor's hints by rules."""
    LEARNT = "learnt"
    """Lean's errors, and the tutor's hints by a learnt policy."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Turn(_Row):
    """An action of a learner or the tutor."""

    who: str
    """The kind of learner, or `tutor`."""
    does: Literal["writes", "hints", "tells", "shows", "takes_back", "gives_up"]
    """The action; the tutor `tells` if there is no hint to give."""
    text: str = ""
    """The text written or given."""
    accepted: bool | None = None
    """For a learner's text: whether Lean accepts it."""
    reason: str = ""
    """Lean's reason for a rejection."""
    level: str = ""
    """Level of a hint."""
    step: str = ""
    """Identifier of a hint's step."""
    fixed: bool = False
    """Whether the hint is the fixed sentence without content."""
    vetoes: tuple[str, ...] = ()
    """Vetoes raised against phrasings of it, with repetitions."""
    leak: bool = False
    """For a hint below the last level: whether the kernel accepts code in it as the rest of the proof."""
    false: str = ""
    """A false statement in it; empty: none."""


class Rubric(_Row):
    """Three scores from -2 to 2 and a veto, determined by Lean and by rules."""

    structure: float
    """Progress of the proof."""
    strategy: float
    """Share of it found by the learners, reduced by useless hints."""
    care: float
    """Adherence of hints to the rules: fixed sentences and revisions reduce it."""
    veto: bool
    """Whether a hint was false, gave the proof away, or contradicted an earlier one."""
    reward: float
    """`(1 - veto) * (structure + strategy + care) - 15 * veto`."""


class Dialogue(_Row):
    """A session; one JSON object per line in a file."""

    theorem: str
    """Name of the theorem."""
    learners: tuple[str, ...]
    """Kinds of the learners; several take turns on one proof."""
    help: Help
    """The learners' kind of help."""
    seed: int
    """Seed of all random choices."""
    turns: tuple[Turn, ...]
    """The actions in order."""
    finished: bool
    """Whether the proof is complete: the kernel has accepted it."""
    proof: str
    """The proof at the end."""
    steps: int
    """Number of steps of that proof, in the order of writing."""
    own: int
    """Number of these steps written without having been shown."""
    progress: float
    """Completed share of the theorem's proof: 1 if it is finished."""
    rubric: Rubric
    """The scores of the tutoring."""

    @property
    def hints(self) -> list[Turn]:
        """Return the turns in which the tutor gave a hint or a proof."""
        return [turn for turn in self.turns if turn.does in ("hints", "shows")]

    @property
    def false(self) -> int:
        """False statements of the tutor."""
        return sum(bool(turn.false) for turn in self.turns)


def rubric(turns: tuple[Turn, ...], progress: float, finished: bool, steps: int, own: int) -> Rubric:
    """Return the scores of a session."""
    hints = [turn for turn in turns if turn.does == "hints"]
    shown = [turn for turn in turns if turn.does == "shows"]
    wasted = sum(one.step == other.step for one, other in itertools.pairwise(hints))
    structure = 2.0 if finished else -2 + 3 * progress
    found = 4 * own / max(1, steps) - 2 if steps else -2.0
    found = max(-2.0, found - 0.15 * wasted - 0.05 * len(hints))
    care = 2 - sum(turn.fixed for turn in hints) - 0.1 * sum(len(turn.vetoes) for turn in hints)
    care = max(-2.0, care)
    veto = bool(shown) or any(turn.leak or turn.false for turn in turns)
    total = structure + found + care
    reward = -15.0 if veto else total
    return Rubric(
        structure=round(structure, 4),
        strategy=round(found, 4),
        care=round(care, 4),
        veto=veto,
        reward=round(reward, 4),
    )
