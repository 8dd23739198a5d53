"""Numbered questions between a driver and an actor, which can be withdrawn, and fail with their host."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_WITHDRAWN = 1_000  # remembered questions whose cancellation came before them or after their answer


class HostLostError(RuntimeError):
    """The host is gone or does not answer; the outcome of the question is unknown."""


class OpenQuestions(Generic[T]):
    """The questions an actor is answering, by number."""

    def __init__(self) -> None:
        """Create an empty registry."""
        self._tasks: dict[int, asyncio.Task[T]] = {}
        self._withdrawn: deque[int] = deque(maxlen=_WITHDRAWN)

    async def answer(self, number: int, work: Coroutine[Any, Any, T], withdrawn: T) -> T:
        """Return the result of `work`; return `withdrawn` if the question of this number is or was cancelled."""
        if number in self._withdrawn:  # the cancellation arrived first
            work.close()
            return withdrawn
        task = self._tasks[number] = asyncio.create_task(work)
        try:
            return await task
        except asyncio.CancelledError:
            return withdrawn
        finally:
            del self._tasks[number]

    def cancel(self, number: int) -> None:
        """Cancel this question: its answer is no longer awaited."""
        if number in self._tasks:
            self._tasks[number].cancel()
        else:
            self._withdrawn.append(number)


async def unless_lost(answer: Awaitable[T], gone: asyncio.Event, name: str, cancel: Callable[[], None]) -> T:
    """Wait for an actor's answer, or the loss of its host.

    Args:
        answer: the awaited answer.
        gone: set when the host is given up, whether or not it answers later.
        name: name of the host.
        cancel: called if the caller's task is cancelled.

    Raises:
        HostLostError: `gone` was set first, or `answer` raised it.
    """
    answering, going = asyncio.ensure_future(answer), asyncio.ensure_future(gone.wait())
    try:
        await asyncio.wait({answering, going}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise HostLostError(f"host {name} is lost")
        return answering.result()
    except asyncio.CancelledError:
        if not gone.is_set():
            cancel()
        raise
    finally:
        answering.cancel()
        going.cancel()
