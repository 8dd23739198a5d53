"""The port of HTTP against clients that hold it open."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from service.client.address import Address
from service.ops.connections import listener as module
from service.ops.connections.guests import ConnectionBounds, Guests
from service.ops.connections.listener import Listener
from service.ops.metrics.recorder import Recorder

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


@contextlib.asynccontextmanager
async def listening(room: ConnectionBounds) -> AsyncIterator[tuple[int, Recorder]]:
    recorder = Recorder()
    bound = Address("127.0.0.1", 0).bound()
    here = Listener(bound, Starlette(routes=[Route("/", hello)]), Guests(room, recorder.connections("http")), None)
    port = bound.getsockname()[1]
    await here.start()
    yield port, recorder
    await here.close()


async def connected(port: int, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a request a byte at a time, for as long as the connection lasts."""
    with contextlib.suppress(ConnectionError):
        while not reader.at_eof():
            writer.write(b"G")
            await writer.drain()
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("requests_before", [0, 1])
async def test_every_head_of_a_request_has_to_come_soon(monkeypatch: pytest.MonkeyPatch, requests_before: int) -> None:
    """Only the first request was timed: a client that sent a second one byte by byte kept its connection forever."""
    monkeypatch.setattr(module, "_HEAD_SECONDS", 0.5)
    async with listening(ConnectionBounds(10, 10)) as (port, _):
        reader, writer = await connected(port, "127.0.0.2")
        for _ in range(requests_before):
            writer.write(REQUEST)
            await reader.readuntil(b"hello")
        async with asyncio.timeout(10):
            await drip(reader, writer)
        writer.close()


async def test_a_pause_between_requests_is_no_offence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HEAD_SECONDS", 0.3)
    async with listening(ConnectionBounds(10, 10)) as (port, _):
        reader, writer = await connected(port, "127.0.0.2")
        for _ in range(2):
            writer.write(REQUEST)
            await reader.readuntil(b"hello")
            await asyncio.sleep(0.6)
        writer.close()


async def test_idle_connections_keep_nobody_out() -> None:
    """995 of them took health checks down too."""
    async with listening(ConnectionBounds(20, 10)) as (port, recorder):
        held = [await connected(port, f"127.0.0.{2 + number % 3}") for number in range(60)]
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{port}/")).text == "hello"
        connections = recorder.registry.get_sample_value("leansieve_connections", {"port": "http"})
        assert connections is not None
        assert 1 <= connections <= 20
        for _, writer in held:
            writer.close()


async def test_a_system_without_descriptors_is_no_flood_of_log_lines() -> None:
    """The accept loop wrote 250,000 lines in a minute."""
    async with listening(ConnectionBounds(10, 10)) as (port, _):
        reader, writer = await connected(port, "127.0.0.2")  # the client's own descriptors, before there are none
        with capture_logs() as logs, pytest.MonkeyPatch.context() as patch:

            async def refuse(_socket: object) -> object:
                raise OSError(24, os.strerror(24))

            patch.setattr(asyncio.get_running_loop(), "sock_accept", refuse)
            second_reader, second = await connected(port, "127.0.0.2")  # wakes the loop once more, then it fails
            await asyncio.sleep(1.2)
        assert 1 <= len([line for line in logs if line["event"] == "no connection can be taken"]) <= 4
        second.write(REQUEST)
        async with asyncio.timeout(10):
            await second_reader.readuntil(b"hello")
        writer.close()
        second.close()
        assert not reader.at_eof()
