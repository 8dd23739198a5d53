"""HTTP's way into the handlers: answers one call within what surrounds every call."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from prover.errors import UserError
from service.handlers.calls import Call, Surround, surrounded
from service.handlers.handlers import Handlers

_log = structlog.get_logger(__name__)

Requests = Callable[[], Awaitable[Message | AsyncIterator[Message]] | AsyncIterator[Message]]
"""Reads the request, or a stream of them whole, or begins to read one; not asked before the caller was let in."""

KINDS = {(False, False): "unary", (False, True): "server_stream", (True, True): "bidi_stream"}
_SILENCE_SECONDS = 15.0


class HttpCalls:
    """Makes calls."""

    def __init__(self, handlers: Handlers, surrounds: Sequence[Surround]) -> None:
        """Have them answered by `handlers` within `surrounds`, the outermost first."""
        self._handlers = handlers
        self._surrounds = surrounds

    async def answers(
        self, method: MethodDescriptor, call: Call, requests: Requests
    ) -> AsyncGenerator[Message | None, None]:
        """The answers to one call, and None now and then while there is none; closing the generator ends the call.

        Raises:
            UserError: as the handler, and what surrounds it; any other error is the server's own, and is in the log.
        """
        found: asyncio.Queue[Message | None] = asyncio.Queue()
        room = asyncio.Semaphore(1)  # a client that does not read holds up the search, not our memory

        async def give(answer: Message) -> None:
            await room.acquire()
            found.put_nowait(answer)

        async def run() -> None:
            try:
                await self._run(method, call, requests, give)
            finally:
                found.put_nowait(None)

        # A task of its own: what surrounds a call sets context variables, and draining cancels it.
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
