"""Silent connections to a real gRPC server."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service.ops.config import ServerSettings
from service.ops.connections import grpc as connections
from service.ops.connections.guests import ConnectionBounds
from service.ops.connections.watch import watch
from service.ops.health import Health
from service.ops.metrics.recorder import Recorder


@contextlib.asynccontextmanager
async def served(room: ConnectionBounds) -> AsyncIterator[int]:
    server, health, recorder = (
        grpc.aio.server(options=connections.options(ServerSettings(), room)),
        Health(),
        Recorder(),
    )
    health_pb2_grpc.add_HealthServicer_to_server(health.servicer, server)
    await health.report(serving=True)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    watching = asyncio.create_task(watch(f"127.0.0.1:{port}", room, recorder.connections("grpc")))
    yield port
    watching.cancel()
    await server.stop(0)


def silent(port: int, address: str) -> socket.socket:
    connection = socket.socket()
    connection.bind((address, 0))
    connection.connect(("127.0.0.1", port))
    connection.setblocking(False)
    return connection


def still_open(connections: list[socket.socket]) -> int:
    count = 0
    for each in connections:
        try:
            while data := each.recv(4096):  # the server's own first words
                assert data
        except BlockingIOError:
            count += 1
        except ConnectionResetError:
            pass
    return count


async def check(port: int) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_one_address_keeps_no_more_connections_than_its_share() -> None:
    async with served(ConnectionBounds(200, 10)) as port, contextlib.AsyncExitStack() as stack:
        others = [stack.enter_context(silent(port, "127.0.0.3")) for _ in range(5)]
        many = [stack.enter_context(silent(port, "127.0.0.2")) for _ in range(40)]
        async with asyncio.timeout(20):
            while still_open(many) > 10:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await check(port)
        assert (still_open(many), still_open(others)) == (10, 5)


async def test_connections_that_say_nothing_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 1,050 of them nobody else was let in, health checks neither, for as long as they liked."""
    monkeypatch.setattr(connections, "_HANDSHAKE_SECONDS", 0.5)
    async with served(ConnectionBounds(30, 30)) as port, contextlib.AsyncExitStack() as stack:
        many = [stack.enter_context(silent(port, "127.0.0.2")) for _ in range(40)]
        async with asyncio.timeout(20):
            while still_open(many):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await check(port)
