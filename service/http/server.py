"""HTTP/JSON: the application on its port, in the event loop of the gRPC server, which says when it ends."""

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
    """Answers HTTP until it is closed.

    Attributes:
        url: with the real port.
    """

    def __init__(self, listener: Listener, url: str) -> None:
        self._listener = listener
        self.url = url

    @classmethod
    async def start(
        cls, calls: HttpCalls, settings: Settings, serving: Callable[[], bool], guests: Guests
    ) -> "HttpServer":
        """Listen where `settings.http` says.

        Raises:
            UserError: it is not possible, or not allowed: other machines would reach it without encryption or
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
        """Take no more connections; requests in work are still answered."""
        self._listener.stop_listening()

    async def close(self) -> None:
        """End; what is still in work is cut off."""
        await self._listener.close()


def _bind(address: Address, listen: str) -> socket.socket:
    try:
        return address.bound()
    except OSError as error:
        raise UserError(
            f"cannot serve HTTP on {listen}: {error.strerror or error}; choose another address with --http"
        ) from None
