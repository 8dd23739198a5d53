"""Requests and answers for tactic suggestions."""

from dataclasses import dataclass, field
from enum import StrEnum

from prover.options import CheckOptions, Sampling
from prover.theorem import Header, Theorem
from prover.verdict import Trust


@dataclass(frozen=True, slots=True)
class TacticScript:
    """A theorem, and the tactic blocks run so far."""

    theorem: Theorem
    script: tuple[str, ...] = ()

    @property
    def project(self) -> str:
        """The theorem's project."""
        return self.theorem.project


@dataclass(frozen=True, slots=True)
class FilePosition:
    """A position in a file of a project: a `sorry`, or the end of a tactic.

    Lines count from 1, columns (code points) from 0.
    """

    text: str
    line: int
    column: int
    project: str = ""


@dataclass(frozen=True, slots=True)
class PrintedGoal:
    """A goal as Lean prints it, with its header and context."""

    goal: str
    header: Header = field(default_factory=Header)
    context: str = ""
    project: str = ""


@dataclass(frozen=True, slots=True)
class Suggest:
    """A request for tactics.

    Attributes:
        place: the place for the tactics.
        most: number of suggestions wanted.
        prefix: required beginning of the tactics.
        seconds: wall-clock limit.
        check: options of each trial: limits, policy and priority.
        sampler: name of a sampler; empty: the default.
        sampling: sampling parameters of the model.
    """

    place: TacticScript | FilePosition | PrintedGoal
    most: int = 8
    prefix: str = ""
    seconds: float = 10.0
    check: CheckOptions = field(default_factory=CheckOptions)
    sampler: str = ""
    sampling: Sampling = field(default_factory=Sampling)


class TacticOutcome(StrEnum):
    """The effect of a tactic on the first goal."""

    CLOSES_GOAL = "closes_goal"
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A tactic that ran without an error.

    Attributes:
        goals: goals that remain of the first goal.
        score: higher is better; comparable only within one answer.
        source: the proposer.
        seconds: duration in Lean.
        trust: tier of the whole proof, if the tactic completes one.
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
        goals: goals at the place; tactics act on the first.
        suggestions: closing tactics first, then by score.
        tried: number of tactics tried in Lean.
        term: whether a term is expected: a tactic needs `by` before it.
        timed_out: whether the time was over before all proposals had been tried.
    """

    goals: tuple[str, ...]
    suggestions: tuple[Suggestion, ...]
    tried: int
    term: bool = False
    timed_out: bool = False
