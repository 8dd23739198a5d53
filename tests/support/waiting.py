"""Waits for conditions that other processes bring about."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

from prover.requests import Event, Starting


async def begun(events: AsyncGenerator[Event, None]) -> Event:
    """The first event of a search but for those that Lean starts."""
    while isinstance(event := await anext(events), Starting):
        pass
    return event


async def becomes(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether a condition comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        await asyncio.sleep(0.01)
    return False
