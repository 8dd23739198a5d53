"""Whole proofs, each proposed independently of the others."""

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial

from prover.sampling.sampler import Sampler
from prover.search.strategies.strategy import SearchContext
from prover.search.strategies.together import run_all_then_raise_first

_HEAD_START = 6  # the portfolio finds most of its proofs with its first templates


class Independent:
    """Checks the candidates of one sampler."""

    def __init__(self, sampler: Sampler, most: int | None = None) -> None:
        """Take at most `most` candidates; None: as many as the budget allows."""
        self._sampler = sampler
        self._most = most

    @property
    def name(self) -> str:
        """The name of the sampler."""
        return self._sampler.name

    async def run(self, context: SearchContext) -> None:
        """See `Strategy.run`."""
        await _check_all(self._sampler, context, most=self._most)


class PortfolioFirst:
    """The first sampler starts alone; the others join when its first candidates have a worker or it is exhausted.

    A sampler that fails does not end the others.
    """

    name = "portfolio_first"

    def __init__(self, samplers: Sequence[Sampler], head_start: int = _HEAD_START) -> None:
        self._samplers = samplers
        self._head_start = head_start

    async def run(self, context: SearchContext) -> None:
        """See `Strategy.run`."""
        first, *others = self._samplers
        begun = asyncio.Event()

        async def begin() -> None:
            try:
                await _check_all(first, context, begun, self._head_start)
            finally:
                begun.set()

        async def join(sampler: Sampler) -> None:
            await begun.wait()
            await _check_all(sampler, context)

        await run_all_then_raise_first(begin(), *map(join, others))


async def _check_all(
    sampler: Sampler,
    context: SearchContext,
    begun: asyncio.Event | None = None,
    head_start: int = 0,
    most: int | None = None,
) -> None:
    """Check all candidates of the sampler; set `begun` when `head_start` candidates have a worker."""
    proposed = context.sample(partial(sampler.sample, context.theorem), most)
    async with contextlib.aclosing(proposed) as candidates:
        submitted = 0
        async for candidate in candidates:
            await context.submit(candidate)
            submitted += 1
            if begun and submitted >= head_start:
                begun.set()
