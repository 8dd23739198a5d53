"""Where the server listens, and who reaches it there."""

import ipaddress
import socket
from dataclasses import dataclass

import grpc

from prover.errors import UserError
from service.auth.tls import server_credentials
from service.ops.config import Settings


@dataclass(frozen=True, slots=True)
class Address:
    """`host:port`; an IPv6 host is without brackets here."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Raises UserError unless it is `host:port`."""
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise UserError(f"cannot listen on {text!r}: expected HOST:PORT or unix:/path")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))

    @property
    def loopback(self) -> bool:
        """Whether this machine alone reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def bound(self) -> socket.socket:
        """A TCP socket with this address. Raises OSError."""
        family, _, _, _, where = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where[:2], family=family, reuse_port=False)

    def try_to_bind(self) -> None:
        """Ask the system whether it can be bound; raises OSError that says why not."""
        family, kind, _, _, where = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)


def is_local(listen: str) -> bool:
    """Whether this machine alone reaches `host:port` or `unix:/path`."""
    return listen.startswith("unix:") or Address.parse(listen).loopback


def refuse_unprotected(listen: str, settings: Settings) -> None:
    """Raise UserError if other machines would reach `listen` without encryption or authentication, unless allowed."""
    protected = settings.security.encrypted and settings.security.authenticated
    if not (settings.server.allow_remote or protected or is_local(listen)):
        raise UserError(
            f"{listen} can be reached from other machines, and calls are not both encrypted and authenticated: "
            "listen on 127.0.0.1, set security.certificate, key and tokens, or allow it with --allow-remote"
        )


def bind(server: grpc.aio.Server, settings: Settings) -> str:
    """Have the server listen where the settings say; the address with its real port.

    Raises:
        UserError: it is not possible, or not allowed: other machines would reach it without encryption or authentication.
    """
    listen, security = settings.server.listen, settings.security
    refuse_unprotected(listen, settings)
    credentials = server_credentials(security) if security.encrypted else None
    reason = "the socket's folder must exist and be writable"
    try:
        if not listen.startswith("unix:"):
            Address.parse(listen).try_to_bind()  # gRPC does not say why it could not
        port = server.add_insecure_port(listen) if credentials is None else server.add_secure_port(listen, credentials)
    except OSError as error:
        reason = error.strerror or str(error)
    except RuntimeError:
        pass
    else:
        return listen if listen.startswith("unix:") else f"{listen.rpartition(':')[0]}:{port}"
    raise UserError(f"cannot listen on {listen}: {reason}; choose another address with --listen")
