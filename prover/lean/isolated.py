"""A checker whose process serves nobody else: what it verifies has the highest trust."""

from dataclasses import replace

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.theorem import Theorem
from prover.verdict import Trust, Verdict


class IsolatedChecker:
    """A `Checker` on top of one that nobody else uses."""

    def __init__(self, checker: Checker) -> None:
        """`checker` has a process of its own."""
        self._checker = checker

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `Checker.check`."""
        verdict = await self._checker.check(theorem, candidate, terms)
        return replace(verdict, trust=Trust.ISOLATED_REPLAY) if verdict.verified else verdict
