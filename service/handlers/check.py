"""`ProofCheckService`: verdicts on given proofs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from leansieve.v1 import check_pb2
from prover.assistance import against
from prover.errors import InputError
from prover.requests import Service
from prover.verdict import Limits, Verdict
from service.contract import values
from service.contract.fields import validate
from service.contract.messages import solution as solution_messages
from service.core.limits.admission import Room, admit_limits, bounds
from service.core.limits.text import blames_item, refusal
from service.handlers.calls import Call, Calls, Unread
from service.handlers.check_stream import CheckStream
from service.ops.config import Settings


class CheckHandlers:
    """Handles checks with a `Service`."""

    def __init__(self, service: Service, settings: Settings, calls: Calls) -> None:
        """Check with `service` within the limits that `settings` give to clients."""
        self._service = service
        self._settings = settings
        self._default, self._maximum = bounds(settings)
        self._calls = calls
        self._lean: tuple[int, Room] | None = None

    async def check_proof(self, request: check_pb2.CheckProofRequest, call: Call) -> check_pb2.CheckProofResponse:
        """Check one proof; errors in its texts become its verdict."""
        async with self._calls.answering(call, quiet=True):
            validate(request)
            _, room = await self._workers()
            verdict = await self._check(request, room, call)
            call.remarks.update(verdict=verdict.kind.name, path=verdict.path.value)
            return check_pb2.CheckProofResponse(verdict=values.verdict_to_proto(verdict))

    async def check_proofs(
        self, requests: AsyncIterator[check_pb2.CheckProofsRequest | Unread], call: Call
    ) -> AsyncIterator[check_pb2.CheckProofsResponse]:
        """Check many proofs; an error in one does not end the stream."""
        async with self._calls.answering(call):
            workers, room = await self._workers()
            stream = CheckStream(lambda request: self._check(request, room, call), workers)
            async with contextlib.aclosing(stream.answers(requests)) as answers:
                async for answer in answers:
                    yield answer
            call.remarks["checked"] = stream.answered

    async def check_solution(
        self, request: check_pb2.CheckSolutionRequest, call: Call
    ) -> check_pb2.CheckSolutionResponse:
        """Check a solution of a challenge, part by part."""
        async with self._calls.answering(call):
            validate(request)
            _, room = await self._workers()
            read = solution_messages.request_from_proto
            asked = await asyncio.to_thread(read, request, self._default, self._settings.text)
            admit_limits(asked.options.limits, self._maximum.limits)
            async with room.acquire(asked.options.priority):
                found = [one async for one in against.solved(self._service, asked)]
            call.remarks.update(parts=len(found), verified=sum(one.verdict.verified for one in found))
            return solution_messages.response_to_proto(found, asked.solution)

    async def _check(self, request: check_pb2.CheckProofRequest, room: Room, call: Call) -> Verdict:
        """Return the verdict on a valid request, within the deadline of its call.

        Raises:
            UserError: as `Service.check`.
        """
        try:
            check = values.check_from_proto(request, self._default, self._settings.text)
        except InputError as error:
            if blames_item(error):
                return refusal(error)
            raise
        options = check.options
        admit_limits(options.limits, self._maximum.limits)
        # Admitted checks wait for Lean together with searches: no more are admitted than can be answered in time.
        async with room.acquire(options.priority):
            limits: Limits = replace(options.limits, seconds=min(options.limits.seconds, call.seconds_left))
            return await self._service.check(replace(check, options=replace(options, limits=limits)))

    async def _workers(self) -> tuple[int, Room]:
        """Return the number of concurrent checks, requested once, and the limiter for checks."""
        if self._lean is None:
            workers = max(1, (await self._service.info()).workers)
            server = self._settings.server
            if self._lean is None:  # no other call has requested it meanwhile
                self._lean = workers, Room(server.checks * workers, server.check_patience_seconds)
        return self._lean
