"""One call of the contract, made by HTTP: the handler of gRPC answers, within what surrounds every call."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from prover.errors import UserError
from service.grpc import status
from service.grpc.interceptor import Call, Surround
from service.grpc.servicer import Servicer
from service.http.context import AbortedError, HttpContext

_log = structlog.get_logger(__name__)

Requests = Callable[[], Awaitable[Message] | AsyncIterator[Message]]
"""Reads the request, or begins to read a stream of them; not asked before the caller was let in."""

_SILENCE_SECONDS = 15.0
_KINDS = {(False, False): "unary", (False, True): "server_stream", (True, True): "bidi_stream"}


class Calls:
    """Makes calls."""

    def __init__(self, servicer: Servicer, surrounds: Sequence[Surround]) -> None:
        """Have them answered by `servicer` within `surrounds`, the outermost first."""
        self._servicer = servicer
        self._surrounds = surrounds

    async def answers(
        self, method: MethodDescriptor, context: HttpContext, requests: Requests
    ) -> AsyncGenerator[Message | None, None]:
        """The answers to one call, and None now and then while there is none; closing the generator ends the call.

        Raises:
            AbortedError: the call ended in an error.
        """
        found: asyncio.Queue[Message | None] = asyncio.Queue()
        room = asyncio.Semaphore(1)  # a client that does not read holds up the search, not our memory

        async def give(answer: Message) -> None:
            await room.acquire()
            found.put_nowait(answer)

        async def run() -> None:
            try:
                await self._run(method, context, requests, give)
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
        self,
        method: MethodDescriptor,
        context: HttpContext,
        requests: Requests,
        give: Callable[[Message], Awaitable[None]],
    ) -> None:
        kind = _KINDS[method.client_streaming, method.server_streaming]
        metadata = dict(context.invocation_metadata())
        call = Call(method.containing_service.full_name, method.name, kind, metadata, context, "http")
        try:
            async with contextlib.AsyncExitStack() as stack:
                for surround in self._surrounds:
                    await stack.enter_async_context(surround(call))
                request: Any = requests()
                if not method.client_streaming:
                    try:
                        request = await request
                    except UserError as error:
                        await status.abort(context, error)
                answers = getattr(self._servicer, method.name)(request, context)
                if method.server_streaming:
                    async with contextlib.aclosing(answers):
                        async for answer in answers:
                            await give(answer)
                else:
                    await give(await answers)
        except AbortedError:
            raise
        except Exception:
            _log.exception("failed", rpc=method.name)
            raise AbortedError(status.to_status()) from None
