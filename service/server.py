"""The server: listens, reports its health, drains at SIGTERM or SIGINT, and leaves no process behind."""

import asyncio
import contextlib
import ipaddress
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from leansieve.v1 import proof_search_pb2
from leansieve.v1.proof_search_pb2_grpc import add_ProofSearchServicer_to_server
from service.config import ServerSettings, Settings
from service.engine import Engine
from service.errors import UserError
from service.requests import Service
from service.servicer import Servicer

_log = structlog.get_logger(__name__)

SERVICE = proof_search_pb2.DESCRIPTOR.services_by_name["ProofSearch"].full_name


@dataclass(frozen=True, slots=True)
class Signals:
    """What the operator wants: `stop` after the calls in work, `hurry` without waiting for them."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self) -> None:
        """Take SIGTERM and SIGINT: the first means `stop`, the second `hurry`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._received)

    def _received(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()


class Health:
    """The health service: NOT_SERVING until told otherwise."""

    def __init__(self) -> None:
        """Not serving."""
        self.servicer = health.aio.HealthServicer()

    async def report(self, serving: bool) -> None:
        """Tell those who ask for the server and for `leansieve.v1.ProofSearch`."""
        state = health_pb2.HealthCheckResponse
        for name in ("", SERVICE):
            await self.servicer.set(name, state.SERVING if serving else state.NOT_SERVING)


@contextlib.asynccontextmanager
async def listening(service: Service, settings: Settings, hurry: asyncio.Event) -> AsyncIterator[tuple[str, Health]]:
    """Answer calls while the context lasts: yields the address, with its real port, and the health to be reported.

    On leaving, health turns NOT_SERVING, calls may go on for `drain_seconds` or until `hurry`, and what is left is
    cancelled.

    Raises:
        UserError: it is not possible to listen there.
    """
    server = grpc.aio.server(
        options=[
            ("grpc.so_reuseport", 0),  # a second server on the same port is a mistake
            ("grpc.max_receive_message_length", settings.server.message_bytes),
            ("grpc.max_send_message_length", settings.server.message_bytes),
        ]
    )
    state, servicer = Health(), Servicer(service, settings)
    await state.report(serving=False)
    add_ProofSearchServicer_to_server(servicer, server)
    health_pb2_grpc.add_HealthServicer_to_server(state.servicer, server)
    reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    address = _bind(server, settings.server)
    await server.start()
    try:
        yield address, state
    finally:
        await state.servicer.enter_graceful_shutdown()
        # Health watchers never hang up: do not wait for them once the calls are answered.
        draining = asyncio.create_task(server.stop(settings.server.drain_seconds))
        await _first(draining, servicer.calls.empty(), hurry.wait())
        await server.stop(0)
        await draining


async def serve(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; a second signal does not wait for calls to end.

    Args:
        settings: of the service.
        announce: told in one line when the server listens, and when a proof has really been checked.

    Raises:
        UserError: it is not possible to listen there, or Lean or a sampler do not run here.
    """
    signals = Signals()
    signals.listen()
    engine = Engine(settings)
    try:
        async with listening(engine, settings, signals.hurry) as (address, state):
            announce(f"leansieve listens on {address}")
            warming = asyncio.create_task(engine.start())
            try:
                await _first(warming, signals.stop.wait())
                if not signals.stop.is_set():
                    await warming
                    await state.report(serving=True)
                    announce("leansieve is ready: a proof was checked")
                    await signals.stop.wait()
            finally:
                warming.cancel()
            _log.info("draining", seconds=settings.server.drain_seconds)
    finally:
        await engine.close()


async def _first(*waits: asyncio.Task[Any] | Coroutine[Any, Any, Any]) -> None:
    """Wait for the first of these; coroutines are cancelled afterwards, tasks are not."""
    tasks = {wait if isinstance(wait, asyncio.Task) else asyncio.create_task(wait) for wait in waits}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks - set(waits):
            task.cancel()


def _bind(server: grpc.aio.Server, settings: ServerSettings) -> str:
    address = settings.listen
    if address.startswith("unix:"):
        _try_to_bind(server, address, None)
        return address
    host, _, port_text = address.rpartition(":")
    if not host or not port_text.isdigit() or int(port_text) > 65535:
        raise UserError(f"cannot listen on {address!r}: expected HOST:PORT or unix:/path")
    bare = host.removeprefix("[").removesuffix("]")
    if not settings.allow_remote and not _is_loopback(bare):
        raise UserError(
            f"{address} can be reached from other machines, and calls are neither encrypted nor authenticated: "
            "listen on 127.0.0.1, or allow it with --allow-remote"
        )
    port = _try_to_bind(server, address, (bare, int(port_text)))
    return f"{host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _try_to_bind(server: grpc.aio.Server, address: str, endpoint: tuple[str, int] | None) -> int:
    reason = "the socket's folder must exist and be writable"
    try:
        if endpoint is not None:
            # Asked of the system first: gRPC does not say why it could not.
            family, kind, protocol, _, where = socket.getaddrinfo(*endpoint, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(where)
        return server.add_insecure_port(address)
    except OSError as error:
        reason = error.strerror or str(error)
    except RuntimeError:
        pass
    raise UserError(f"cannot listen on {address}: {reason}; choose another address with --listen")
