"""What one strategy does in a search, and what that takes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from prover.candidate import Candidate
from prover.events import Spending
from prover.sampling.sampler import PromptTooLongError
from prover.search.strategies.strategy import Source
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Verdict

if TYPE_CHECKING:
    from prover.search.run import Run

T = TypeVar("T")


class Context:
    """A `SearchContext` that draws on the budget of one run."""

    def __init__(self, run: "Run", name: str, group: asyncio.TaskGroup) -> None:
        self._run = run
        self._name = name
        self._group = group
        self._began = time.monotonic()
        self._seconds: float | None = None
        self._spent = Spending(name)
        self.proofs = 0

    @property
    def theorem(self) -> Theorem:
        """See `SearchContext`."""
        return self._run.theorem

    @property
    def options(self) -> SearchTerms:
        """See `SearchContext`."""
        return self._run.options

    async def sample(self, source: Source, most: int | None = None) -> AsyncGenerator[Candidate, None]:
        """See `SearchContext.sample`."""
        run = self._run
        left = run.samples_left if most is None else min(most, run.samples_left)
        if left < 1:
            return
        async with contextlib.aclosing(source(replace(run.options.params, samples=left))) as candidates:
            while left and run.samples_left:
                try:
                    candidate = await run.pull(candidates)
                except PromptTooLongError as error:
                    run.cannot_serve(error)
                    return
                if candidate is None:
                    return
                left -= 1
                spent = self._spent
                self._spent = replace(spent, sampled=spent.sampled + 1, tokens=spent.tokens + candidate.tokens)
                yield candidate

    async def submit(self, candidate: Candidate) -> asyncio.Future[Verdict] | None:
        """See `SearchContext.submit`."""
        run = self._run
        if not run.is_new(candidate):
            return None
        run.waits(candidate)
        await run.begin()
        self._spent = replace(self._spent, checked=self._spent.checked + 1)
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._group.create_task(run.check(candidate, self, verdict))
        return verdict

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """See `SearchContext.ask`."""
        run = self._run
        await run.begin()
        self._spent = replace(self._spent, requests=self._spent.requests + 1)
        try:
            answer = await question()
        finally:
            run.end()
        run.asked()
        return answer

    def finish(self) -> None:
        """The strategy has ended."""
        self._seconds = time.monotonic() - self._began

    def spending(self) -> Spending:
        """What it took so far."""
        seconds = time.monotonic() - self._began if self._seconds is None else self._seconds
        return replace(self._spent, proofs=self.proofs, seconds=seconds)
