"""Who makes a call, and whether they may: found out before a handler sees it."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from urllib.parse import unquote

import structlog

from prover.errors import NotAllowedError, UnknownCallerError
from service.auth.identity import CALLER, Identity, Role
from service.auth.tokens import Token, digest, read
from service.auth.watched import Watched
from service.grpc import status
from service.grpc.interceptor import Call
from service.ops.config import SecuritySettings

_log = structlog.get_logger(__name__)

SERVICE = "leansieve.v1.ProofSearch"
HEALTH = "grpc.health.v1.Health"

ROLES: Mapping[str, Role | None] = {
    "Prove": Role.PROVE,
    "FillSorries": Role.PROVE,
    "SuggestTactics": Role.PROVE,
    "SubmitBatch": Role.PROVE,
    "WatchBatch": Role.PROVE,
    "CancelBatch": Role.PROVE,
    "CheckProof": Role.CHECK,
    "CheckProofs": Role.CHECK,
    "GetServerInfo": None,
    "ReloadModel": Role.ADMIN,
}
"""The role that a method of `SERVICE` needs; None: any. Methods that are not here need `admin`."""


class Authentication:
    """Tells who calls; give `around` to an `Around` interceptor."""

    def __init__(self, settings: SecuritySettings, everybody: frozenset[Role]) -> None:
        """Ask callers for what the settings demand.

        Args:
            settings: where tokens are, and what certificates allow.
            everybody: roles of those who are not asked who they are, where nobody is.

        Raises:
            UserError: the file of tokens cannot be read.
        """
        self._everybody = everybody
        self._certificates = settings.client_ca is not None
        self._client_roles = frozenset(settings.client_roles)
        file = settings.tokens
        self._tokens: Watched[Mapping[str, Token]] | None = None
        if file is not None:
            self._tokens = Watched([file], lambda: read(file))

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Set `CALLER`, or end the call with UNAUTHENTICATED or PERMISSION_DENIED.

        Health is told to everyone who can connect: probes and load balancers have no token.
        """
        identity = self._identify(call)
        if identity is None:
            if call.service != HEALTH:
                _log.info("refused", rpc=call.method, peer=_peer(call), reason="unknown caller")
                await status.abort(call.context, UnknownCallerError(self._wanted))
            identity = Identity(_peer(call), frozenset())
        role = ROLES.get(call.method, Role.ADMIN) if call.service == SERVICE else None
        if role is not None and not identity.may(role):
            _log.info("refused", rpc=call.method, client=identity.name, reason="not allowed")
            await status.abort(
                call.context, NotAllowedError(f"{call.method} needs the role {role.value}, which you do not have")
            )
        # Not reset: the task ends with the call, and a generator may be closed from elsewhere.
        CALLER.set(identity)
        yield

    @property
    def _wanted(self) -> str:
        what = "a valid token: name its file with --token-file" if self._tokens else "a certificate"
        return f"this server wants to know who calls, by {what}"

    def _identify(self, call: Call) -> Identity | None:
        """Who calls, None if it is not known but must be."""
        if self._tokens is not None:
            return self._by_token(call, self._tokens.current())
        if self._certificates:
            return self._by_certificate(call)
        return Identity(_peer(call), self._everybody)

    def _by_token(self, call: Call, tokens: Mapping[str, Token]) -> Identity | None:
        scheme, _, secret = str(call.metadata.get("authorization", "")).partition(" ")
        if scheme.lower() != "bearer":
            return None
        # Who guesses cannot steer the digest that is looked up: how long the look-up takes tells nothing of a token.
        token = tokens.get(digest(secret.strip()))
        return token.identity if token is not None and token.valid(datetime.now(UTC)) else None

    def _by_certificate(self, call: Call) -> Identity | None:
        name = next(iter(call.context.auth_context().get("x509_common_name", ())), None)
        return Identity(_peer(call) if name is None else name.decode(errors="replace"), self._client_roles)


def _peer(call: Call) -> str:
    """`peer:` and the host that calls, without its port: `ipv4:127.0.0.1:4711`, `ipv6:%5B::1%5D:4711`, `unix:`."""
    kind, _, address = unquote(call.context.peer()).partition(":")
    return f"peer:{address.rpartition(':')[0]}" if kind in ("ipv4", "ipv6") else f"peer:{kind}"
