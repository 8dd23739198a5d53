"""Starts a process such that it either runs or is gone, even if the starting task is cancelled."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def spawned(start: Awaitable[T], end: Callable[[T], Awaitable[object]]) -> T:
    """Return the result of `start`. If the caller is cancelled meanwhile, the start is completed and then undone by
    `end`.

    asyncio must not be interrupted during a start: before the pipes are connected it would wait for their end forever,
    after killing only the process itself.
    """
    starting = asyncio.ensure_future(start)
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        while not starting.done():  # takes milliseconds
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({starting})
        if starting.exception() is None:
            await end(starting.result())
        raise
