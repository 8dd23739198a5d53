"""Settings of the server: address, authentication, limits, logs and metrics."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from service.auth.identity import Role
from service.ops.config.section import Section


class ServerSettings(Section):
    """Settings of the gRPC server: address, limits and shutdown."""

    listen: str = "127.0.0.1:50061"
    """`host:port` or `unix:/path`; with port 0 the system chooses."""
    allow_remote: bool = False
    """Whether to listen on addresses that other machines can reach although calls are not both encrypted and
    authenticated.
    """
    searches: int = Field(default=64, ge=1)
    """Maximum number of concurrent calls of `Prove`, `FillSorries` and `SuggestTactics`, and of `WatchBatchResults`;
    further ones are asked to retry later.
    """
    checks: int = Field(default=64, ge=1)
    """Maximum number of checks in progress per Lean worker, over all calls of `CheckProof` and `CheckProofs`; further
    ones wait.
    """
    check_patience_seconds: float = Field(default=10.0, ge=0)
    """Maximum wait of a check for such a place; after it, the client is asked to retry later."""
    message_bytes: int = Field(default=4 << 20, ge=1 << 10, le=64 << 20)
    """Maximum size of a gRPC message."""
    drain_seconds: float = Field(default=20.0, ge=0)
    """Time that calls may continue after SIGTERM before they are cancelled."""
    notice_seconds: float = Field(default=0.0, ge=0)
    """Time that new calls are still accepted after SIGTERM, with health NOT_SERVING, so that load balancers notice."""
    unhealthy_seconds: float = Field(default=15.0, ge=0)
    """Time without any Lean worker after which health turns NOT_SERVING; must be longer than a worker's start."""
    connection_seconds: float | None = Field(default=None, gt=0)
    """Age at which connections are closed, so that clients find other servers, too; running calls continue."""
    connections: int = Field(default=4096, ge=16)
    """Maximum number of connections to each port, gRPC's and HTTP's; at most half of the system's limit of
    descriptors.
    """
    connections_each: int = Field(default=512, ge=1)
    """Maximum number of connections from one address (for IPv6: one /64).

    Behind a proxy all clients share an address: raise it there.
    """


class HttpSettings(Section):
    """HTTP/JSON in addition to gRPC, for editors, scripts and pages.

    `security`, `clients` and `server` apply to it, too.
    """

    listen: str = ""
    """`host:port`; with port 0 the system chooses; empty: no HTTP."""
    origins: tuple[str, ...] = ()
    """Origins of web pages that may call, such as `https://lean.example`; by default only the server's own (CORS)."""
    hosts: tuple[str, ...] = ()
    """Host names, besides `localhost`, by which requests may call a server on a loopback address: those of a proxy."""

    @field_validator("listen")
    @classmethod
    def _an_address(cls, text: str) -> str:
        return _address_or_none(text)


class SecuritySettings(Section):
    """Encryption and authentication. Files are read again when they change."""

    certificate: Path | None = None
    """The server's certificate chain, PEM; together with `key` it enables encryption."""
    key: Path | None = None
    """Private key of `certificate`, PEM."""
    client_ca: Path | None = None
    """Certificate authority of clients, PEM: clients without a certificate from it are refused (mutual TLS)."""
    client_roles: tuple[Role, ...] = (Role.PROVE,)
    """Roles of clients that are identified by their certificate alone; `tokens` has the roles of others."""
    tokens: Path | None = None
    """File of bearer tokens' hashes (`leansieve token new`); if set, callers without a token are refused."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together: set both or none")
        if self.client_ca is not None and self.certificate is None:
            raise ValueError("client_ca needs certificate and key: clients' certificates are seen in TLS alone")
        if self.tokens is not None and self.tokens.suffix != ".toml":
            raise ValueError(f"tokens must be a .toml file, not {self.tokens.name!r}")
        return self

    @property
    def encrypted(self) -> bool:
        """Whether calls are encrypted."""
        return self.certificate is not None

    @property
    def authenticated(self) -> bool:
        """Whether callers must authenticate."""
        return self.tokens is not None or self.client_ca is not None


class ClientSettings(Section):
    """Quota of each client, unless its token has another. Clients without a name are distinguished by host."""

    calls: int = Field(default=64, ge=1)
    """Concurrent calls."""
    calls_per_minute: int | None = Field(default=None, ge=1)
    """Calls started per minute."""
    lean_seconds_per_hour: float | None = Field(default=None, gt=0)
    """Checking time per hour."""
    samples_per_hour: int | None = Field(default=None, ge=1)
    """Sampled candidates per hour."""


class ConnectionSettings(Section):
    """Connection of `--server`."""

    tls: bool = False
    """Whether to encrypt calls; the server's certificate must come from an authority that this machine trusts."""
    ca: Path | None = None
    """File of a certificate authority, PEM: calls are encrypted, and the server's certificate must come from it."""
    certificate: Path | None = None
    """This client's certificate chain, PEM, for servers that require one."""
    key: Path | None = None
    """Private key of `certificate`, PEM."""
    token: SecretStr | None = None
    """Bearer token; better set in the environment (`LEANSIEVE_CONNECTION__TOKEN`) or a file than here."""
    token_file: Path | None = None
    """File that contains only the bearer token."""


class MetricsSettings(Section):
    """Settings of metrics for Prometheus."""

    listen: str = "127.0.0.1:9464"
    """`host:port` of the HTTP server with `/metrics`, `/livez` and `/readyz`; port 0: the system chooses; empty:
    none.
    """
    allow_remote: bool = False
    """Whether to listen on addresses that other machines can reach: metrics reveal load and versions, but no theorem
    and no client.
    """

    @field_validator("listen")
    @classmethod
    def _an_address(cls, text: str) -> str:
        return _address_or_none(text)


class TracingSettings(Section):
    """OpenTelemetry traces; none by default. Needs `pip install 'leansieve[tracing]'`."""

    endpoint: str = ""
    """OTLP collector over gRPC, such as `http://127.0.0.1:4317`; empty: no traces."""
    ratio: float = Field(default=1.0, ge=0, le=1)
    """Share of locally started traces that is kept; traces started by clients are kept if the client keeps them."""


class LogSettings(Section):
    """Settings of logs on stderr.

    Texts of theorems and proofs are never logged: a theorem is identified by its digest.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Minimum severity that is logged. SIGHUP reads it again."""
    format: Literal["auto", "console", "json"] = "auto"
    """`auto`: console format on a terminal, otherwise JSON."""


def _address_or_none(text: str) -> str:
    if text and not re.fullmatch(r".+:\d{1,5}", text):
        raise ValueError("expected HOST:PORT, or nothing for none")
    return text
