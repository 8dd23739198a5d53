"""HTTP beside gRPC, over the shared pool of real Lean workers."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from selenium import webdriver

from prover.lean.workers.pool import WorkerPool
from prover.store.database import Database
from prover.store.records.classrooms import ClassroomStore
from prover.store.records.queue import BatchQueue
from service.batch.runner import BatchRunner
from service.classrooms.classrooms import Classrooms
from service.core.engine import Engine
from service.ops.config import HttpSettings, ServerSettings, Settings
from service.ops.config.engine import SearchSettings
from service.server import listening
from tests.support.programs.browser import MISSING, chromium

from ..conftest import SEARCHED


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bridge(lean_pool: WorkerPool, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of a server that takes two searches at once, messages of 64 KiB, batches and classrooms."""
    server = ServerSettings(listen="127.0.0.1:0", searches=2, message_bytes=1 << 16)
    searched = SearchSettings(library=SEARCHED)
    settings = Settings(server=server, http=HttpSettings(listen="127.0.0.1:0"), search=searched)
    database = Database.open(str(tmp_path_factory.mktemp("bridge") / "store.sqlite"))
    engine, urls = Engine(settings, lean_pool), []
    classrooms = Classrooms(engine, ClassroomStore(database), settings.classrooms)
    await engine.start()
    async with (
        BatchRunner(engine, BatchQueue(database), settings.batches) as batches,
        listening(engine, settings, asyncio.Event(), None, batches, urls.append, classrooms=classrooms) as (_, state),
    ):
        await state.report(serving=True)
        yield urls[0]
    await engine.close()
    database.close()


@pytest_asyncio.fixture(loop_scope="session")
async def web(bridge: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=bridge, timeout=120) as client:
        yield client


@pytest.fixture(scope="session")
def browser() -> Iterator[webdriver.Chrome]:
    """One for all tests; a test that needs it skips where there is none."""
    if MISSING:
        pytest.skip(f"there is no {' and no '.join(MISSING)} here")
    with chromium() as driver:
        yield driver
