"""Waits for states of a pool of workers."""

import asyncio
from collections.abc import Callable

from prover.lean.workers.pool import WorkerPool
from prover.lean.workers.stats import State


def pids(pool: WorkerPool) -> set[int]:
    return {worker.pid for worker in pool.stats().workers if worker.pid is not None}


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110, the pool tells nobody
        await asyncio.sleep(0.005)


async def busy(pool: WorkerPool, count: int = 1) -> None:
    """So many workers have something to do."""
    await until(lambda: pool.stats().in_state(State.BUSY) >= count)


async def idle(pool: WorkerPool) -> None:
    """Every worker is up and has nothing to do."""
    await until(lambda: pool.stats().in_state(State.IDLE) == len(pool.stats().workers))


async def until_idle(pool: WorkerPool, seconds: float = 30) -> None:
    """Nobody works and nothing waits; workers may be starting."""
    async with asyncio.timeout(seconds):
        await until(lambda: not pool.stats().in_state(State.BUSY) and not pool.stats().queued)
