"""Why no proof can be found of a goal that could be evaluated: the library does not hold a body that evaluating needs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from prover.lean.checker import Terms
from prover.lean.wire.reading import NoAnswerError
from prover.lean.workers.jobs import PoolBusyError
from prover.theorem import Theorem

_HEAD_START = 0.5  # seconds in which most searches that find a proof have found one
_SECONDS = 1.0


class Evaluator(Protocol):
    """What can be asked where evaluating a statement stops."""

    async def stuck(self, theorem: Theorem, terms: Terms) -> str | None:
        """The constant whose body is absent; None: there is none. Raises as `Checker.names`."""
        ...


@contextlib.asynccontextmanager
async def asked_beside(
    evaluator: Evaluator, theorem: Theorem, terms: Terms
) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Ask where evaluating a statement stops while a search for it goes on, and not at all if the search is over soon.

    Yields:
        What waits for the answer: a constant's name, or nothing.
    """
    limits = replace(terms.limits, seconds=min(terms.limits.seconds, _SECONDS))

    async def ask() -> str:
        await asyncio.sleep(_HEAD_START)
        try:
            return await evaluator.stuck(theorem, replace(terms, limits=limits)) or ""
        except (NoAnswerError, PoolBusyError):
            return ""

    asking = asyncio.create_task(ask())
    try:
        yield lambda: asyncio.shield(asking)
    finally:
        asking.cancel()
        await asyncio.wait([asking])
