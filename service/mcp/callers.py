"""Callers of the HTTP transport: known by the service's own tokens, held to the service's own quotas."""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken

from prover.errors import NotAllowedError
from service.auth.identity import ANYONE, CALLER, Identity, Role
from service.auth.tokens import Token, digest, read
from service.auth.watched import Watched
from service.core.quotas import Quotas
from service.ops.config import Settings


class Callers:
    """Verifies tokens for the SDK, and lets each call in under its token's roles and quota."""

    def __init__(self, settings: Settings) -> None:
        """Read the tokens that the settings name; without any, callers are not asked who they are.

        Raises:
            UserError: the file of tokens cannot be read.
        """
        file = settings.security.tokens
        self._tokens: Watched[Mapping[str, Token]] | None = Watched([file], lambda: read(file)) if file else None
        self._quotas = Quotas(settings.clients)

    @property
    def asked(self) -> bool:
        """Whether callers need a token."""
        return self._tokens is not None

    async def verify_token(self, token: str) -> AccessToken | None:
        """The caller with this token; None if there is none now."""
        known = self._known(token)
        if known is None:
            return None
        return AccessToken(token=token, client_id=known.name, scopes=[role.value for role in known.roles])

    @contextlib.contextmanager
    def admitting(self, role: Role) -> Iterator[None]:
        """Let the current call in for as long as the context lasts.

        Raises:
            NotAllowedError: the caller's token has expired or was revoked, or lacks the role.
            QuotaError: the caller has spent its quota.
        """
        caller = self._caller()
        if not caller.may(role):
            raise NotAllowedError(f"this tool needs the role {role.value}, which your token does not have")
        with self._quotas.admitting(caller) as account:
            account.activate()
            CALLER.set(caller)
            yield

    def _caller(self) -> Identity:
        if self._tokens is None:
            return ANYONE
        told = get_access_token()
        known = self._known(told.token) if told else None
        if known is None:
            raise NotAllowedError("your token is not valid any more: ask for a new one")
        return known.identity

    def _known(self, token: str) -> Token | None:
        assert self._tokens is not None
        known = self._tokens.current().get(digest(token))
        return known if known is not None and known.valid(datetime.now(UTC)) else None
