"""Settings of the server: where it listens, who may call, what it tells of itself."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from service.auth.identity import Role
from service.ops.config.section import Section


class ServerSettings(Section):
    """Where the gRPC server listens and how it ends."""

    listen: str = "127.0.0.1:50061"
    """`host:port` or `unix:/path`; port 0 lets the system choose."""
    allow_remote: bool = False
    """Listen on addresses that other machines reach although calls are not both encrypted and authenticated."""
    searches: int = Field(default=64, ge=1)
    """Most calls of `Prove`, `FillSorries` and `SuggestTactics` at once, and of `WatchBatchResults`; further ones are told to come
    back."""
    checks: int = Field(default=64, ge=1)
    """Most checks in work at once for each Lean worker, of all calls of `CheckProof` and `CheckProofs`; further ones wait."""
    check_patience_seconds: float = Field(default=10.0, ge=0)
    """How long a check waits to be among them before it is told to come back."""
    message_bytes: int = Field(default=4 << 20, ge=1 << 10, le=64 << 20)
    """Largest gRPC message taken."""
    drain_seconds: float = Field(default=20.0, ge=0)
    """How long calls may go on after SIGTERM before they are cancelled."""
    notice_seconds: float = Field(default=0.0, ge=0)
    """How long new calls are still taken after SIGTERM, with health at NOT_SERVING: what load balancers take to notice."""
    unhealthy_seconds: float = Field(default=15.0, ge=0)
    """How long there may be no Lean worker at all before health turns NOT_SERVING; longer than a worker takes to start."""
    connection_seconds: float | None = Field(default=None, gt=0)
    """Age at which connections are closed, so that clients find other servers too; calls in work go on."""
    connections: int = Field(default=4096, ge=16)
    """Most connections to each port, to gRPC's and to HTTP's; at most half of the descriptors that the system allows."""
    connections_each: int = Field(default=512, ge=1)
    """Most of them from one address (of IPv6: one /64). Behind a proxy all clients have the same one: raise it there."""


class HttpSettings(Section):
    """HTTP/JSON besides gRPC, for editors, scripts and pages. `security`, `clients` and `server` hold for it too."""

    listen: str = ""
    """`host:port`; port 0 lets the system choose, empty: no HTTP."""
    origins: tuple[str, ...] = ()
    """Web pages that may call, as in `https://lean.example`; by default none but the server's own (CORS)."""
    hosts: tuple[str, ...] = ()
    """Names by which requests may call a server that listens on this machine alone, besides `localhost`: of a proxy."""

    @field_validator("listen")
    @classmethod
    def _an_address(cls, text: str) -> str:
        return _address_or_none(text)


class SecuritySettings(Section):
    """Encryption and authentication. Files are read again when they change."""

    certificate: Path | None = None
    """The server's certificate chain, PEM; with `key`, calls are encrypted."""
    key: Path | None = None
    """Private key of `certificate`, PEM."""
    client_ca: Path | None = None
    """Certificate authority of clients, PEM: who has no certificate from it is not let in (mutual TLS)."""
    client_roles: tuple[Role, ...] = (Role.PROVE,)
    """What clients may do that are known by their certificate alone; `tokens` says more of others."""
    tokens: Path | None = None
    """File of bearer tokens' hashes (`leansieve token new`); with it, callers without a token are refused."""

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
        """Whether callers must say who they are."""
        return self.tokens is not None or self.client_ca is not None


class ClientSettings(Section):
    """What each client may take, unless its token says otherwise. Clients without a name are told apart by host."""

    calls: int = Field(default=64, ge=1)
    """Calls at once."""
    calls_per_minute: int | None = Field(default=None, ge=1)
    """Calls begun within a minute."""
    lean_seconds_per_hour: float | None = Field(default=None, gt=0)
    """Checking time."""
    samples_per_hour: int | None = Field(default=None, ge=1)
    """Candidates sampled."""


class ConnectionSettings(Section):
    """How `--server` is reached."""

    tls: bool = False
    """Encrypt calls; the server's certificate must come from an authority that this machine trusts."""
    ca: Path | None = None
    """Encrypt calls; the server's certificate must come from this authority, PEM."""
    certificate: Path | None = None
    """This client's certificate chain, PEM, for servers that want one."""
    key: Path | None = None
    """Private key of `certificate`, PEM."""
    token: SecretStr | None = None
    """Bearer token; rather in the environment (`LEANSIEVE_CONNECTION__TOKEN`) or in a file than here."""
    token_file: Path | None = None
    """File that holds the bearer token, nothing else."""


class MetricsSettings(Section):
    """What Prometheus reads."""

    listen: str = "127.0.0.1:9464"
    """`host:port` of the HTTP server with `/metrics`, `/livez` and `/readyz`; port 0 is any, empty is none."""
    allow_remote: bool = False
    """Listen on addresses that other machines reach: metrics tell load and versions, no theorem, no client."""

    @field_validator("listen")
    @classmethod
    def _an_address(cls, text: str) -> str:
        return _address_or_none(text)


class TracingSettings(Section):
    """OpenTelemetry traces; none by default. Needs `pip install 'leansieve[tracing]'`."""

    endpoint: str = ""
    """OTLP collector over gRPC, as in `http://127.0.0.1:4317`; empty: no traces."""
    ratio: float = Field(default=1.0, ge=0, le=1)
    """Share of the traces that begin here which is kept; those that clients began are kept if the client keeps them."""


class LogSettings(Section):
    """What is logged, to stderr. Texts of theorems and proofs never are: a theorem is named by its digest."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is logged. SIGHUP reads it anew."""
    format: Literal["auto", "console", "json"] = "auto"
    """`auto`: console on a terminal, JSON elsewhere."""


def _address_or_none(text: str) -> str:
    if text and not re.fullmatch(r".+:\d{1,5}", text):
        raise ValueError("expected HOST:PORT, or nothing for none")
    return text
