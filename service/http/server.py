"""The HTTP server: uvicorn in the event loop of the gRPC server, which says when it ends."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from prover.errors import UserError
from service.auth.tls import http_context
from service.client.address import Address, refuse_unprotected
from service.http.app import application
from service.http.calls import Calls
from service.ops.config import Settings

_SILENT_SECONDS = 10.0  # how long a new connection may take to say what it wants
_IDLE_SECONDS = 30  # between requests
_LONGEST_HEAD = 16 << 10  # bytes of a request's line and headers
_CLOSING_SECONDS = 2.0


class HttpServer:
    """Answers HTTP until it is closed.

    Attributes:
        url: with the real port.
    """

    def __init__(self, server: "_Server", task: asyncio.Task[None], url: str) -> None:
        self._server = server
        self._task = task
        self.url = url

    @classmethod
    async def start(cls, calls: Calls, settings: Settings, serving: Callable[[], bool]) -> "HttpServer":
        """Listen where `settings.http` says.

        Raises:
            UserError: it is not possible, or not allowed: other machines would reach it without encryption or
                authentication; or a certificate cannot be read.
        """
        listen, security = settings.http.listen, settings.security
        refuse_unprotected(listen, settings)
        encryption = http_context(security) if security.encrypted else None
        bound = _bind(Address.parse(listen), listen)
        config = uvicorn.Config(
            application(calls, settings, serving),
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,  # calls are logged by what answers them
            server_header=False,
            proxy_headers=False,  # whoever calls is who connects
            timeout_keep_alive=_IDLE_SECONDS,
            h11_max_incomplete_event_size=_LONGEST_HEAD,
            ssl_context_factory=None if encryption is None else lambda _config, _default: encryption,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve([bound]))
        port = bound.getsockname()[1]
        up = asyncio.create_task(server.up.wait())
        await asyncio.wait([up, task], return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if task.done():
            await task  # says what went wrong
        return cls(server, task, f"{'http' if encryption is None else 'https'}://{listen.rpartition(':')[0]}:{port}")

    def stop_listening(self) -> None:
        """Take no more connections; requests in work are still answered."""
        self._server.should_exit = True

    async def close(self) -> None:
        """End; what is still in work is cut off."""
        self.stop_listening()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._task), _CLOSING_SECONDS)
        self._server.force_exit = True
        for task in list(self._server.server_state.tasks):
            task.cancel()
        await self._task


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for the server as a whole."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.up.set()


class _Protocol(H11Protocol):
    """A connection that must speak soon, and tells applications the name in the client's certificate."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        # asyncio does so by itself only for sockets that it bound; without it each answer waits for an acknowledgement.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        certificate: dict[str, Any] = transport.get_extra_info("peercert") or {}
        subject = dict(pair for part in certificate.get("subject", ()) for pair in part)
        self.app_state = {"common_name": subject.get("commonName")}
        asyncio.get_running_loop().call_later(_SILENT_SECONDS, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if self.cycle is None:
            self.transport.close()


def _bind(address: Address, listen: str) -> socket.socket:
    try:
        family, _, _, _, where = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where[:2], family=family, reuse_port=False)
    except OSError as error:
        raise UserError(
            f"cannot serve HTTP on {listen}: {error.strerror or error}; choose another address with --http"
        ) from None
