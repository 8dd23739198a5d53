"""What a learner asks, and what the tutor answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from prover.options import CheckOptions
from prover.theorem import Theorem

MOST_GOALS = 8
"""Open goals up to which a hint is made."""

MOST_STEPS = 511
"""Steps of a half proof, those inside others and bullets among them: Lean's worker tells no more than one further."""


class Level(StrEnum):
    """How much a hint gives away, in the order in which hints are given."""

    QUESTION = "question"
    DIRECTION = "direction"
    NAME = "name"
    NEXT_STEP = "next_step"
    FULL_STEP = "full_step"

    @property
    def next(self) -> "Level":
        """One more; the last one stays."""
        levels = list(Level)
        return levels[min(levels.index(self) + 1, len(levels) - 1)]


class Fact(StrEnum):
    """What Lean has said before a hint is given."""

    NAME_EXISTS = "name_exists"
    """What the hint names is a constant of the library, of the context, or of the goal."""
    STEP_RAN = "step_ran"
    """The step that the hint is about was run on the learner's own goal."""
    PROOF_GOES_ON = "proof_goes_on"
    """The kernel accepted a whole proof that begins with the learner's text and goes on with this step."""
    GOAL_CLOSED = "goal_closed"
    """Lean closes the goals there, going on with this step; the learner has left other places open."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One fact about a hint, and what it is about."""

    fact: Fact
    about: str


class Veto(StrEnum):
    """Why a hint was not given as it was phrased first."""

    FALSE_CLAIM = "false_claim"
    LEAK = "leak"
    SEVERAL_STEPS = "several_steps"
    CONTRADICTION = "contradiction"


@dataclass(frozen=True, slots=True)
class GivenHint:
    """A hint that was given before, as its learner keeps it.

    Attributes:
        step: names the step that it is about: a digest of the goal and of the step.
    """

    level: Level
    step: str


@dataclass(frozen=True, slots=True)
class Hint:
    """A hint.

    Attributes:
        text: what the learner reads; code stands between backticks, or in lines of its own that begin with four blanks.
        step: as in `GivenHint`.
        checked: what Lean has said before it was given.
        fixed: no phrasing passed the vetoes, so that this is the sentence that says nothing.
        by_model: a language model has reworded it.
    """

    level: Level
    text: str
    step: str
    checked: tuple[Checked, ...]
    fixed: bool = False
    by_model: bool = False


class HintOutcome(StrEnum):
    """What became of a question for a hint."""

    HINT = "hint"
    READ = "read"  # no hint was wanted
    PROVED = "proved"
    DEAD_END = "dead_end"  # the goal that the learner has come to is false
    THEOREM_FALSE = "theorem_false"
    NOT_CONTINUED = "not_continued"  # no verified proof that goes on from there was found
    TOO_MANY_GOALS = "too_many_goals"
    CASE_MISSING = "case_missing"  # of an induction, or of a distinction of cases
    NO_TACTICS = "no_tactics"  # the proof is a term that is not complete


@dataclass(frozen=True, slots=True)
class Refused:
    """A step of the learner with which the proof cannot go on.

    Attributes:
        text: the step, or the line where what is written cannot be read.
        line, column: where it begins, from 1 and from 0.
        reason: what Lean says.
        goal: before the step; empty where it is not known.
    """

    text: str
    line: int
    column: int
    reason: str
    goal: str = ""


@dataclass(frozen=True, slots=True)
class Tutoring:
    """A learner's question.

    Attributes:
        proof: what follows `:=`, as far as the learner has come: `by` and tactics, or a term that is complete. Empty: nothing yet.
        earlier: hints that were given for this theorem, as the learner has kept them: nothing is kept here.
        proofs: of a teacher; followed before any other, once Lean has verified them.
        wanted: whether a hint is wanted, or only how far the proof holds.
        seconds: wall-clock bound.
        check: of each question to Lean.
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
    """A step of the learner that Lean accepts. `line` from 1, `column` from 0; `open` goals behind it, the first of them in `goals`."""

    text: str
    line: int
    column: int
    goals: tuple[str, ...]
    open: int


@dataclass(frozen=True, slots=True)
class Tutored:
    """The answer.

    Attributes:
        sentence: the answer in words; the text of the hint, if there is one.
        steps: of the learner, as far as Lean accepts them.
        goals: the first of those that are open there.
        open: how many are.
        refused: what Lean did not accept behind that.
        counterexample: variables with values, where something is false by such values.
        vetoes: how often each was raised.
        revisions: phrasings that were vetoed.
        proofs: distinct verified proofs that go on from there.
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
