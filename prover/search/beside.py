"""A question about a statement, asked while a search for its proof goes on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from prover.lean.wire.reading import NoAnswerError
from prover.lean.workers.jobs import PoolBusyError

T = TypeVar("T")

Pause = Callable[[], Awaitable[None]]

_HEAD_START = 0.5  # seconds in which most searches that find a proof have found one


@contextlib.asynccontextmanager
async def asked_beside(
    question: Callable[[Pause], Awaitable[T]], otherwise: T
) -> AsyncIterator[Callable[[], Awaitable[T]]]:
    """Ask a question beside a search; leaving the context gives it up.

    Args:
        question: is given a pause: it ends when most searches are over, or when the answer is waited for.
        otherwise: the answer where Lean gives none.

    Yields:
        What waits for the answer.
    """
    wanted = asyncio.Event()

    async def pause() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wanted.wait(), _HEAD_START)

    async def ask() -> T:
        try:
            return await question(pause)
        except (NoAnswerError, PoolBusyError):
            return otherwise

    asking = asyncio.create_task(ask())

    async def answer() -> T:
        wanted.set()
        return await asyncio.shield(asking)

    try:
        yield answer
    finally:
        asking.cancel()
        await asyncio.wait([asking])
