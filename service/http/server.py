"""HTTP/JSON: serves the application on its port, in the event loop of the gRPC server, which controls its end."""

import socket
from collections.abc import Callable

from prover.errors import UserError
from service.auth.tls import http_context
from service.client.address import Address, refuse_unprotected
from service.http.app import application
from service.http.calls import HttpCalls
from service.ops.config import Settings
from service.ops.connections.guests import Guests
from service.ops.connections.listener import Listener


class HttpServer:
    """Serves HTTP until it is closed.

    Attributes:
        url: URL with the actual port.
    """

    def __init__(self, listener: Listener, url: str) -> None:
        self._listener = listener
        self.url = url

    @classmethod
    async def start(
        cls, calls: HttpCalls, settings: Settings, serving: Callable[[], bool], guests: Guests
    ) -> "HttpServer":
        """Listen at the address `settings.http`.

        Raises:
            UserError: it is impossible, or not allowed because other machines could reach it without encryption or
                authentication; or a certificate cannot be read.
        """
        listen, security = settings.http.listen, settings.security
        refuse_unprotected(listen, settings)
        encryption = http_context(security) if security.encrypted else None
        bound = _bind(Address.parse(listen), listen)
        port = bound.getsockname()[1]
        listener = Listener(bound, application(calls, settings, serving), guests, encryption)
        await listener.start()
        return cls(listener, f"{'http' if encryption is None else 'https'}://{listen.rpartition(':')[0]}:{port}")

    def stop_listening(self) -> None:
        """Refuse new connections; requests in progress are still answered."""
        self._listener.stop_listening()

    async def close(self) -> None:
        """Close; requests in progress are cut off."""
        await self._listener.close()


def _bind(address: Address, listen: str) -> socket.socket:
    try:
        return address.bound()
    except OSError as error:
        raise UserError(
            f"cannot serve HTTP on {listen}: {error.strerror or error}; choose another address with --http"
        ) from None
