"""The seam for whatever says whether a proof is one."""

from dataclasses import dataclass, field
from typing import Protocol

from prover.candidate import Candidate
from prover.lean.workers.jobs import Priority
from prover.theorem import Theorem
from prover.verdict import Limits, Policy, Verdict


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms Lean is asked: within which bounds, what a text may use, and who goes first where several wait."""

    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    priority: Priority = Priority.INTERACTIVE


DEFAULT_TERMS = Terms()


class Checker(Protocol):
    """Checks candidate proofs: `WorkerPool`, the isolated checker that it lends, and what wraps them (records, caches)."""

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """Say whether `candidate` proves `theorem`. Cancelling the caller's task stops the check in Lean.

        Raises:
            PoolBusyError: too many checks wait already; try again later.
            ValueError: a limit is out of range.
        """
        ...
