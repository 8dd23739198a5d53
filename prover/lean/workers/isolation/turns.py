"""Limits how long a client keeps its elaborators: during use, a short idle time, and not indefinitely while others
wait.
"""

import asyncio
from collections.abc import Callable

from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.lean.workers.isolation.quarantine import Quarantine


class Turns:
    """A limited number of places for clients, given out in order of request."""

    def __init__(self, most: int, seconds: float) -> None:
        """Create the places, all free.

        Args:
            seconds: time during which a client may start new work in its place while others wait.
        """
        self._places = asyncio.Semaphore(most)
        self._seconds = seconds
        self._waiting = 0

    async def take(self) -> "Stay":
        """Wait for a place."""
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        return Stay(self._places.release, self._over)

    def _over(self, since: float) -> bool:
        return self._waiting > 0 and asyncio.get_running_loop().time() - since > self._seconds


class Stay:
    """A place, and the quarantines that its client holds."""

    def __init__(self, give_back: Callable[[], None], over: Callable[[float], bool]) -> None:
        """See `Turns.take`."""
        self._give_back = give_back
        self._over = over
        self._ended = False
        self._since = asyncio.get_running_loop().time()
        self.quarantines: dict[object, Quarantine] = {}
        self.users = 0  # requests that use them
        self.uses = 0

    @property
    def over(self) -> bool:
        """Whether another client's turn has come."""
        return self._over(self._since)

    async def end(self) -> None:
        """End the processes, then release the place. Repeated calls have no effect."""
        if self._ended:
            return
        self._ended = True
        try:
            await asyncio.gather(*(quarantine.close() for quarantine in self.quarantines.values()))
        finally:
            self._give_back()


class Stays:
    """The places of one client, one after another."""

    def __init__(self, turns: Turns, idle_seconds: float) -> None:
        """Take places of `turns`, each kept until it has been idle for so long."""
        self._turns = turns
        self._idle_seconds = idle_seconds
        self._opening = asyncio.Lock()
        self._stay: Stay | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    async def close(self) -> None:
        """End this client's processes."""
        async with self._opening:
            self._closed = True
            self._end_stay()
        await asyncio.gather(*self._ending)

    async def enter(self) -> Stay:
        """Return the current place, or wait for one; `leave` it after use.

        Raises:
            RuntimeUnavailableError: the client is closed.
        """
        async with self._opening:
            if self._stay is not None and self._stay.over:
                self._end_stay(only_unused=True)
            if self._stay is None:
                self._stay = await self._turns.take()
            if self._closed:
                self._end_stay()
                raise RuntimeUnavailableError("this client is gone")
            self._stay.users += 1
            self._stay.uses += 1
            return self._stay

    def leave(self, stay: Stay) -> None:
        """Release one use of a place; an unused place ends after the idle time."""
        stay.users -= 1
        if stay.users:
            return
        if stay is not self._stay:
            self._end(stay)
            return
        asyncio.get_running_loop().call_later(self._idle_seconds, self._rest, stay, stay.uses)

    def _rest(self, stay: Stay, uses: int) -> None:
        """End elaborators that were not used since."""
        if stay is self._stay and stay.uses == uses:
            self._end_stay()

    def _end_stay(self, only_unused: bool = False) -> None:
        """Give up all elaborators; those in use may end after their current use."""
        stay, self._stay = self._stay, None
        if stay is not None and not (only_unused and stay.users):
            self._end(stay)

    def _end(self, stay: Stay) -> None:
        task = asyncio.get_running_loop().create_task(stay.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
