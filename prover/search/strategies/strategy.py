"""Interface of search strategies, and the context that a search gives them."""

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
"""Starts a stream of candidates, for instance a sampler's `sample` bound to a theorem."""


_LONGEST_QUESTION = 10.0  # seconds; one step of many deserves no more


def question_terms(options: SearchTerms) -> Terms:
    """Return the terms of a question other than the check of a whole proof."""
    limits = options.terms.limits
    return replace(options.terms, limits=replace(limits, seconds=min(limits.seconds, _LONGEST_QUESTION)))


class SearchContext(Protocol):
    """A search as its strategy sees it. Every operation counts against the search's single budget.

    When the budget is used up, `sample` ends, and `submit` and `ask` do not return: the strategy is cancelled. It is
    also cancelled when the search has reached its goal, its time is over or its caller is gone.
    """

    @property
    def theorem(self) -> Theorem:
        """The theorem to prove."""
        ...

    @property
    def options(self) -> SearchTerms:
        """Terms of sampling and checking."""
        ...

    def sample(self, source: Source, most: int | None = None) -> AsyncGenerator[Candidate, None]:
        """Yield at most `most` candidates of `source`. Close the generator (`contextlib.aclosing`)."""
        ...

    async def submit(self, candidate: Candidate) -> asyncio.Future[Verdict] | None:
        """Check a whole proof as soon as a slot is free. Only submitted proofs count.

        Returns:
            A future of the verdict; None if this search has seen the same proof before.
        """
        ...

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """Put another question to Lean as soon as a slot is free. Raises whatever the question raises."""
        ...


@runtime_checkable
class Strategy(Protocol):
    """A search strategy. It is bounded and cancellable at every await; one instance serves any number of concurrent
    searches.
    """

    @property
    def name(self) -> str:
        """The name of the strategy in reports."""
        ...

    async def run(self, context: SearchContext) -> None:
        """Search until nothing is left to try."""
        ...
