"""Which requests belong together: those of one client share its elaborators, which nobody else ever uses."""

import contextlib
from collections.abc import AsyncIterator
from contextvars import ContextVar

from prover.lean.workers.client import Client
from prover.lean.workers.pool import WorkerPool


class Scope:
    """What the requests of one client share, for each pool that they use. Nothing is started before it is needed."""

    def __init__(self) -> None:
        """Nothing is shared yet."""
        self._clients: dict[WorkerPool, Client] = {}

    def client(self, pool: WorkerPool, contain: bool) -> Client:
        """This client's view of `pool`."""
        if pool not in self._clients:
            self._clients[pool] = Client(pool, contain)
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
