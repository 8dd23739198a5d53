"""`leansieve.v1.ProofSearch`: requests in, events out, errors as status."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace

from leansieve.v1 import batch_pb2, check_pb2, fill_pb2, prove_pb2, server_info_pb2, suggest_pb2
from leansieve.v1.proof_search_pb2_grpc import ProofSearchServicer
from prover.assistance import against, fill
from prover.errors import InputError
from prover.lean.workers.jobs import Priority
from prover.options import SearchOptions
from prover.requests import Accepted, RefusedError, Service
from prover.search.search import Finished, Progress
from prover.source import lean_file
from prover.theorem import HeaderError
from prover.verdict import Limits, Verdict
from service.auth.identity import Role
from service.core.admission import Room, admit_budget, admit_limits, admit_seconds, bounds
from service.core.quotas import Quotas
from service.core.text import blames_item, refusal, take
from service.grpc.calls import Call, Calls, Context, time_left
from service.grpc.check_stream import CheckStream
from service.grpc.convert import batch as batch_messages
from service.grpc.convert import check as check_messages
from service.grpc.convert import fill as fill_messages
from service.grpc.convert import info as info_messages
from service.grpc.convert import search as search_messages
from service.grpc.convert import solution as solution_messages
from service.grpc.convert import suggest as suggest_messages
from service.grpc.convert import values
from service.grpc.convert.events import EventWriter
from service.grpc.validation import validate
from service.jobs.jobs import Jobs
from service.ops.config import Settings

_PROGRESS_SECONDS = 0.1


class Servicer(ProofSearchServicer):
    """Hands requests to a `Service`, and batches to `Jobs`."""

    def __init__(
        self, service: Service, settings: Settings, jobs: Jobs | None = None, quotas: Quotas | None = None
    ) -> None:
        """Serve `service` within the bounds that `settings` give to clients; without `jobs`, batches are refused.

        Args:
            service: who answers.
            settings: of the service.
            jobs: runs batches.
            quotas: what clients take, beside that of their batches; by default of this servicer alone.
        """
        self._service = service
        self._jobs = jobs
        self._settings = settings
        self._default, self._maximum = bounds(settings)
        self._calls = Calls(quotas or Quotas(settings.clients))
        self._searches = Room(settings.server.searches)
        self._watchers = Room(settings.server.searches)
        self._lean: tuple[int, Room] | None = None

    async def Prove(self, request: prove_pb2.ProveRequest, context: Context) -> AsyncIterator[prove_pb2.ProveResponse]:
        """Search proofs and send each as soon as it is verified."""
        async with self._calls.answering("Prove", context, in_options=True) as call:
            # 1. Read the request and see whether it may come in.
            validate(request)
            search = search_messages.request_from_proto(request, self._default, self._settings.text)
            self._admit(search.options)
            search = replace(search, options=search.options.within_seconds(time_left(context)))
            digest = search.theorem.digest
            call.remarks["theorem"] = digest
            # 2. Pass the events on.
            async with self._searches.acquire(search.options.check.priority):
                writer, meter = EventWriter(digest), _Meter(call)
                async with contextlib.aclosing(self._service.prove(search)) as events:
                    async for event in events:
                        meter.read(event)
                        if isinstance(event, Progress) and not meter.time_to_show():
                            continue
                        if isinstance(event, Accepted):
                            event = replace(event, request_id=call.request_id)
                        yield writer.response(event)

    async def FillSorries(
        self, request: fill_pb2.FillSorriesRequest, context: Context
    ) -> AsyncIterator[fill_pb2.FillSorriesResponse]:
        """Prove the `sorry`s of a file, one after the other."""
        async with self._calls.answering("FillSorries", context, in_options=True) as call:
            validate(request)
            text = take("text", request.text, self._settings.text.context)
            try:
                file = await asyncio.to_thread(lean_file.parse, text.replace("\r\n", "\n"))
                file = replace(file, project=request.project)
            except HeaderError as error:
                raise InputError("text", str(error)) from None
            priority = values.priority_from_proto(request.priority)
            ends = time.monotonic() + time_left(context)
            if request.HasField("time"):
                ends = min(ends, time.monotonic() + values.seconds(request.time))

            holes = await asyncio.to_thread(fill.holes, file)
            if request.HasField("within"):
                holes = fill_messages.within(file, holes, request.within)
            options = search_messages.options_from_proto(request.options, self._default, priority)
            self._admit(options)
            options = replace(options, budget=replace(options.budget, proofs=1))
            call.remarks["holes"] = len(holes)
            async with self._searches.acquire(priority):
                yield fill_messages.accepted(file, holes, call.request_id)
                async with contextlib.aclosing(fill.fill(self._service, file, holes, options, ends)) as events:
                    meter = _Meter(call)
                    async for event in events:
                        match event:
                            case fill.Begun():
                                meter = _Meter(call)
                            case fill.Searched(hole, searched):
                                meter.read(searched)
                                if isinstance(searched, Progress) and meter.time_to_show():
                                    yield fill_messages.progress(hole, searched)
                            case fill.Outcome():
                                yield fill_messages.outcome(file, event)
                            case fill.Fell():
                                pass  # the summary's verdict tells
                            case fill.Filled():
                                call.remarks["filled"] = sum(one.proof is not None for one in event.outcomes)
                                yield fill_messages.summary(holes, event)

    async def SuggestTactics(
        self, request: suggest_pb2.SuggestTacticsRequest, context: Context
    ) -> suggest_pb2.SuggestTacticsResponse:
        """Find tactics for a place in a proof."""
        async with self._calls.answering("SuggestTactics", context) as call:
            validate(request)
            settings = self._settings.search
            wanted = suggest_messages.request_from_proto(
                request, self._default, settings.suggestions, settings.suggestion_seconds, self._settings.text
            )
            admit_limits(wanted.check.limits, self._maximum.limits)
            admit_seconds("time", wanted.seconds, settings.maximum_suggestion_seconds)
            async with self._searches.acquire(wanted.check.priority):
                wanted = replace(wanted, seconds=min(wanted.seconds, time_left(context)))
                found = await self._service.suggest(wanted)
            call.remarks.update(tried=found.tried, suggestions=len(found.suggestions))
            return suggest_messages.response_to_proto(found, call.request_id)

    async def CheckProof(self, request: check_pb2.CheckProofRequest, context: Context) -> check_pb2.CheckProofResponse:
        """Check one proof; what is wrong with its texts is its verdict."""
        async with self._calls.answering("CheckProof", context, quiet=True) as call:
            validate(request)
            _, room = await self._workers()
            verdict = await self._check(request, room, context)
            call.remarks.update(verdict=verdict.kind.name, path=verdict.path.value)
            return check_pb2.CheckProofResponse(verdict=values.verdict_to_proto(verdict))

    async def CheckProofs(
        self, requests: AsyncIterator[check_pb2.CheckProofsRequest], context: Context
    ) -> AsyncIterator[check_pb2.CheckProofsResponse]:
        """Check many proofs; nothing that is wrong with one ends the stream."""
        async with self._calls.answering("CheckProofs", context) as call:
            workers, room = await self._workers()
            stream = CheckStream(lambda request: self._check(request, room, context), workers)
            async with contextlib.aclosing(stream.answers(requests)) as answers:
                async for answer in answers:
                    yield answer
            call.remarks["checked"] = stream.answered

    async def CheckSolution(
        self, request: check_pb2.CheckSolutionRequest, context: Context
    ) -> check_pb2.CheckSolutionResponse:
        """Check a solution of a challenge, part by part."""
        async with self._calls.answering("CheckSolution", context) as call:
            validate(request)
            _, room = await self._workers()
            read = solution_messages.request_from_proto
            asked = await asyncio.to_thread(read, request, self._default, self._settings.text)
            admit_limits(asked.options.limits, self._maximum.limits)
            async with room.acquire(asked.options.priority):
                found = [one async for one in against.solved(self._service, asked)]
            call.remarks.update(parts=len(found), verified=sum(one.verdict.verified for one in found))
            return solution_messages.response_to_proto(found)

    async def SubmitBatch(
        self, request: batch_pb2.SubmitBatchRequest, context: Context
    ) -> batch_pb2.SubmitBatchResponse:
        """Take a batch in."""
        async with self._calls.answering("SubmitBatch", context, in_options=True) as call:
            validate(request)
            # Seconds for the largest; others are answered meanwhile.
            read = batch_messages.request_from_proto
            batch = await asyncio.to_thread(read, request, self._default, self._settings.text)
            self._admit(batch.options)
            status = await self._batches().submit(batch, call.client.name, call.client.quota)
            call.remarks.update(batch=status.id, items=status.items)
            return batch_pb2.SubmitBatchResponse(status=batch_messages.status_to_proto(status))

    async def WatchBatch(
        self, request: batch_pb2.WatchBatchRequest, context: Context
    ) -> AsyncIterator[batch_pb2.WatchBatchResponse]:
        """Send the results of a batch as they come."""
        async with self._calls.answering("WatchBatch", context) as call:
            validate(request)
            call.remarks["batch"] = request.batch_id
            async with self._watchers.acquire(Priority.INTERACTIVE):
                watching = self._batches().watch(request.batch_id, request.after, _owner(call))
                async with contextlib.aclosing(watching) as events:
                    async for event in events:
                        yield batch_messages.event_to_proto(event)

    async def CancelBatch(
        self, request: batch_pb2.CancelBatchRequest, context: Context
    ) -> batch_pb2.CancelBatchResponse:
        """End a batch."""
        async with self._calls.answering("CancelBatch", context) as call:
            validate(request)
            call.remarks["batch"] = request.batch_id
            status = await self._batches().cancel(request.batch_id, _owner(call))
            return batch_pb2.CancelBatchResponse(status=batch_messages.status_to_proto(status))

    async def GetServerInfo(
        self, request: server_info_pb2.GetServerInfoRequest, context: Context
    ) -> server_info_pb2.GetServerInfoResponse:
        """Say what checks and samples here."""
        async with self._calls.answering("GetServerInfo", context, quiet=True):
            return info_messages.to_proto(replace(await self._service.info(), store=self._jobs is not None))

    async def ReloadModel(
        self, request: server_info_pb2.ReloadModelRequest, context: Context
    ) -> server_info_pb2.ReloadModelResponse:
        """Take in new weights."""
        async with self._calls.answering("ReloadModel", context) as call:
            before = (await self._service.info()).models
            now = await self._service.reload()
            call.remarks.update(models=[model.name for model in now], changed=now != before)
            models = [info_messages.model_to_proto(model) for model in now]
            return server_info_pb2.ReloadModelResponse(models=models, changed=now != before)

    async def _check(self, request: check_pb2.CheckProofRequest, room: Room, context: Context) -> Verdict:
        """The verdict of one check that keeps the rules of the contract, within the time of its call.

        Raises:
            UserError: as `Service.check`.
        """
        try:
            check = check_messages.request_from_proto(request, self._default, self._settings.text)
        except InputError as error:
            if blames_item(error):
                return refusal(error)
            raise
        options = check.options
        admit_limits(options.limits, self._maximum.limits)
        # Whatever is let in waits for Lean together with the searches: no more than is answered in good time.
        async with room.acquire(options.priority):
            limits: Limits = replace(options.limits, seconds=min(options.limits.seconds, time_left(context)))
            return await self._service.check(replace(check, options=replace(options, limits=limits)))

    async def _workers(self) -> tuple[int, Room]:
        """How many check at once, asked once, and the room for checks, which is for each of them."""
        if self._lean is None:
            workers = max(1, (await self._service.info()).workers)
            server = self._settings.server
            if self._lean is None:  # nobody else has asked meanwhile, and let checks in
                self._lean = workers, Room(server.checks * workers, server.check_patience_seconds)
        return self._lean

    def _admit(self, options: SearchOptions) -> None:
        admit_budget(options.budget, self._maximum.budget)
        admit_limits(options.check.limits, self._maximum.limits)

    def _batches(self) -> Jobs:
        if self._jobs is None:
            raise RefusedError("this server keeps no batches: set store.url and start it again")
        return self._jobs


class _Meter:
    """What a search takes: told to the log, shown now and then."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._shown = 0.0

    def read(self, event: object) -> None:
        """Look at the next event."""
        if isinstance(event, Finished):
            spent = event.spent
            self._call.remarks.update(ending=event.ending.value, sampled=spent.sampled, proofs=spent.proofs)

    def time_to_show(self) -> bool:
        """Whether nothing was shown for a while; then something is."""
        if time.monotonic() - self._shown < _PROGRESS_SECONDS:
            return False
        self._shown = time.monotonic()
        return True


def _owner(call: Call) -> str | None:
    """Whose batches the caller may see; None: everybody's."""
    return None if call.client.may(Role.ADMIN) and call.client.name != "local" else call.client.name
