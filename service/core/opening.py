"""Opens the engine of a single command: Lean starts while the rest of the engine is imported."""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from prover.lean.runtimes.embedded.cache.package import Progress as Report
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from service.core.resources.leans import pool_of
from service.ops.config import Settings

if TYPE_CHECKING:
    from service.core.engine import Engine


@contextlib.asynccontextmanager
async def opened_engine(settings: Settings, report: Report) -> AsyncIterator["Engine"]:
    """Start an engine with a pool of its own; both are closed at the end.

    A worker process takes a third of a second to start, and the import of the engine about as long: they run in parallel.

    Args:
        settings: settings of the service.
        report: receives the progress of preparing Lean.

    Raises:
        UnavailableError: Lean or a sampler does not run here, or the settings cannot be met.
    """
    ended = False

    def report_unless_ended(doing: str, done: int, total: int) -> None:
        if ended:  # called by a thread, which cannot be cancelled
            raise RuntimeUnavailableError("the preparation of Lean was interrupted")
        report(doing, done, total)

    pool = pool_of(settings.lean, report_unless_ended)
    try:
        await pool.start()
        module = await asyncio.to_thread(importlib.import_module, "service.core.engine")
        engine: Engine = module.Engine(settings, pool, report)
        async with engine:
            yield engine
    finally:
        ended = True
        await pool.close()
