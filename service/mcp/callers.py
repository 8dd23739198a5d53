"""Callers of the HTTP transport: authenticated by the service's tokens, limited by the service's quotas."""

import contextlib
from collections.abc import Iterator

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken

from prover.errors import NotAllowedError
from service.auth.authentication import Authentication
from service.auth.identity import ANYONE, CALLER, Identity, Refusal, Role
from service.core.limits.admission import Quotas
from service.ops.config import Settings


class Callers:
    """Verifies tokens for the SDK, and admits each call under its token's roles and quota."""

    def __init__(self, settings: Settings) -> None:
        """Read the tokens named in the settings; without any, callers are not authenticated.

        Raises:
            UserError: the token file cannot be read.
        """
        self._authentication = Authentication(settings.security, ANYONE.roles)
        self._quotas = Quotas(settings.clients)

    @property
    def asked(self) -> bool:
        """Whether callers need a token."""
        return self._authentication.by_token

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return the caller with this token; None if there is none now."""
        found = self._authentication.of_token(token)
        if isinstance(found, Refusal):
            return None
        return AccessToken(token=token, client_id=found.name, scopes=[role.value for role in found.roles])

    @contextlib.contextmanager
    def admitting(self, role: Role) -> Iterator[None]:
        """Admit the current call for the duration of the context.

        Raises:
            NotAllowedError: the caller's token has expired or was revoked, or lacks the role.
            QuotaError: the caller's quota is used up.
        """
        caller = self._caller()
        if not caller.may(role):
            raise NotAllowedError(f"this tool needs the role {role.value}, which your token does not have")
        with self._quotas.admitting(caller) as account:
            account.activate()
            CALLER.set(caller)
            yield

    def _caller(self) -> Identity:
        if not self.asked:
            return ANYONE
        token = get_access_token()
        found = self._authentication.of_token(token.token) if token else Refusal.NO_TOKEN
        if isinstance(found, Refusal):
            raise NotAllowedError("your token is no longer valid: request a new one")
        return found
