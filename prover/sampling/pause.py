"""Pauses new work and drains running work while weights are replaced."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator


class Pause:
    """Counts running work and decides whether more may begin."""

    def __init__(self) -> None:
        """Start with no work, open."""
        self._running = 0
        self._open = asyncio.Event()
        self._open.set()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def closed(self) -> bool:
        """Whether new work must wait."""
        return not self._open.is_set()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Mark the block as running work; `paused` waits for its end."""
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if self._running == 0:
                self._idle.set()

    async def opened(self) -> None:
        """Wait until work may begin."""
        await self._open.wait()

    @contextlib.asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Drain running work; new work waits until the block ends."""
        self._open.clear()
        try:
            await self._idle.wait()
            yield
        finally:
            self._open.set()
