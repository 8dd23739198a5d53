"""The server: listens, reports health, drains at SIGTERM or SIGINT, and leaves no processes behind."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import grpc
import structlog
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from prover.concurrency.tasks import ended, first
from prover.errors import UserError
from prover.requests import Service
from prover.store.records.classrooms import ClassroomStore
from prover.store.records.queue import BatchQueue
from service.auth.authentication import Authentication
from service.auth.identity import Role
from service.auth.owners import Owners
from service.batch.batches import Batches
from service.batch.runner import BatchRunner
from service.classrooms.classrooms import Classrooms
from service.client.address import bind, is_local
from service.contract.methods import SERVICES
from service.core.engine import Engine
from service.core.limits.admission import Quotas
from service.core.memory import ProofCache, open_database
from service.grpc.interceptor import Around, register
from service.handlers.calls import CallsInWork, Surround
from service.handlers.handlers import Handlers
from service.http.calls import HttpCalls
from service.http.server import HttpServer
from service.ops import logs, tracing
from service.ops.config import ServerSettings, Settings
from service.ops.connections import descriptors
from service.ops.connections.grpc import options
from service.ops.connections.guests import ConnectionBounds, Guests
from service.ops.connections.watch import watch
from service.ops.health import Health, readiness
from service.ops.metrics import http as metrics_http
from service.ops.metrics.calls import GRPC, HTTP, CallRecorder, MetricNames
from service.ops.metrics.collector import ProcessCollector, ServerCollector
from service.ops.metrics.operations import CertificateCollector, StoreCollector
from service.ops.metrics.recorder import Recorder

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Signals:
    """The operator's commands: `stop` after running calls, `hurry` without waiting, `reload` the settings."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    reload: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self) -> None:
        """Handle signals: the first SIGTERM or SIGINT sets `stop`, the second `hurry`; SIGHUP sets `reload`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._received)
        loop.add_signal_handler(signal.SIGHUP, self.reload.set)

    def _received(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()


@contextlib.asynccontextmanager
async def listening(
    service: Service,
    settings: Settings,
    hurry: asyncio.Event,
    recorder: Recorder | None = None,
    batches: Batches | None = None,
    announce_http: Callable[[str], None] = lambda _url: None,
    quotas: Quotas | None = None,
    classrooms: Classrooms | None = None,
) -> AsyncIterator[tuple[str, Health]]:
    """Answer calls for the duration of the context; yields the address with its actual port, and the health to report.

    At the end, health turns NOT_SERVING; after `notice_seconds` new calls are refused, running calls may continue for
    `drain_seconds` or until `hurry`, and the rest is told to retry.

    Args:
        service: answers the calls.
        settings: settings of the service.
        hurry: ends the draining.
        recorder: counts and traces calls.
        batches: runs batches; None: not supported.
        announce_http: called with the URL of HTTP/JSON, if configured.
        quotas: accounts of clients, which `batches` charges, too.
        classrooms: classrooms of teachers; None: not supported.

    Raises:
        UserError: the address cannot be bound, or a file of certificates or tokens cannot be read.
    """
    in_work, recorder, authentications = CallsInWork(), recorder or Recorder(), list[Authentication]()
    room = ConnectionBounds.of(settings.server, descriptors.raise_limit())

    def surrounds(names: MetricNames, listen: str) -> list[Surround]:
        counted = CallRecorder(recorder.registry, names)
        authentication = Authentication(settings.security, anonymous_roles(listen), recorder.refused)
        authentications.append(authentication)
        return [counted.around, recorder.tracing.around, in_work.around, authentication.around]

    around = Around(surrounds(GRPC, settings.server.listen))
    server = grpc.aio.server(interceptors=[around], options=options(settings.server, room))
    state, handlers = Health(), Handlers(service, settings, batches, quotas, classrooms)
    await state.report(serving=False)
    _register(server, handlers, state)
    address = bind(server, settings)
    http: HttpServer | None = None
    if settings.http.listen:
        calls = HttpCalls(handlers, surrounds(HTTP, settings.http.listen))
        guests = Guests(room, recorder.connections("http"))
        http = await HttpServer.start(calls, settings, lambda: state.serving, guests)
        announce_http(http.url)
    await server.start()
    watches = [authentication.watch(in_work.end_one) for authentication in authentications]
    watching = [asyncio.create_task(each) for each in (*watches, watch(address, room, recorder.connections("grpc")))]
    try:
        yield address, state
    finally:
        await state.shut_down()
        await _drain(server, http, in_work, hurry, settings.server)
        await ended(watching)
        if http is not None:
            await http.close()


def _register(server: grpc.aio.Server, handlers: Handlers, state: Health) -> None:
    """Register the services of the contract, health checks and reflection."""
    register(handlers, server)
    health_pb2_grpc.add_HealthServicer_to_server(state.servicer, server)
    reflection.enable_server_reflection((*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)


async def _drain(
    server: grpc.aio.Server,
    http: HttpServer | None,
    in_work: CallsInWork,
    hurry: asyncio.Event,
    settings: ServerSettings,
) -> None:
    """After the notice, refuse new calls, and end running calls when their time is over; at `hurry`, do both at
    once.
    """
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(hurry.wait(), settings.notice_seconds)
    # Health watchers never end their calls, so gRPC's own grace period is not used: draining ends with the other calls.
    draining = asyncio.create_task(server.stop(settings.drain_seconds + 60.0))
    if http is not None:
        http.stop_listening()
    in_work.end("WatchBatchResults")  # the batch continues on another server
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(settings.drain_seconds):
            await first(in_work.none(), hurry.wait())
    in_work.end()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(in_work.none(), _LAST_WORDS_SECONDS)
    await server.stop(0)
    await draining


_LAST_WORDS_SECONDS = 2.0  # for ended calls to stop their work and send their status


async def serve(settings: Settings, announce: Callable[[str], None], reload: Callable[[], Settings]) -> None:
    """Serve until SIGTERM or SIGINT; a second signal ends running calls.

    Args:
        settings: settings of the service.
        announce: called with a line when the server listens, and when a test proof has been checked.
        reload: reads the settings again at SIGHUP.

    Raises:
        UserError: the address cannot be bound, the database cannot be used, or Lean or a sampler do not run here.
    """
    signals = Signals()
    signals.listen()
    with tracing.exporting(settings.tracing) as traces:
        recorder = Recorder(traces)
        database = await open_database(settings.store)
        memory = ProofCache(database, settings.store, recorder.looked_up) if database else None
        engine = Engine(settings, recorder=recorder, memory=memory, shared=True)
        quotas = Quotas(settings.clients)
        owners = Owners(settings.security.tokens)
        batches = BatchRunner(engine, BatchQueue(database), settings.batches, quotas, owners.may) if database else None
        classrooms = Classrooms(engine, ClassroomStore(database), settings.classrooms, owners.may) if database else None
        urls: list[str] = []
        try:
            async with listening(
                engine, settings, signals.hurry, recorder, batches, urls.append, quotas, classrooms
            ) as (
                address,
                state,
            ):
                recorder.registry.register(ServerCollector(engine, state))
                recorder.registry.register(ProcessCollector())
                recorder.registry.register(CertificateCollector(settings.security))
                if database and batches:
                    recorder.registry.register(StoreCollector(database, batches.figures))
                checks = readiness(settings.server, state, database)
                with metrics_http.offered(settings.metrics, recorder, checks):
                    announce(f"leansieve listens on {address}")
                    for url in urls:
                        announce(f"leansieve answers HTTP on {url}")
                    reloading = asyncio.create_task(_reload_settings(settings, signals.reload, reload))
                    try:
                        # Items are released when draining begins; this server takes them again after a restart, or
                        # another one does.
                        async with batches or contextlib.nullcontext(), classrooms or contextlib.nullcontext():
                            await _work(engine, state, settings, signals.stop, announce)
                    finally:
                        reloading.cancel()
                    _log.info("draining", seconds=settings.server.drain_seconds)
        finally:
            await engine.close()
            if database:
                database.close()


async def _work(
    engine: Engine, state: Health, settings: Settings, stop: asyncio.Event, announce: Callable[[str], None]
) -> None:
    """Start the engine, then watch it until `stop`; then set health to NOT_SERVING before anything else ends."""
    try:
        await _start_and_watch(engine, state, settings, stop, announce)
    finally:
        await state.shut_down()


async def _start_and_watch(
    engine: Engine, state: Health, settings: Settings, stop: asyncio.Event, announce: Callable[[str], None]
) -> None:
    warming = asyncio.create_task(engine.start())
    try:
        await first(warming, stop.wait())
        if stop.is_set():
            return
        await warming
    finally:
        warming.cancel()
    await state.report(serving=True)
    announce("leansieve is ready: a proof was checked")
    watching = asyncio.create_task(state.watch(engine, settings.server.unhealthy_seconds))
    try:
        await first(watching, stop.wait())
        if watching.done():
            await watching  # raises the failure
    finally:
        watching.cancel()


async def _reload_settings(settings: Settings, asked: asyncio.Event, reload: Callable[[], Settings]) -> None:
    """At each request, read the settings again, apply the log level, and report which changes need a restart."""
    while True:
        await asked.wait()
        asked.clear()
        try:
            now = reload()
        except UserError as error:
            _log.error("the settings cannot be read again: all stays as it was", error=str(error))
            continue
        logs.set_level(now.log)
        changed = [
            name for name in Settings.model_fields if name != "log" and getattr(now, name) != getattr(settings, name)
        ]
        _log.info("settings were read again", log_level=now.log.level, changed_but_need_a_restart=changed)


def anonymous_roles(listen: str) -> frozenset[Role]:
    """Return the roles of unauthenticated callers at this address: remote ones may not administer the server."""
    return frozenset(Role) if is_local(listen) else frozenset({Role.PROVE})
