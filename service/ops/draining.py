"""The calls in work, and how they end when the server does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from prover.errors import UserError
from prover.requests import UnavailableError
from service.handlers.call import Call

_LISTENING_IN = "grpc.health.v1.Health"
"""The service whose `Watch` never ends by itself: draining does not wait for it."""
_RETRY_SECONDS = 1.0


class CallsInWork:
    """Knows the calls in work, and ends them; `around` surrounds each."""

    def __init__(self) -> None:
        """None."""
        self._methods: dict[asyncio.Task[Any], str] = {}
        self._ended: dict[asyncio.Task[Any], UserError] = {}
        self._none = asyncio.Event()
        self._none.set()
        self._over = False

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Count one call in; when it is ended from here, tell the client why."""
        task = asyncio.current_task()
        if task is None or call.service == _LISTENING_IN:
            yield
            return
        self._methods[task] = call.method
        self._none.clear()
        try:
            if self._over:
                raise _shutting_down()
            yield
        except asyncio.CancelledError:
            if (reason := self._ended.get(task)) is None:
                raise
            task.uncancel()
            raise reason from None
        finally:
            self._ended.pop(task, None)
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
                self.end_one(task, _shutting_down())

    def end_one(self, task: asyncio.Task[Any], reason: UserError) -> None:
        """End the call that `task` answers; nothing happens if it is over, or is being ended."""
        if task in self._methods and task not in self._ended:
            self._ended[task] = reason
            task.cancel()


def _shutting_down() -> UnavailableError:
    return UnavailableError("this server shuts down: send the request again", _RETRY_SECONDS)
