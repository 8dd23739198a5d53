"""The service used by an editor's searches: opened on first use, and again after a failure."""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from prover.requests import Service, UnavailableError


class Opened:
    """One service for all searches. It lives in its own task, which outlives the search that opened it."""

    def __init__(self, how: Callable[[], AbstractAsyncContextManager[tuple[Service, int]]]) -> None:
        """Open the service with `how` on first use."""
        self._how = how
        self._ready: asyncio.Future[Service] | None = None
        self._holder: asyncio.Task[None] | None = None

    async def service(self) -> Service:
        """Return the service.

        Raises:
            UserError: it cannot be opened now; the next call tries again.
        """
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._holder = asyncio.create_task(self._hold(self._ready))
        # A cancelled search must not cancel the start for others.
        return await asyncio.shield(self._ready)

    async def close(self) -> None:
        """Close the service in any state."""
        if self._holder is not None:
            self._holder.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._holder

    async def _hold(self, ready: "asyncio.Future[Service]") -> None:
        try:
            async with self._how() as (service, _):
                ready.set_result(service)
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not ready.done():
                ready.set_exception(UnavailableError("leansieve is being closed"))
                ready.exception()
            raise
        except Exception as error:
            self._ready = None
            if not ready.done():
                ready.set_exception(error)
                # Retrieved here, so that it is not reported as unhandled if no search waits.
                ready.exception()
