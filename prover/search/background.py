"""Asks Lean a question about a statement while a proof search of the statement runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from prover.lean.wire.checks import NoAnswerError
from prover.lean.workers.jobs import PoolBusyError

T = TypeVar("T")

Delay = Callable[[], Awaitable[None]]

_HEAD_START = 0.5  # seconds within which most successful searches find their proof


@contextlib.asynccontextmanager
async def asked_meanwhile(
    question: Callable[[Delay], Awaitable[T]], otherwise: T
) -> AsyncIterator[Callable[[], Awaitable[T]]]:
    """Ask a question while a search runs; leaving the context cancels the question.

    Args:
        question: receives a pause to await before it starts; the pause ends when most searches are over or the answer
            is requested.
        otherwise: answer to return if Lean gives none.

    Yields:
        A function that waits for the answer.
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
