"""Questions of one seed search to Lean: counted, cached, and kept if they are proofs."""

from dataclasses import dataclass, field
from enum import StrEnum

from prover.candidate import Candidate
from prover.lean.checker import Checker, Terms
from prover.sampling.portfolio.portfolio import templates
from prover.search.diversity import normalise
from prover.search.tactics.goals.goal import Goal
from prover.search.tactics.scripts.partial import GoalReader, goals_left
from prover.verdict import Limits, Message, VerdictKind
from training.corpus.record import TheoremRecord


class InfrastructureError(RuntimeError):
    """Lean gave no answer; the text gives the reason. Nothing is known about the theorem."""


@dataclass(frozen=True, slots=True)
class SeedBudget:
    """Budget of the search for a theorem.

    Attributes:
        proofs: number of different proofs wanted.
        requests: maximum number of questions to Lean: checks of whole and partial proofs.
        seconds: wall-clock limit.
        depth: maximum nesting of steps.
        limits: limits of each request.
        only: prefixes of names of portfolio templates. If given, only these templates are tried, and plans if `plan` is
            among them: for proofs that the search rarely reaches because shorter ones satisfy it first.
    """

    proofs: int = 12
    requests: int = 200
    seconds: float = 90.0
    depth: int = 3
    limits: Limits = field(default_factory=lambda: Limits(seconds=8.0))
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError if a part is invalid."""
        if min(self.proofs, self.requests, self.depth + 1) < 1 or self.seconds <= 0:
            raise ValueError("proofs, requests and seconds must be positive, depth not negative")
        for prefix in self.only:
            if prefix != "plan" and not any(template.name.startswith(prefix) for template in templates()):
                raise ValueError(f"No template of the portfolio has a name that begins with {prefix!r}.")


class SeedEnding(StrEnum):
    """The reason why the search of a theorem ended."""

    PROOFS_FOUND = "proofs_found"
    EXHAUSTED = "exhausted"
    REQUESTS_SPENT = "requests_spent"
    SECONDS_SPENT = "seconds_spent"
    INVALID_STATEMENT = "invalid_statement"


class OverError(Exception):
    """The search has ended."""

    def __init__(self, ending: SeedEnding) -> None:
        """Store the reason."""
        self.ending = ending


class Questions:
    """Questions about one theorem.

    Attributes:
        asked: number of questions.
        proofs: found proofs with their origins, by the key that equal proofs share.
    """

    def __init__(self, lean: GoalReader, checker: Checker, record: TheoremRecord, budget: SeedBudget) -> None:
        """Use `lean` for partial proofs and `checker` for whole ones."""
        self.asked = 0
        self.proofs: dict[str, tuple[str, str]] = {}
        self._lean = lean
        self._checker = checker
        self._theorem = record.theorem
        self._budget = budget
        self._terms = Terms(budget.limits, record.policy)
        self._checked: dict[str, bool] = {}
        self._read: dict[str, tuple[tuple[Goal, ...] | None, tuple[Message, ...]]] = {}

    async def holds(self, proof: str) -> bool:
        """Whether a partial proof elaborates without errors."""
        return await self.goals(proof) is not None

    async def goals(self, proof: str) -> tuple[Goal, ...] | None:
        """Return the goals at the `sorry`s of a partial proof; None if it does not elaborate."""
        goals, _ = await self._request(proof)
        return goals

    async def messages(self, proof: str) -> tuple[Message, ...]:
        """Return Lean's messages on a partial proof."""
        _, messages = await self._request(proof)
        return messages

    async def _request(self, proof: str) -> tuple[tuple[Goal, ...] | None, tuple[Message, ...]]:
        if proof in self._read:
            return self._read[proof]
        self._spend()
        answer = await self._lean.goals(self._theorem, proof, self._terms)
        if answer.verdict is VerdictKind.INFRASTRUCTURE:
            raise InfrastructureError("; ".join(message.text for message in answer.messages))
        self._read[proof] = (goals_left(answer), answer.messages)
        return self._read[proof]

    async def proves(self, proof: str, origin: str) -> bool:
        """Check a whole proof, and keep it if it is verified and new."""
        key = normalise(proof)
        if key not in self._checked:
            self._spend()
            candidate = Candidate(proof, source="seeds")
            verdict = await self._checker.check(self._theorem, candidate, self._terms)
            if verdict.kind is VerdictKind.INFRASTRUCTURE:
                raise InfrastructureError("; ".join(message.text for message in verdict.messages))
            if verdict.kind is VerdictKind.INVALID_STATEMENT:
                raise OverError(SeedEnding.INVALID_STATEMENT)
            self._checked[key] = verdict.verified
            if verdict.verified:
                self.proofs[key] = (proof, origin)
                if len(self.proofs) >= self._budget.proofs:
                    raise OverError(SeedEnding.PROOFS_FOUND)
        return self._checked[key]

    def _spend(self) -> None:
        if self.asked >= self._budget.requests:
            raise OverError(SeedEnding.REQUESTS_SPENT)
        self.asked += 1
