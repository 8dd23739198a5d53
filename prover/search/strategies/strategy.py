"""The seam for ways to search, and what a search offers to them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from typing import Protocol, TypeVar, runtime_checkable

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.sampling.sampler import SamplingParams
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Verdict

T = TypeVar("T")

Source = Callable[[SamplingParams], AsyncGenerator[Candidate, None]]
"""Begins to propose; for instance a sampler's `sample` with its theorem given."""


_LONGEST_QUESTION = 10.0  # seconds; one step of many is not worth more


def question_terms(options: SearchTerms) -> Terms:
    """Terms of a question that is no check of a whole proof."""
    limits = options.terms.limits
    return replace(options.terms, limits=replace(limits, seconds=min(limits.seconds, _LONGEST_QUESTION)))


class SearchContext(Protocol):
    """One search, as a strategy sees it. Whatever passes through counts against the search's one budget.

    Where the budget leaves nothing, `sample` ends, and `submit` and `ask` do not return: the strategy is cancelled.
    So is it when the search has what it wants, when its time is over or when its caller has gone.
    """

    @property
    def theorem(self) -> Theorem:
        """What is to be proved."""
        ...

    @property
    def options(self) -> SearchTerms:
        """How to sample and check."""
        ...

    def sample(self, source: Source, most: int | None = None) -> AsyncGenerator[Candidate, None]:
        """What `source` proposes, at most `most` of it. Close it (`contextlib.aclosing`)."""
        ...

    async def submit(self, candidate: Candidate) -> asyncio.Future[Verdict] | None:
        """Begin to check a whole proof as soon as there is room; nothing else makes a proof count.

        Returns:
            Its verdict to come; None if this search has met the same proof before.
        """
        ...

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """Put another question to Lean as soon as there is room; raises what it raises."""
        ...


@runtime_checkable
class Strategy(Protocol):
    """A way to search. Bounded, cancellable at every await; one instance serves any number of searches at once."""

    @property
    def name(self) -> str:
        """How reports name it."""
        ...

    async def run(self, context: SearchContext) -> None:
        """Search until nothing is left to try."""
        ...
