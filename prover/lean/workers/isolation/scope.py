"""Groups requests: those of one client share its elaborators, which no other client ever uses."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextvars import ContextVar

from prover.lean.workers.client import PoolClient
from prover.lean.workers.lean_pool import LeanPool

_MOST_SCOPES = 64


class Scope:
    """The resources that requests of one client share, for each pool they use.

    Nothing is started before it is needed.
    """

    def __init__(self) -> None:
        """Create an empty scope."""
        self._clients: dict[LeanPool, PoolClient] = {}

    def client(self, pool: LeanPool, contain: bool) -> PoolClient:
        """Return this client's view of `pool`."""
        if pool not in self._clients:
            self._clients[pool] = PoolClient(pool, contain)
        return self._clients[pool]

    async def close(self) -> None:
        """End the processes of this client."""
        for client in self._clients.values():
            await client.close()


SCOPE: ContextVar[Scope | None] = ContextVar("scope", default=None)
"""The scope of the current task; None: requests share nothing."""


@contextlib.asynccontextmanager
async def one_client() -> AsyncIterator[None]:
    """Open a scope: requests inside share their elaborators. Inside another scope, that scope's are used."""
    if SCOPE.get() is not None:
        yield
        return
    scope = Scope()
    SCOPE.set(scope)
    try:
        yield
    finally:
        SCOPE.set(None)
        await scope.close()


class Scopes:
    """Scopes by name: requests with the same name share a scope at any time."""

    def __init__(self) -> None:
        """Create an empty registry."""
        self._scopes: OrderedDict[str, tuple[Scope, set[object]]] = OrderedDict()

    @contextlib.asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[None]:
        """Context in which requests share the elaborators of all requests of this name, unless they are in a scope
        already.
        """
        if SCOPE.get() is not None:
            yield
            return
        scope, users = self._scopes.setdefault(name, (Scope(), set()))
        self._scopes.move_to_end(name)
        user = object()
        users.add(user)
        SCOPE.set(scope)
        try:
            yield
        finally:
            SCOPE.set(None)
            users.discard(user)
            await self._forget()

    async def close(self) -> None:
        """End the processes of all scopes."""
        scopes = [scope for scope, _ in self._scopes.values()]
        self._scopes.clear()
        await asyncio.gather(*(scope.close() for scope in scopes))

    async def _forget(self) -> None:
        """Close the least recently used scopes. Idle scopes have no processes; this only bounds their number."""
        unused = [name for name, (_, users) in self._scopes.items() if not users]
        for name in unused[: max(0, len(self._scopes) - _MOST_SCOPES)]:
            scope, _ = self._scopes.pop(name)
            await scope.close()
