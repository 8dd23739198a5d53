"""A stream of checks: several at a time, each answered as soon as its verdict is known."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import structlog
from google.protobuf.message import DecodeError

from leansieve.v1 import check_pb2
from prover.errors import InputError, UserError
from prover.verdict import Verdict
from service.contract import status, values
from service.contract.fields import validate

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
        self, requests: AsyncIterator[check_pb2.CheckProofsRequest]
    ) -> AsyncGenerator[check_pb2.CheckProofsResponse, None]:
        """Yield the answers in order of completion.

        Raises:
            InputError: a message is not a valid message of this stream.
        """
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

    async def _read(self, requests: AsyncIterator[check_pb2.CheckProofsRequest]) -> None:
        unread: InputError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                await self._slots.acquire()
                try:
                    async for request in requests:
                        group.create_task(self._answer(request))
                        await self._slots.acquire()
                except DecodeError:
                    unread = InputError(
                        "request", "a message of the stream cannot be parsed: it is not a CheckProofsRequest"
                    )
            if unread is not None:
                raise unread
        finally:
            self._answers.put_nowait(None)

    async def _answer(self, request: check_pb2.CheckProofsRequest) -> None:
        answer = check_pb2.CheckProofsResponse(id=request.id)
        try:
            validate(request)
            answer.verdict.CopyFrom(values.verdict_to_proto(await self._check(request.check)))
        except UserError as error:
            answer.error.CopyFrom(status.to_status(error))
        except Exception:
            _log.exception("failed")
            answer.error.CopyFrom(status.to_status())
        self._answers.put_nowait(answer)
