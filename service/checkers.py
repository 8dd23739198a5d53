"""A checker that has what it verifies checked once more, in isolation."""

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.theorem import Theorem
from prover.verdict import Verdict


class Twice:
    """Checks in a warm worker, and what that verifies once more in one that serves nobody else."""

    def __init__(self, warm: Checker, isolated: Checker) -> None:
        """First `warm`, then `isolated`."""
        self._warm = warm
        self._isolated = isolated

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `Checker.check`."""
        verdict = await self._warm.check(theorem, candidate, terms)
        if not verdict.verified:
            return verdict
        return await self._isolated.check(theorem, candidate, terms)
