"""Authenticates callers and checks their roles before a handler sees the call."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from prover.errors import NotAllowedError, UnknownCallerError, UserError
from service.auth.identity import CALLER, Identity, Refusal, Role
from service.auth.tokens import CallerToken, digest, read
from service.auth.watched import Watched
from service.contract.methods import SERVICES
from service.handlers.calls import Call
from service.ops.config import SecuritySettings

_log = structlog.get_logger(__name__)

HEALTH = "grpc.health.v1.Health"

ROLES: Mapping[str, Role | None] = {
    "Prove": Role.PROVE,
    "FillSorries": Role.PROVE,
    "SuggestTactics": Role.PROVE,
    "SuggestHint": Role.PROVE,
    "SuggestPremises": Role.CHECK,
    "CreateBatch": Role.PROVE,
    "GetBatch": Role.PROVE,
    "ListBatches": Role.PROVE,
    "CancelBatch": Role.PROVE,
    "DeleteBatch": Role.PROVE,
    "WatchBatchResults": Role.PROVE,
    "CreateClassroom": Role.PROVE,
    "GetClassroom": Role.PROVE,
    "ListClassrooms": Role.PROVE,
    "DeleteClassroom": Role.PROVE,
    "ListLearners": Role.PROVE,
    "GetLearner": Role.PROVE,
    "DeleteLearner": Role.PROVE,
    "JoinClassroom": Role.PROVE,
    "GetClasswork": Role.PROVE,
    "SuggestClassroomHint": Role.PROVE,
    "LeaveClassroom": Role.PROVE,
    "CheckProof": Role.CHECK,
    "CheckProofs": Role.CHECK,
    "CheckSolution": Role.CHECK,
    "GetServerInfo": None,
    "ReloadModel": Role.ADMIN,
}
"""Role that each method of the contract requires; None: any. Methods not listed require `admin`."""


_LOOK_SECONDS = 1.0  # seconds within which a running call ends after its token was revoked or has expired


class Authentication:
    """Authenticates callers; `around` wraps each call."""

    def __init__(
        self,
        settings: SecuritySettings,
        everybody: frozenset[Role],
        refused: Callable[[Refusal], None] = lambda _reason: None,
    ) -> None:
        """Require the credentials that the settings demand.

        Args:
            settings: location of tokens, and roles of certificates.
            everybody: roles of all callers of a server without authentication.
            refused: called for each refused call.

        Raises:
            UserError: the token file cannot be read.
        """
        self._everybody = everybody
        self._refused = refused
        self._open: dict[asyncio.Task[Any], Call] = {}
        self._certificates = settings.client_ca is not None
        self._client_roles = frozenset(settings.client_roles)
        file = settings.tokens
        self._tokens: Watched[Mapping[str, CallerToken]] | None = None
        if file is not None:
            self._tokens = Watched([file], lambda: read(file))

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Set `CALLER`, or end the call with UNAUTHENTICATED or PERMISSION_DENIED.

        Health checks are open to everyone who can connect: probes and load balancers have no token.
        """
        identity = self._identify(call)
        if isinstance(identity, Refusal):
            if call.service != HEALTH:
                self._refused(identity)
                _log.info("refused", rpc=call.method, peer=_peer(call), reason=identity.value)
                raise UnknownCallerError(self._wanted)
            identity = Identity(_peer(call), frozenset())
        if (role := _role(call)) is not None and not identity.may(role):
            self._refused(Refusal.NOT_ALLOWED)
            _log.info("refused", rpc=call.method, client=identity.name, reason=Refusal.NOT_ALLOWED.value)
            raise NotAllowedError(f"{call.method} needs the role {role.value}, which you do not have")
        # Not reset: the task ends with the call, and a generator may be closed in another context.
        CALLER.set(identity)
        task = asyncio.current_task()
        if task is None or call.service == HEALTH:
            yield
            return
        self._open[task] = call
        try:
            yield
        finally:
            del self._open[task]

    async def watch(self, end: Callable[[asyncio.Task[Any], UserError], None]) -> None:
        """End running calls whose callers have lost access, checked once a second, until this task is cancelled.

        Args:
            end: ends the call of a task, with a reason.
        """
        while self._tokens is not None:
            await asyncio.sleep(_LOOK_SECONDS)
            for task, call in list(self._open.items()):
                identity, role = self._identify(call), _role(call)
                if isinstance(identity, Refusal):
                    end(
                        task,
                        UnknownCallerError(f"the call was ended because its token is no longer valid: {self._wanted}"),
                    )
                elif role is not None and not identity.may(role):
                    end(task, NotAllowedError(f"the call was ended: its token no longer has the role {role.value}"))

    @property
    def _wanted(self) -> str:
        credential = "a valid token: name its file with --token-file" if self._tokens else "a certificate"
        return f"this server wants to know who calls, by {credential}"

    @property
    def by_token(self) -> bool:
        """Whether callers need a token."""
        return self._tokens is not None

    def of_token(self, secret: str) -> "Identity | Refusal":
        """Return the current owner of the token, or the reason why there is none."""
        # Timing of the look-up reveals nothing about a token, because callers cannot choose the digest.
        token = self._tokens.current().get(digest(secret)) if self._tokens else None
        if token is None:
            return Refusal.UNKNOWN_TOKEN
        return token.identity if token.valid(datetime.now(UTC)) else Refusal.EXPIRED_TOKEN

    def _identify(self, call: Call) -> "Identity | Refusal":
        """Return the caller, or the reason why a required identity is missing."""
        if self._tokens is not None:
            scheme, _, secret = str(call.metadata.get("authorization", "")).partition(" ")
            return self.of_token(secret.strip()) if scheme.lower() == "bearer" else Refusal.NO_TOKEN
        if self._certificates:
            return self._by_certificate(call)
        return Identity(_peer(call), self._everybody)

    def _by_certificate(self, call: Call) -> Identity:
        return Identity(_peer(call) if call.common_name is None else call.common_name, self._client_roles)


def _role(call: Call) -> Role | None:
    """Return the role that a call needs; None: any."""
    return ROLES.get(call.method, Role.ADMIN) if call.service in SERVICES else None


def _peer(call: Call) -> str:
    return f"peer:{call.peer}"
