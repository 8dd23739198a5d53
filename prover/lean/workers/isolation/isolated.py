"""Checks in a process that serves no other request: what they verify has the highest trust."""

from dataclasses import replace

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.theorem import Theorem
from prover.verdict import Trust, Verdict


class IsolatedChecker:
    """A `Checker` on top of one that has no other user."""

    def __init__(self, checker: Checker) -> None:
        """`checker` has a process of its own."""
        self._checker = checker

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `Checker.check`."""
        verdict = await self._checker.check(theorem, candidate, terms)
        return replace(verdict, trust=Trust.ISOLATED_REPLAY) if verdict.verified else verdict


class RecheckingChecker:
    """Checks in a warm worker, and replays what that verifies in one that serves no other request."""

    def __init__(self, warm: Checker, isolated: Checker) -> None:
        """First `warm`, then `isolated`."""
        self._warm = warm
        self._isolated = isolated

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `Checker.check`."""
        verdict = await self._warm.check(theorem, candidate, terms)
        if verdict.verified and verdict.trust < Trust.ISOLATED_REPLAY:
            return await self._isolated.check(theorem, candidate, terms)
        return verdict
