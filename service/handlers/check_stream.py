"""A stream of checks: several at a time, each answered as soon as its verdict is known."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import structlog

from leansieve.v1 import check_pb2
from prover.errors import UserError
from prover.verdict import Verdict
from service.contract import status, values
from service.contract.fields import validate
from service.handlers.calls import Unread

_log = structlog.get_logger(__name__)

Check = Callable[[check_pb2.CheckProofRequest], Awaitable[Verdict]]


class CheckStream:
    """One stream. Reads while it answers: only as many items are in progress as keep the workers busy."""

    def __init__(self, check: Check, workers: int) -> None:
        """Create a stream; valid requests go to `check`, which has so many workers."""
        self._check = check
        # While a worker checks one proof, the next is read, and the answer to the previous one is sent.
        self._slots = asyncio.Semaphore(max(4, 3 * workers))
        self._answers: asyncio.Queue[check_pb2.CheckProofsResponse | None] = asyncio.Queue()
        self.answered = 0

    async def answers(
        self, requests: AsyncIterator[check_pb2.CheckProofsRequest | Unread]
    ) -> AsyncGenerator[check_pb2.CheckProofsResponse, None]:
        """Yield the answers in order of completion. A message that is not a valid item is answered with its error."""
        reading = asyncio.create_task(self._read(requests))
        try:
            while (answer := await self._answers.get()) is not None:
                yield answer
                self.answered += 1
                self._slots.release()
            await reading
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _read(self, requests: AsyncIterator[check_pb2.CheckProofsRequest | Unread]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                await self._slots.acquire()
                async for request in requests:
                    group.create_task(self._answer(request))
                    await self._slots.acquire()
        finally:
            self._answers.put_nowait(None)

    async def _answer(self, request: check_pb2.CheckProofsRequest | Unread) -> None:
        answer = check_pb2.CheckProofsResponse(id=request.id)
        try:
            if isinstance(request, Unread):
                raise request.error
            validate(request)
            answer.verdict.CopyFrom(values.verdict_to_proto(await self._check(request.check)))
        except UserError as error:
            answer.error.CopyFrom(status.to_status(error))
        except Exception:
            _log.exception("failed")
            answer.error.CopyFrom(status.to_status())
        self._answers.put_nowait(answer)
