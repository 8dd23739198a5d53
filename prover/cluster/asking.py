"""Questions between a driver and an actor: numbered, so that they can be taken back, and given up with their host."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_WITHDRAWN = 1_000  # questions whose cancelling came before them, or behind their answer


class HostLostError(RuntimeError):
    """The host is gone, or does not answer; the outcome of the question is unknown."""


class Asked(Generic[T]):
    """What an actor is asked now, by number."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._tasks: dict[int, asyncio.Task[T]] = {}
        self._withdrawn: deque[int] = deque(maxlen=_WITHDRAWN)

    async def answer(self, number: int, work: Coroutine[Any, Any, T], withdrawn: T) -> T:
        """What `work` returns; `withdrawn` if the question of this number is, or was, taken back."""
        if number in self._withdrawn:  # overtaken by its own cancelling
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
        """The asker no longer waits for the answer to this question."""
        if number in self._tasks:
            self._tasks[number].cancel()
        else:
            self._withdrawn.append(number)


async def unless_lost(answer: Awaitable[T], gone: asyncio.Event, name: str, cancel: Callable[[], None]) -> T:
    """An actor's answer.

    Args:
        answer: what is waited for.
        gone: set when the host is given up, whether or not it answers later.
        name: of the host.
        cancel: called if the caller's task is cancelled.

    Raises:
        HostLostError: `gone` was set first, or `answer` raises it.
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
