"""What is asked when tactics are wanted for a goal, and what is answered."""

from dataclasses import dataclass, field
from enum import StrEnum

from prover.options import CheckOptions, Sampling
from prover.theorem import Header, Theorem
from prover.verdict import Trust


@dataclass(frozen=True, slots=True)
class TacticScript:
    """A theorem, and the tactic blocks that were run so far."""

    theorem: Theorem
    script: tuple[str, ...] = ()

    @property
    def project(self) -> str:
        """That of the theorem."""
        return self.theorem.project


@dataclass(frozen=True, slots=True)
class FilePosition:
    """A place in a file of a project: a `sorry`, or the end of a tactic. Lines count from 1, columns (code points) from 0."""

    text: str
    line: int
    column: int
    project: str = ""


@dataclass(frozen=True, slots=True)
class PrintedGoal:
    """A goal as Lean prints it, and under what."""

    goal: str
    header: Header = field(default_factory=Header)
    context: str = ""
    project: str = ""


@dataclass(frozen=True, slots=True)
class Suggest:
    """Tactics wanted.

    Attributes:
        place: where they are to be used.
        most: suggestions wanted.
        prefix: what they must begin with.
        seconds: wall-clock bound.
        check: of each try: limits, policy and priority.
        sampler: name of one of the samplers; empty for the default.
        sampling: how a model samples.
    """

    place: TacticScript | FilePosition | PrintedGoal
    most: int = 8
    prefix: str = ""
    seconds: float = 10.0
    check: CheckOptions = field(default_factory=CheckOptions)
    sampler: str = ""
    sampling: Sampling = field(default_factory=Sampling)


class TacticOutcome(StrEnum):
    """What a tactic did to the first goal."""

    CLOSES_GOAL = "closes_goal"
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A tactic that Lean has run without an error.

    Attributes:
        goals: what is left of the first goal.
        score: higher is better; comparable within one answer only.
        source: who proposed it.
        seconds: how long Lean took.
        trust: how far the whole proof was checked, if the tactic completes one.
    """

    tactic: str
    outcome: TacticOutcome
    goals: tuple[str, ...]
    score: float
    source: str
    seconds: float
    trust: Trust = Trust.NONE


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Tactics for a place.

    Attributes:
        goals: at the place; tactics work on the first.
        suggestions: best first: those that close it, then by score.
        tried: tactics that were tried in Lean.
        term: a term stands there: `by` goes before a tactic.
        timed_out: the time was over before everything proposed had been tried.
    """

    goals: tuple[str, ...]
    suggestions: tuple[Suggestion, ...]
    tried: int
    term: bool = False
    timed_out: bool = False
