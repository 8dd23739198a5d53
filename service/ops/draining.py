"""The calls in work, and how they end when the server does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from prover.requests import UnavailableError
from service.grpc import status
from service.grpc.interceptor import Call

_LISTENING_IN = "grpc.health.v1.Health"
"""Its `Watch` never ends by itself: nobody waits for it."""
_RETRY_SECONDS = 1.0


class CallsInWork:
    """Knows the calls in work; give `around` to an `Around` interceptor."""

    def __init__(self) -> None:
        """None."""
        self._methods: dict[asyncio.Task[Any], str] = {}
        self._ended: set[asyncio.Task[Any]] = set()
        self._none = asyncio.Event()
        self._none.set()
        self._over = False

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Count one call in; when the server ends before it does, tell the client to send it again."""
        task = asyncio.current_task()
        if task is None or call.service == _LISTENING_IN:
            yield
            return
        self._methods[task] = call.method
        self._none.clear()
        try:
            if self._over:
                await status.abort(call.context, _shutting_down())
            yield
        except asyncio.CancelledError:
            if task not in self._ended:
                raise
            task.uncancel()
            await status.abort(call.context, _shutting_down())
        finally:
            self._ended.discard(task)
            del self._methods[task]
            if not self._methods:
                self._none.set()

    async def none(self) -> None:
        """Wait until there is none."""
        await self._none.wait()

    def end(self, method: str | None = None) -> None:
        """End what is left, or the calls of one method: UNAVAILABLE, with a delay after which another server may be asked."""
        self._over = self._over or method is None
        for task, name in self._methods.items():
            if method in (None, name):
                self._ended.add(task)
                task.cancel()


def _shutting_down() -> UnavailableError:
    return UnavailableError("this server shuts down: send the request again", _RETRY_SECONDS)
