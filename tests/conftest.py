"""What several tests share: Lean is slow to start, so there is one pool for all of them."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from prover.lean.embedded import EmbeddedLean
from prover.lean.pool import PoolConfig, WorkerPool


@pytest.fixture(scope="session", autouse=True)
def _no_store_of_the_user() -> Iterator[None]:
    """Servers that tests start keep nothing, and know nothing, unless a test names a store."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LEANSIEVE_STORE__URL", "none")
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lean_pool() -> AsyncIterator[WorkerPool]:
    """Two warm workers of the embedded Lean, for tests marked `lean`. The grace is long: the machine may be busy."""
    async with WorkerPool(EmbeddedLean(), PoolConfig(workers=2, spares=0, grace_seconds=5.0)) as pool:
        await pool.ready()
        yield pool
