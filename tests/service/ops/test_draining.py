"""The end of calls when the server ends, through a real channel; a slow engine stands for searches."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from grpc_health.v1 import health_pb2

from prover.errors import UserError
from prover.requests import Accepted, Event, Search, UnavailableError
from prover.search.search import Ending, Finished, Progress
from prover.theorem import Theorem
from service.client.client import Client
from service.core.engine import Engine
from service.ops.config import ServerSettings, Settings
from service.ops.health import Health
from service.server import _work, listening
from tests.support.stubs import SEARCH_SERVICE

SEARCH = Search(Theorem("theorem a : True"))


class Slow(Engine):
    """Accepts a search, and finishes it when told so."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.finish = asyncio.Event()
        self.left = asyncio.Event()

    async def prove(self, request: Search) -> AsyncGenerator[Event, None]:
        try:
            yield Accepted("⊢ True")
            await self.finish.wait()
            yield Finished(Ending.SAMPLERS_EXHAUSTED, Progress(), {})
        finally:
            self.left.set()


def settings(drain_seconds: float, notice_seconds: float = 0.0) -> Settings:
    server = ServerSettings(listen="127.0.0.1:0", drain_seconds=drain_seconds, notice_seconds=notice_seconds)
    return Settings(server=server)


async def outcome(client: Client) -> str:
    """How a further search ends."""
    try:
        events = [event async for event in client.prove(SEARCH)]
    except UserError as error:
        return f"{type(error).__name__}: {error}"
    return type(events[-1]).__name__


async def test_a_call_in_work_is_answered_while_the_server_drains() -> None:
    engine, stop = Slow(settings(60)), asyncio.Event()

    async def serve(listens: "asyncio.Future[str]") -> None:
        async with listening(engine, settings(60), asyncio.Event()) as (address, _):
            listens.set_result(address)
            await stop.wait()

    listens: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(serve(listens))
    async with Client(await listens, Settings()) as client, Client(await listens, Settings()) as other:
        search = client.prove(SEARCH)
        assert isinstance(await anext(search), Accepted)
        stop.set()
        await asyncio.sleep(0.2)
        assert not server.done()
        assert (await outcome(other)).startswith(("GoneError", "UnavailableError"))
        engine.finish.set()
        assert isinstance([event async for event in search][-1], Finished)
        async with asyncio.timeout(10):
            await server


async def test_a_call_that_the_drain_does_not_wait_for_is_told_to_come_back() -> None:
    engine = Slow(settings(0.2))
    async with listening(engine, settings(0.2), asyncio.Event()) as (address, _):
        client = Client(address, Settings())
        search = client.prove(SEARCH)
        assert isinstance(await anext(search), Accepted)
    with pytest.raises(UnavailableError, match="send the request again") as caught:
        await anext(search)
    assert caught.value.seconds == 1.0
    assert engine.left.is_set()
    await client.__aexit__()


async def test_health_turns_before_batches_are_put_back_or_anything_else_ends() -> None:
    class Ready(Slow):
        async def start(self) -> None:
            """There is no Lean to wait for."""

    engine, state, stop = Ready(settings(0)), Health(), asyncio.Event()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    working = asyncio.create_task(_work(engine, state, settings(0), stop, ready.set_result))
    assert "is ready" in await ready
    assert state.serving
    stop.set()
    await working  # only then are batches put back, and calls drained
    assert not state.serving
    await state.report(serving=True)
    async with asyncio.timeout(10):
        told = await state.servicer.Check(health_pb2.HealthCheckRequest(service=SEARCH_SERVICE), None)
    assert told.status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_calls_are_still_taken_while_load_balancers_notice() -> None:
    engine, hurry = Slow(settings(30, 30)), asyncio.Event()
    engine.finish.set()
    async with listening(engine, settings(30, 30), hurry) as (address, state):
        await state.report(serving=True)

        async def meanwhile() -> str:
            await asyncio.sleep(0.2)
            assert not state.serving
            async with Client(address, Settings()) as client:
                found = await outcome(client)
            hurry.set()
            return found

        calling = asyncio.create_task(meanwhile())
    assert await calling == "Finished"


async def test_a_connection_that_has_come_of_age_is_closed_after_its_calls() -> None:
    aged = Settings(server=ServerSettings(listen="127.0.0.1:0", connection_seconds=0.2))
    engine = Slow(aged)
    async with listening(engine, aged, asyncio.Event()) as (address, _), Client(address, Settings()) as client:
        search = client.prove(SEARCH)
        assert isinstance(await anext(search), Accepted)
        await asyncio.sleep(1.0)
        engine.finish.set()
        assert isinstance([event async for event in search][-1], Finished)
        assert await outcome(client) == "Finished"  # over a new connection
