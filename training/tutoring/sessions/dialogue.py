"""What a session leaves behind: its turns, what Lean and rules say of the hints, and the rubric."""

import itertools
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Help(StrEnum):
    """What a learner has beside the theorem."""

    NONE = "none"
    """Only whether the whole proof is accepted."""
    ERRORS = "errors"
    """What Lean says of each step."""
    PROOF = "proof"
    """Lean's errors, and when asked a whole proof."""
    RULES = "rules"
    """Lean's errors, and the tutor's hints by rules."""
    LEARNT = "learnt"
    """Lean's errors, and the tutor's hints by a learnt policy."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Turn(_Row):
    """One thing that a learner or the tutor did."""

    who: str
    """The kind of learner, or `tutor`."""
    does: Literal["writes", "hints", "tells", "shows", "takes_back", "gives_up"]
    """What was done; the tutor `tells` where there is no hint to give."""
    text: str = ""
    """What was written or said."""
    accepted: bool | None = None
    """Of what a learner writes: whether Lean accepts it."""
    reason: str = ""
    """Lean's, where it does not."""
    level: str = ""
    """Of a hint."""
    step: str = ""
    """Of a hint: names the step that it is about."""
    fixed: bool = False
    """The hint is the sentence that says nothing."""
    vetoes: tuple[str, ...] = ()
    """Why phrasings of it were not given, each as often as it was raised."""
    leak: bool = False
    """Of a hint below the last level: the kernel accepts code in it as the rest of the proof."""
    false: str = ""
    """What of it is not so; empty: nothing."""


class Rubric(_Row):
    """Three axes from -2 to 2 and a veto, by Lean and by rules."""

    structure: float
    """How far the proof came."""
    strategy: float
    """How much of it the learners found, and how few hints were of no help."""
    care: float
    """How well the hints were kept to what may be said: fixed sentences and revisions count against it."""
    veto: bool
    """A hint was false, gave the proof away, or went against an earlier one."""
    reward: float
    """`(1 - veto) * (structure + strategy + care) - 15 * veto`."""


class Dialogue(_Row):
    """One session; one JSON object a line in a file."""

    theorem: str
    """Its name."""
    learners: tuple[str, ...]
    """Their kinds; several work at one proof, a turn each."""
    help: Help
    """What they had."""
    seed: int
    """Of all that was drawn."""
    turns: tuple[Turn, ...]
    """In order."""
    finished: bool
    """Whether the proof is complete: the kernel has accepted it."""
    proof: str
    """As it was at the end."""
    steps: int
    """Steps of that proof, as they were written one after the other."""
    own: int
    """Those of them that were written without having been shown."""
    progress: float
    """How much of the theorem's proof that is: 1 if it is finished."""
    rubric: Rubric
    """What the tutoring was worth."""

    @property
    def hints(self) -> list[Turn]:
        """What the tutor gave: hints and proofs."""
        return [turn for turn in self.turns if turn.does in ("hints", "shows")]

    @property
    def false(self) -> int:
        """Things that the tutor said and that are not so."""
        return sum(bool(turn.false) for turn in self.turns)


def rubric(turns: tuple[Turn, ...], progress: float, finished: bool, steps: int, own: int) -> Rubric:
    """What a session was worth."""
    hints = [turn for turn in turns if turn.does == "hints"]
    shown = [turn for turn in turns if turn.does == "shows"]
    wasted = sum(one.step == other.step for one, other in itertools.pairwise(hints))
    structure = 2.0 if finished else -2 + 3 * progress
    strategy = 4 * own / max(1, steps) - 2 if steps else -2.0
    strategy = max(-2.0, strategy - 0.15 * wasted - 0.05 * len(hints))
    care = 2 - sum(turn.fixed for turn in hints) - 0.1 * sum(len(turn.vetoes) for turn in hints)
    care = max(-2.0, care)
    veto = bool(shown) or any(turn.leak or turn.false for turn in turns)
    total = structure + strategy + care
    reward = -15.0 if veto else total
    return Rubric(
        structure=round(structure, 4),
        strategy=round(strategy, 4),
        care=round(care, 4),
        veto=veto,
        reward=round(reward, 4),
    )
