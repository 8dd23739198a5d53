"""What several tests share: Lean is slow to start, so there is one pool for all of them."""

from collections.abc import AsyncIterator

import pytest_asyncio

from prover.lean.embedded import EmbeddedLean
from prover.lean.pool import PoolConfig, WorkerPool


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lean_pool() -> AsyncIterator[WorkerPool]:
    """Two warm workers of the embedded Lean, for tests marked `lean`. The grace is long: the machine may be busy."""
    async with WorkerPool(EmbeddedLean(), PoolConfig(workers=2, spares=0, grace_seconds=5.0)) as pool:
        await pool.ready()
        yield pool
