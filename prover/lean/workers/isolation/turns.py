"""Limits how long a client keeps its elaborators: during use, a short idle time, and not indefinitely while others
wait.
"""

import asyncio
from collections.abc import Callable

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
