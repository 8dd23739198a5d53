"""Waits, and ends and completes tasks, without losing cancellations."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
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


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[object]], concurrency: int) -> None:
    """Work on items in their order, on so many at once.

    The first exception ends all work and is raised. The iterable is read item by item, when work on it begins.
    """
    waiting = iter(items)

    async def repeat() -> None:
        for item in waiting:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(repeat())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


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


async def first(*waits: asyncio.Task[Any] | Coroutine[Any, Any, Any]) -> None:
    """Wait for the first of these; coroutines are cancelled afterwards, tasks are not."""
    tasks = {wait if isinstance(wait, asyncio.Task) else asyncio.create_task(wait) for wait in waits}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks - set(waits):
            task.cancel()
