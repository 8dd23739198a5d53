"""The seam for whatever says whether a proof is one."""

from typing import Protocol

from prover.candidate import Candidate
from prover.theorem import Theorem
from prover.verdict import Limits, Policy, Verdict

DEFAULT_LIMITS = Limits()
DEFAULT_POLICY = Policy()


class Checker(Protocol):
    """Checks candidate proofs. Implementations: `WorkerPool`, and the isolated checker that it lends."""

    async def check(
        self,
        theorem: Theorem,
        candidate: Candidate,
        limits: Limits = DEFAULT_LIMITS,
        policy: Policy = DEFAULT_POLICY,
    ) -> Verdict:
        """Say whether `candidate` proves `theorem`. Cancelling the caller's task stops the check in Lean.

        Raises:
            PoolBusyError: too many checks wait already; try again later.
            ValueError: a limit is out of range.
        """
        ...
