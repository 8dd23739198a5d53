"""A server over the shared pool, for everything that needs real Lean behind gRPC."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from prover.lean.workers.pool import WorkerPool
from prover.store.database import Database
from prover.store.records.classrooms import ClassroomStore
from prover.store.records.queue import BatchQueue
from service.batch.runner import BatchRunner
from service.classrooms.classrooms import Classrooms
from service.client.client import Client
from service.core.engine import Engine
from service.ops.config import ServerSettings, Settings
from service.ops.config.engine import SearchSettings
from service.server import listening

SEARCHED = ("Init.Core", "Init.Data.Nat.Basic", "Init.Data.List.Basic")
"""Of Init and Std, which take a minute to read."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(lean_pool: WorkerPool, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a server that takes two searches at once, batches and classrooms; it remembers no proofs, and searches three modules."""
    settings = Settings(
        server=ServerSettings(listen="127.0.0.1:0", searches=2), search=SearchSettings(library=SEARCHED)
    )
    database = Database.open(str(tmp_path_factory.mktemp("served") / "store.sqlite"))
    engine = Engine(settings, lean_pool)
    classrooms = Classrooms(engine, ClassroomStore(database), settings.classrooms)
    await engine.start()
    async with (
        BatchRunner(engine, BatchQueue(database), settings.batches) as batches,
        listening(engine, settings, asyncio.Event(), batches=batches, classrooms=classrooms) as (address, state),
    ):
        await state.report(serving=True)
        yield address
    await engine.close()
    database.close()


@pytest_asyncio.fixture(loop_scope="session")
async def lean_client(served: str) -> AsyncIterator[Client]:
    async with Client(served, Settings()) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def lean_channel(served: str) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(served) as channel:
        yield channel
