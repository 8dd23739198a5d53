"""Checkers over the pool: in their turn, and once more in isolation where that is asked for."""

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_LIMITS, DEFAULT_POLICY, Checker
from prover.lean.pool import Priority, WorkerPool
from prover.theorem import Theorem
from prover.verdict import Limits, Policy, Verdict


class InTurn:
    """Checks in the pool under one priority."""

    def __init__(self, pool: WorkerPool, priority: Priority) -> None:
        """Wait for workers as `priority` says."""
        self._pool = pool
        self._priority = priority

    async def check(
        self,
        theorem: Theorem,
        candidate: Candidate,
        limits: Limits = DEFAULT_LIMITS,
        policy: Policy = DEFAULT_POLICY,
    ) -> Verdict:
        """See `Checker.check`."""
        return await self._pool.check(theorem, candidate, limits, policy, self._priority)


class Twice:
    """Checks in a warm worker, and what that verifies once more in one that serves nobody else."""

    def __init__(self, warm: Checker, isolated: Checker) -> None:
        """First `warm`, then `isolated`."""
        self._warm = warm
        self._isolated = isolated

    async def check(
        self,
        theorem: Theorem,
        candidate: Candidate,
        limits: Limits = DEFAULT_LIMITS,
        policy: Policy = DEFAULT_POLICY,
    ) -> Verdict:
        """See `Checker.check`."""
        verdict = await self._warm.check(theorem, candidate, limits, policy)
        if not verdict.verified:
            return verdict
        return await self._isolated.check(theorem, candidate, limits, policy)
