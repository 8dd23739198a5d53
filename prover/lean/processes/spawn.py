"""Starts a process so that it is either up or gone, whenever the task that wants it is cancelled."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def spawned(start: Awaitable[T], end: Callable[[T], Awaitable[object]]) -> T:
    """What `start` gives. If the caller is cancelled meanwhile, it is up first, and then ended by `end`.

    asyncio cannot be interrupted there: before the pipes of a process are connected, it waits for their end for ever, and
    has killed no more than the process itself.
    """
    starting = asyncio.ensure_future(start)
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        while not starting.done():  # milliseconds
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({starting})
        if starting.exception() is None:
            await end(starting.result())
        raise
