"""Lets what runs come to its end while new weights come in."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator


class Pause:
    """Who works, and whether more may begin."""

    def __init__(self) -> None:
        """Nobody works, anybody may begin."""
        self._running = 0
        self._open = asyncio.Event()
        self._open.set()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def closed(self) -> bool:
        """Whether nobody may begin now."""
        return not self._open.is_set()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Work in this block; `paused` waits for its end."""
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if self._running == 0:
                self._idle.set()

    async def opened(self) -> None:
        """Return when work may begin."""
        await self._open.wait()

    @contextlib.asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Let what is running come to its end; what asks whether it may begin waits until the block is left."""
        self._open.clear()
        try:
            await self._idle.wait()
            yield
        finally:
            self._open.set()
