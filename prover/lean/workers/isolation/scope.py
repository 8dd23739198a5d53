"""Which requests belong together: those of one client share its elaborators, which no other client ever uses."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextvars import ContextVar

from prover.lean.workers.client import PoolClient
from prover.lean.workers.lean_pool import LeanPool

_MOST_SCOPES = 64


class Scope:
    """What the requests of one client share, for each pool that they use. Nothing is started before it is needed."""

    def __init__(self) -> None:
        """Nothing is shared yet."""
        self._clients: dict[LeanPool, PoolClient] = {}

    def client(self, pool: LeanPool, contain: bool) -> PoolClient:
        """This client's view of `pool`."""
        if pool not in self._clients:
            self._clients[pool] = PoolClient(pool, contain)
        return self._clients[pool]

    async def close(self) -> None:
        """End the processes of this client."""
        for client in self._clients.values():
            await client.close()


SCOPE: ContextVar[Scope | None] = ContextVar("scope", default=None)
"""What the requests of the task at work share; None: they share nothing."""


@contextlib.asynccontextmanager
async def one_client() -> AsyncIterator[None]:
    """Requests within share their elaborators; those of a scope around it are shared, too."""
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
    """Scopes by name: requests of the same name share theirs, whenever they come."""

    def __init__(self) -> None:
        """There are none yet."""
        self._scopes: OrderedDict[str, tuple[Scope, set[object]]] = OrderedDict()

    @contextlib.asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[None]:
        """Requests within share their elaborators with all of this name, unless they share them with others already."""
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
        """End the processes of all."""
        scopes = [scope for scope, _ in self._scopes.values()]
        self._scopes.clear()
        await asyncio.gather(*(scope.close() for scope in scopes))

    async def _forget(self) -> None:
        """Close those that were not used for longest. What is idle has no processes; this only bounds how many are known."""
        unused = [name for name, (_, users) in self._scopes.items() if not users]
        for name in unused[: max(0, len(self._scopes) - _MOST_SCOPES)]:
            scope, _ = self._scopes.pop(name)
            await scope.close()
