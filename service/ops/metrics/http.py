"""The port for operators: `/metrics`, and `/livez` and `/readyz` for probes without gRPC.

It has its own thread and event loop, so that it answers even when the server is busy, and its own connection limits, so
that clients who fill the other ports do not exclude probes.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping

import structlog
from prometheus_client import CollectorRegistry, make_asgi_app
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from prover.errors import UserError
from service.client.address import Address
from service.ops.config import MetricsSettings
from service.ops.connections.guests import PROBES, Guests, Tallies
from service.ops.connections.listener import Listener
from service.ops.health import HealthCheck
from service.ops.metrics.recorder import Recorder

_log = structlog.get_logger(__name__)


@contextlib.contextmanager
def offered(settings: MetricsSettings, recorder: Recorder, checks: Mapping[str, HealthCheck]) -> Iterator[None]:
    """Serve Prometheus for the duration of the context, unless the settings disable metrics."""
    with contextlib.ExitStack() as stack:
        if settings.listen:
            address = Address.parse(settings.listen)
            if not address.loopback and not settings.allow_remote:
                raise UserError(
                    f"{settings.listen} can be reached from other machines, and metrics are for everyone who asks: "
                    "listen on 127.0.0.1, or set metrics.allow_remote"
                )
            tallies = recorder.connections("metrics")
            try:
                port = stack.enter_context(serving(address, recorder.registry, checks, tallies))
                _log.info("metrics are served", address=f"http://{address.host}:{port}/metrics")
            except OSError as error:
                if "listen" in settings.model_fields_set:
                    raise UserError(f"cannot serve metrics on {settings.listen}: {error.strerror}") from None
                # A second server on this machine: a default port in use must not end it.
                _log.warning("no metrics: their port is taken; choose one with --metrics", address=settings.listen)
        yield


@contextlib.contextmanager
def serving(
    address: Address, registry: CollectorRegistry, checks: Mapping[str, HealthCheck], tallies: Tallies
) -> Iterator[int]:
    """Serve for the duration of the context; yields the port.

    Args:
        address: address to bind.
        registry: content of `/metrics`.
        checks: checks of `/readyz`, by the names that `?exclude=` takes.
        tallies: counts connections.

    Raises:
        OSError: the address cannot be bound.
    """
    bound = address.bound()
    port: int = bound.getsockname()[1]
    listener = Listener(bound, _app(registry, checks), Guests(PROBES, tallies), None)
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def answer() -> None:
        await listener.start()
        await over.wait()
        await listener.close()

    thread = threading.Thread(target=loop.run_until_complete, args=[answer()], name="metrics", daemon=True)
    thread.start()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def _app(registry: CollectorRegistry, checks: Mapping[str, HealthCheck]) -> Starlette:
    async def alive(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def ready(request: Request) -> Response:
        excluded = set(request.query_params.getlist("exclude"))
        found = {name: check.holds() for name, check in checks.items() if name not in excluded}
        lines = [checks[name].good if holds else checks[name].bad for name, holds in found.items()]
        return PlainTextResponse("".join(f"{line}\n" for line in lines), 200 if all(found.values()) else 503)

    async def lost(_request: Request) -> Response:
        return PlainTextResponse("there is /metrics, /livez and /readyz\n", 404)

    routes = [
        Route("/livez", alive),
        Route("/readyz", ready),
        Route("/metrics", _Metrics(registry)),
        Route("/{rest:path}", lost),
    ]
    return Starlette(routes=routes)


class _Metrics:
    """Wraps `/metrics` as an ASGI application, because routes pass a request to functions.

    It serves the plain text format: in OpenMetrics, prometheus_client replaces the `:` in vLLM's names by `_`, except
    in `# TYPE`.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._app = make_asgi_app(registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [each for each in scope["headers"] if each[0] != b"accept"]
        await self._app({**scope, "headers": [*headers, (b"accept", b"text/plain")]}, receive, send)
