"""What a teacher opens, who joins, and how far they have come."""

from dataclasses import dataclass

from prover.errors import UserError
from prover.theorem import Theorem
from prover.tutor.hints import HintOutcome, Level


class NoClassroomError(UserError):
    """There is no such classroom or learner, or it is not the caller's (who asks is not told which)."""


@dataclass(frozen=True, slots=True)
class ClassroomTheorem:
    """A theorem that learners are to prove.

    Attributes:
        id: what learners and teacher call it.
        theorem: to prove.
        proofs: the teacher's, followed before any other; learners do not see them.
    """

    id: str
    theorem: Theorem
    proofs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a learner has written of a theorem. Times are seconds since the epoch.

    Attributes:
        theorem: the id of the theorem.
        proof: what was sent last; empty where it is not asked for.
        outcome: of the last answer; None before the first.
        open, goal: goals that are open there, and the beginning of the first of them.
        fault: what Lean did not accept, in a sentence.
        goal_since: since when the learner is at this goal.
        hints: that were given.
        highest: level of the hints that were given last.
        begun, asked: when the first and the last proof were sent.
        finished: when the kernel first accepted the proof; None: not yet.
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
    """One who has joined: a name of their own choice, and what was begun."""

    id: str
    name: str
    joined: float
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Classroom:
    """Theorems that are open to learners, until `expires`.

    Attributes:
        id: known to the teacher alone.
        code: with which learners join.
        learners: how many have joined.
        created, expires: seconds since the epoch.
    """

    id: str
    label: str
    code: str
    theorems: tuple[ClassroomTheorem, ...]
    learners: int
    created: float
    expires: float
