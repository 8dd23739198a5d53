"""Waiting for changes, and ending tasks, in ways that no cancelling gets lost in."""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class Changes:
    """Wakes all who wait for something to change."""

    def __init__(self) -> None:
        """Nothing has changed."""
        self.next = asyncio.Event()
        """Set at the next change; taken before one looks, so that nothing is missed while one does."""

    def tell(self) -> None:
        """Wake those who wait for `next`."""
        self.next.set()
        self.next = asyncio.Event()


async def wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for it, but no longer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):  # `wait_for` forgets a cancelling that comes together with the event
            await event.wait()


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Do it to its end, even if the caller is cancelled: what a thread has begun ends anyway, and is to be known."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel these, and wait until they are over."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
