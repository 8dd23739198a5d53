"""Requests and answers of the tutor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from prover.options import CheckOptions
from prover.theorem import Theorem

MOST_GOALS = 8
"""Maximum number of open goals for which a hint is made."""

MOST_STEPS = 511
"""Maximum number of steps of a partial proof, nested ones and bullets included: Lean's worker reports one step more at
most.
"""


class Level(StrEnum):
    """How much a hint reveals, in the order in which hints are given."""

    QUESTION = "question"
    DIRECTION = "direction"
    NAME = "name"
    NEXT_STEP = "next_step"
    FULL_STEP = "full_step"

    @property
    def next(self) -> "Level":
        """Return the next level; the last one is its own successor."""
        levels = list(Level)
        return levels[min(levels.index(self) + 1, len(levels) - 1)]


class Fact(StrEnum):
    """Facts that Lean confirms before a hint is given."""

    NAME_EXISTS = "name_exists"
    """A name in the hint is a constant of the library or context, or occurs in the goal."""
    STEP_RAN = "step_ran"
    """The hint's step was run on the learner's goal."""
    PROOF_GOES_ON = "proof_goes_on"
    """The kernel accepted a whole proof that consists of the learner's text, this step, and more."""
    GOAL_CLOSED = "goal_closed"
    """Lean closes the current goals with this step and more; the learner has left other places open."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A confirmed fact and its subject."""

    fact: Fact
    about: str


class Veto(StrEnum):
    """The reason why a phrasing of a hint was rejected."""

    FALSE_CLAIM = "false_claim"
    LEAK = "leak"
    SEVERAL_STEPS = "several_steps"
    CONTRADICTION = "contradiction"


@dataclass(frozen=True, slots=True)
class GivenHint:
    """An earlier hint, as its learner has kept it.

    Attributes:
        step: identifies the hint's step: a digest of goal and step.
    """

    level: Level
    step: str


@dataclass(frozen=True, slots=True)
class Hint:
    """A hint.

    Attributes:
        text: text for the learner; code is in backticks, or on separate lines indented by four blanks.
        step: as in `GivenHint`.
        checked: facts that Lean confirmed before it was given.
        fixed: whether no phrasing passed the vetoes, so that the text is a fixed sentence without content.
        by_model: whether a language model reworded it.
    """

    level: Level
    text: str
    step: str
    checked: tuple[Checked, ...]
    fixed: bool = False
    by_model: bool = False


class HintOutcome(StrEnum):
    """The outcome of a request for a hint."""

    HINT = "hint"
    READ = "read"  # no hint was requested
    PROVED = "proved"
    DEAD_END = "dead_end"  # the learner's current goal is false
    THEOREM_FALSE = "theorem_false"
    NOT_CONTINUED = "not_continued"  # no verified proof that continues from there was found
    TOO_MANY_GOALS = "too_many_goals"
    CASE_MISSING = "case_missing"  # a case of an induction or case split is missing
    NO_TACTICS = "no_tactics"  # the proof is an incomplete term


@dataclass(frozen=True, slots=True)
class Refused:
    """A rejected step of the learner.

    Attributes:
        text: the step, or the line with a syntax error.
        line, column: its beginning, from 1 and from 0.
        reason: Lean's message.
        goal: goal before the step; empty if unknown.
    """

    text: str
    line: int
    column: int
    reason: str
    goal: str = ""


@dataclass(frozen=True, slots=True)
class Tutoring:
    """A learner's request.

    Attributes:
        proof: text after `:=` so far: `by` and tactics, or a complete term. Empty: nothing yet.
        earlier: earlier hints for this theorem, kept by the learner: the tutor stores nothing.
        proofs: a teacher's proofs; followed before all others once Lean has verified them.
        wanted: whether to give a hint, or only to report how far the proof holds.
        seconds: wall-clock limit.
        check: terms of each question to Lean.
    """

    theorem: Theorem
    proof: str = ""
    earlier: tuple[GivenHint, ...] = ()
    proofs: tuple[str, ...] = ()
    wanted: bool = True
    seconds: float = 10.0
    check: CheckOptions = field(default_factory=CheckOptions)


@dataclass(frozen=True, slots=True)
class LearnerStep:
    """A learner's step that Lean accepts.

    `line` from 1, `column` from 0; `open` goals remain after it, the first of them in `goals`.
    """

    text: str
    line: int
    column: int
    goals: tuple[str, ...]
    open: int


@dataclass(frozen=True, slots=True)
class Tutored:
    """The tutor's answer.

    Attributes:
        sentence: the answer in words; the text of the hint, if there is one.
        steps: the learner's accepted steps.
        goals: the first open goals after these.
        open: number of open goals.
        refused: the step after these that Lean rejects.
        counterexample: values of variables, if they falsify a goal or the theorem.
        vetoes: number of times each veto was raised.
        revisions: number of vetoed phrasings.
        proofs: number of distinct verified proofs that continue from there.
    """

    outcome: HintOutcome
    sentence: str
    hint: Hint | None = None
    steps: tuple[LearnerStep, ...] = ()
    goals: tuple[str, ...] = ()
    open: int = 0
    refused: Refused | None = None
    counterexample: tuple[tuple[str, str], ...] = ()
    vetoes: Mapping[Veto, int] = field(default_factory=dict)
    revisions: int = 0
    proofs: int = 0
