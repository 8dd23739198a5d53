"""Classrooms, learners and their progress."""

from dataclasses import dataclass

from prover.errors import UserError
from prover.theorem import Theorem
from prover.tutor.hints import HintOutcome, Level


class NoClassroomError(UserError):
    """The classroom or learner does not exist or belongs to another caller (the caller is not told which)."""


@dataclass(frozen=True, slots=True)
class ClassroomTheorem:
    """A theorem for learners.

    Attributes:
        id: name for learners and teacher.
        theorem: the theorem to prove.
        proofs: the teacher's proofs, preferred for hints; hidden from learners.
    """

    id: str
    theorem: Theorem
    proofs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """A learner's attempt at a theorem. Times are seconds since the epoch.

    Attributes:
        theorem: id of the theorem.
        proof: last submitted text; empty if not requested.
        outcome: outcome of the last answer; None before the first.
        open, goal: number of open goals, and the beginning of the first one.
        fault: Lean's error, as one sentence.
        goal_since: time since which the learner has had this goal.
        hints: number of hints given.
        highest: level of the last hints.
        begun, asked: times of the first and the last submission.
        finished: time when the kernel first accepted the proof; None: not yet.
    """

    theorem: str
    proof: str
    outcome: HintOutcome | None
    open: int
    goal: str
    fault: str
    goal_since: float
    hints: int
    highest: Level | None
    begun: float
    asked: float
    finished: float | None


@dataclass(frozen=True, slots=True)
class JoinedLearner:
    """A learner in a classroom: a self-chosen name, and the attempts."""

    id: str
    name: str
    joined: float
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Classroom:
    """A set of theorems open to learners until `expires`.

    Attributes:
        id: known only to the teacher.
        code: code with which learners join.
        learners: number of learners.
        created, expires: seconds since the epoch.
    """

    id: str
    label: str
    code: str
    theorems: tuple[ClassroomTheorem, ...]
    learners: int
    created: float
    expires: float


@dataclass(frozen=True, slots=True)
class Classwork:
    """A classroom as a learner sees it, until `expires`: the theorems without the teacher's proofs, and the learner's own work."""

    label: str
    theorems: tuple[ClassroomTheorem, ...]
    learner: JoinedLearner
    expires: float
