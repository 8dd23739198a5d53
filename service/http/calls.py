"""HTTP's path to the handlers: answers one call inside all middleware."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from prover.errors import UserError
from service.handlers.calls import Call, Surround, Unread, surrounded
from service.handlers.handlers import Handlers

_log = structlog.get_logger(__name__)

Requests = Callable[[], Awaitable[Message | AsyncIterator[Message]] | AsyncIterator[Message | Unread]]
"""Reads the request, or a stream of them whole, or starts to read a stream; called only after the call is admitted."""

KINDS = {(False, False): "unary", (False, True): "server_stream", (True, True): "bidi_stream"}
_SILENCE_SECONDS = 15.0


class HttpCalls:
    """Makes calls."""

    def __init__(self, handlers: Handlers, surrounds: Sequence[Surround]) -> None:
        """Answer calls with `handlers` inside `surrounds`, the outermost first."""
        self._handlers = handlers
        self._surrounds = surrounds

    async def answers(
        self, method: MethodDescriptor, call: Call, requests: Requests
    ) -> AsyncGenerator[Message | None, None]:
        """Yield the answers to a call, and None at intervals without one; closing the generator cancels the call.

        Raises:
            UserError: as the handler and the middleware; any other error is internal and logged.
        """
        found: asyncio.Queue[Message | None] = asyncio.Queue()
        room = asyncio.Semaphore(1)  # a slow reader pauses the search instead of filling memory

        async def give(answer: Message) -> None:
            await room.acquire()
            found.put_nowait(answer)

        async def run() -> None:
            try:
                await self._run(method, call, requests, give)
            finally:
                found.put_nowait(None)

        # In its own task: middleware sets context variables, and draining cancels the task.
        task = asyncio.create_task(run())
        try:
            while True:
                try:
                    async with asyncio.timeout(_SILENCE_SECONDS):
                        answer = await found.get()
                except TimeoutError:
                    yield None
                    continue
                if answer is None:
                    break
                yield answer
                room.release()
            await task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _run(
        self, method: MethodDescriptor, call: Call, requests: Requests, give: Callable[[Message], Awaitable[None]]
    ) -> None:
        try:
            async with surrounded(call, self._surrounds):
                request: Any = requests()
                if not isinstance(request, AsyncIterator):
                    request = await request
                answers = self._handlers.of(method.name)(request, call)
                if method.server_streaming:
                    async with contextlib.aclosing(answers):
                        async for answer in answers:
                            await give(answer)
                else:
                    await give(await answers)
        except UserError:
            raise
        except Exception:
            _log.exception("failed", rpc=method.name)
            raise
