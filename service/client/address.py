"""Addresses of servers, and their reachability from other machines."""

import ipaddress
import socket
from dataclasses import dataclass

import grpc

from prover.errors import UserError
from service.auth.tls import server_credentials
from service.ops.config import Settings


@dataclass(frozen=True, slots=True)
class Address:
    """`host:port`; IPv6 hosts have no brackets here."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Parse `host:port`. Raises UserError."""
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise UserError(f"cannot listen on {text!r}: expected HOST:PORT or unix:/path")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def bound(self) -> socket.socket:
        """Return a TCP socket bound to this address. Raises OSError."""
        family, _, _, _, where = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where[:2], family=family, reuse_port=False)

    def try_to_bind(self) -> None:
        """Test whether the system can bind it; raises OSError with the reason."""
        family, kind, _, _, where = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)


def is_local(listen: str) -> bool:
    """Whether only this machine can reach `host:port` or `unix:/path`."""
    return listen.startswith("unix:") or Address.parse(listen).loopback


def refuse_unprotected(listen: str, settings: Settings) -> None:
    """Raise UserError if other machines could reach `listen` without encryption or authentication, unless the settings
    allow it.
    """
    protected = settings.security.encrypted and settings.security.authenticated
    if not (settings.server.allow_remote or protected or is_local(listen)):
        raise UserError(
            f"{listen} can be reached from other machines, and calls are not both encrypted and authenticated: "
            "listen on 127.0.0.1, set security.certificate, key and tokens, or allow it with --allow-remote"
        )


def bind(server: grpc.aio.Server, settings: Settings) -> str:
    """Bind the server to the address in the settings; returns the address with its actual port.

    Raises:
        UserError: it is impossible, or not allowed because other machines could reach it without encryption or
            authentication.
    """
    listen, security = settings.server.listen, settings.security
    refuse_unprotected(listen, settings)
    credentials = server_credentials(security) if security.encrypted else None
    reason = "the socket's folder must exist and be writable"
    try:
        if not listen.startswith("unix:"):
            Address.parse(listen).try_to_bind()  # gRPC gives no reason for a failure
        port = server.add_insecure_port(listen) if credentials is None else server.add_secure_port(listen, credentials)
    except OSError as error:
        reason = error.strerror or str(error)
    except RuntimeError:
        pass
    else:
        return listen if listen.startswith("unix:") else f"{listen.rpartition(':')[0]}:{port}"
    raise UserError(f"cannot listen on {listen}: {reason}; choose another address with --listen")
