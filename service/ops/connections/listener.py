"""A port for HTTP: uvicorn behind an accept loop that counts connections and applies time limits."""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.ops.connections.guests import Guests

_log = structlog.get_logger(__name__)

_HEAD_SECONDS = 10.0  # from a connection, or the first byte of a further request, to the end of the request's header
_IDLE_SECONDS = 30  # between requests
_LONGEST_HEAD = 16 << 10  # bytes of a request line and headers
_BACKLOG = 1024
_CLOSING_SECONDS = 2.0
_PAUSE_SECONDS = 0.5  # when the system is out of descriptors or memory for connections


class Listener:
    """Answers HTTP on a port until it is closed, in the event loop that started it."""

    def __init__(self, bound: socket.socket, app: ASGIApp, guests: Guests, encryption: ssl.SSLContext | None) -> None:
        """Answer with `app`; nothing is accepted yet.

        Args:
            bound: a bound TCP socket.
            app: an ASGI application.
            guests: counts connections.
            encryption: context for HTTPS.
        """
        self._bound = bound
        self._guests = guests
        self._encryption = encryption
        self._config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # malformed requests are not errors of this server
            access_log=False,  # calls are logged by their handlers
            server_header=False,
            proxy_headers=False,  # the caller is the peer of the connection
            timeout_keep_alive=_IDLE_SECONDS,
            h11_max_incomplete_event_size=_LONGEST_HEAD,
        )
        self._server = _Server(self._config)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._bound.setblocking(False)
        self._bound.listen(_BACKLOG)
        self._config.load()
        self._serving = asyncio.create_task(self._server.serve([]))
        self._accepting = asyncio.create_task(self._accept())

    def stop_listening(self) -> None:
        """Refuse new connections; requests in progress are still answered."""
        self._accepting.cancel()
        self._bound.close()
        self._server.should_exit = True

    async def close(self) -> None:
        """Close; requests in progress are cut off."""
        self.stop_listening()
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._serving), _CLOSING_SECONDS)
        self._server.force_exit = True
        for task in list(self._server.server_state.tasks):
            task.cancel()
        await self._serving

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, where = await loop.sock_accept(self._bound)
            except OSError as error:
                if error.errno in _EXHAUSTED:  # new connections wait in the backlog meanwhile
                    _log.warning("no connection can be taken", error=error.strerror)
                    await asyncio.sleep(_PAUSE_SECONDS)
                continue
            guest = _Guest(connection)
            if not self._guests.enter(str(where[0]), guest):
                connection.close()
                continue
            guest.task = task = asyncio.create_task(self._begin(guest, str(where[0])))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _begin(self, guest: "_Guest", host: str) -> None:
        """Pass a connection to uvicorn, encrypted if configured."""
        loop = asyncio.get_running_loop()
        protocol = _Protocol(config=self._config, server_state=self._server.server_state, app_state={}, _loop=loop)
        protocol.lost = lambda: self._guests.leave(host, guest)
        handshake = None if self._encryption is None else _HEAD_SECONDS
        try:
            await loop.connect_accepted_socket(
                lambda: protocol, guest.connection, ssl=self._encryption, ssl_handshake_timeout=handshake
            )
            guest.protocol = protocol
        except OSError:  # the handshake failed, or the client disconnected
            self._give_up(guest, host)
        except asyncio.CancelledError:
            self._give_up(guest, host)
            raise

    def _give_up(self, guest: "_Guest", host: str) -> None:
        self._guests.leave(host, guest)
        guest.connection.close()


_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class _Guest:
    """A connection; `protocol` is set once it has one."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.task: asyncio.Task[None] | None = None
        self.protocol: _Protocol | None = None

    @property
    def idle(self) -> bool:
        return self.protocol is None or not self.protocol.in_work

    def dismiss(self) -> None:
        if self.protocol is not None:
            self.protocol.transport.abort()
        elif self.task is not None:
            self.task.cancel()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: they are handled for the server as a whole."""
        yield


class _Protocol(H11Protocol):
    """A connection with time limits for request headers; gives applications the name in the client's certificate."""

    lost = staticmethod(lambda: None)
    _late: asyncio.TimerHandle | None = None

    @property
    def in_work(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request."""
        super().connection_made(transport)
        # asyncio sets it only for sockets that it bound; without it each answer waits for an acknowledgement.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        certificate: dict[str, Any] = transport.get_extra_info("peercert") or {}
        subject = dict(pair for part in certificate.get("subject", ()) for pair in part)
        self.app_state = {"common_name": subject.get("commonName")}
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Process data; between requests, the first data start the time limit."""
        if self._late is None and not self.in_work:
            self._wait_for_head()
        super().data_received(data)
        if self.in_work:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the closed connection."""
        self._wait_no_more()
        super().connection_lost(exc)
        self.lost()

    def _wait_for_head(self) -> None:
        self._late = asyncio.get_running_loop().call_later(_HEAD_SECONDS, self._too_late)

    def _wait_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _too_late(self) -> None:
        self._late = None
        if not self.in_work:
            self.transport.abort()
