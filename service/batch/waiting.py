"""Waiting for changes and ending tasks without losing cancellations."""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class Changes:
    """Wakes all tasks that wait for a change."""

    def __init__(self) -> None:
        """Start without a change."""
        self.next = asyncio.Event()
        """Set at the next change. Take it before inspecting the state, so that no change is missed meanwhile."""

    def tell(self) -> None:
        """Wake the tasks that wait for `next`."""
        self.next.set()
        self.next = asyncio.Event()


async def wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, with a time limit."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):  # `wait_for` loses a cancellation that arrives together with the event
            await event.wait()


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Complete an operation even if the caller is cancelled: a thread cannot be interrupted, and its result must be
    known.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
