"""Checks in a process that serves no other request; proofs verified there get the highest tier of trust."""

from dataclasses import replace

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.theorem import Theorem
from prover.verdict import Trust, Verdict


class IsolatedChecker:
    """A `Checker` that raises trust, on top of a checker without other users."""

    def __init__(self, checker: Checker) -> None:
        """Create the checker; `checker` must have a process of its own."""
        self._checker = checker

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `Checker.check`."""
        verdict = await self._checker.check(theorem, candidate, terms)
        return replace(verdict, trust=Trust.ISOLATED_REPLAY) if verdict.verified else verdict


class RecheckingChecker:
    """Checks in a warm worker, and rechecks verified proofs in a worker that serves no other request."""

    def __init__(self, warm: Checker, isolated: Checker) -> None:
        """Create the checker; it uses `warm` first, then `isolated`."""
        self._warm = warm
        self._isolated = isolated

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `Checker.check`."""
        verdict = await self._warm.check(theorem, candidate, terms)
        if verdict.verified and verdict.trust < Trust.ISOLATED_REPLAY:
            return await self._isolated.check(theorem, candidate, terms)
        return verdict
