"""How long a client keeps its elaborators: while it uses them, a little longer, and not for ever while others wait."""

import asyncio
from collections.abc import Callable

from prover.lean.workers.isolation.quarantine import Quarantine


class Turns:
    """Places for so many clients at once, given in the order in which they are asked for."""

    def __init__(self, most: int, seconds: float) -> None:
        """All are free.

        Args:
            seconds: how long a client that others wait for may begin something new in its place.
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
    """A place, and the quarantines that a client has while it has it."""

    def __init__(self, give_back: Callable[[], None], over: Callable[[float], bool]) -> None:
        """See `Turns.take`."""
        self._give_back = give_back
        self._over = over
        self._ended = False
        self._since = asyncio.get_running_loop().time()
        self.quarantines: dict[object, Quarantine] = {}
        self.users = 0  # requests at work in them
        self.uses = 0

    @property
    def over(self) -> bool:
        """Whether it is another client's turn."""
        return self._over(self._since)

    async def end(self) -> None:
        """End the processes, then give the place back. A second call changes nothing."""
        if self._ended:
            return
        self._ended = True
        try:
            await asyncio.gather(*(quarantine.close() for quarantine in self.quarantines.values()))
        finally:
            self._give_back()
