"""`ProofSearchService`: proof search, filling of files, tactic suggestions."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace

from leansieve.v1 import fill_pb2, hint_pb2, premises_pb2, prove_pb2, suggest_pb2
from prover.assistance import fill
from prover.assistance.holes import CommandRejected, Filled, HoleOutcome, HoleStarted, Searched, holes_of
from prover.errors import InputError
from prover.options import SearchOptions
from prover.requests import Accepted, Service
from prover.search.search import Finished, Progress
from prover.source import lean_file
from prover.source.typed import take
from prover.theorem import HeaderError
from service.contract import fields, values
from service.contract.fields import read, validate
from service.contract.messages import fill as fill_messages
from service.contract.messages import hint as hint_messages
from service.contract.messages import premises as premise_messages
from service.contract.messages import search as search_messages
from service.contract.messages import suggest as suggest_messages
from service.contract.messages.events import EventWriter
from service.core.limits.admission import Room, admit_budget, admit_limits, admit_seconds, bounds
from service.handlers.calls import Call, Calls
from service.ops.config import Settings

_PROGRESS_SECONDS = 0.1


class SearchHandlers:
    """Handles searches with a `Service`."""

    def __init__(self, service: Service, settings: Settings, calls: Calls, searches: Room) -> None:
        """Search with `service` within the limits that `settings` give to clients; searches use places of
        `searches`.
        """
        self._service = service
        self._settings = settings
        self._default, self._maximum = bounds(settings)
        self._calls = calls
        self._searches = searches

    async def prove(self, request: prove_pb2.ProveRequest, call: Call) -> AsyncIterator[prove_pb2.ProveResponse]:
        """Search proofs and stream each as soon as it is verified."""
        async with self._calls.answering(call, in_options=True):
            # 1. Validate and admit the request.
            validate(request)
            search = search_messages.request_from_proto(request, self._default, self._settings.text)
            self._admit(search.options)
            search = replace(search, options=search.options.within_seconds(call.seconds_left))
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
                            event = replace(event, log_id=call.log_id)
                        yield writer.response(event)

    async def fill_sorries(
        self, request: fill_pb2.FillSorriesRequest, call: Call
    ) -> AsyncIterator[fill_pb2.FillSorriesResponse]:
        """Prove the `sorry`s of a file, one after the other."""
        async with self._calls.answering(call, in_options=True):
            validate(request)
            text = take("text", request.text, self._settings.text.context)
            try:
                file = await asyncio.to_thread(lean_file.parse, text.replace("\r\n", "\n"))
                file = replace(file, project=request.project)
            except HeaderError as error:
                raise InputError("text", str(error)) from None
            priority = values.priority_from_proto(request.priority)
            ends = time.monotonic() + call.seconds_left
            if request.HasField("timeout"):
                ends = min(ends, time.monotonic() + fields.seconds(request.timeout))

            holes = await asyncio.to_thread(holes_of, file)
            if request.HasField("within"):
                holes = fill_messages.within(file, holes, request.within)
            options = read(request.options, self._default.options(priority))
            self._admit(options)
            options = replace(options, budget=replace(options.budget, proofs=1))
            call.remarks["holes"] = len(holes)
            async with self._searches.acquire(priority):
                yield fill_messages.accepted(file, holes, call.log_id)
                async with contextlib.aclosing(fill.fill(self._service, file, holes, options, ends)) as events:
                    meter = _Meter(call)
                    async for event in events:
                        match event:
                            case HoleStarted():
                                meter = _Meter(call)
                            case Searched(hole, searched):
                                meter.read(searched)
                                if isinstance(searched, Progress) and meter.time_to_show():
                                    yield fill_messages.progress(hole, searched)
                            case HoleOutcome():
                                yield fill_messages.outcome(file, event)
                            case CommandRejected():
                                pass  # the summary's verdict reports it
                            case Filled():
                                call.remarks["filled"] = sum(one.proof is not None for one in event.outcomes)
                                yield fill_messages.summary(holes, event)

    async def suggest_tactics(
        self, request: suggest_pb2.SuggestTacticsRequest, call: Call
    ) -> suggest_pb2.SuggestTacticsResponse:
        """Suggest tactics for a place in a proof."""
        async with self._calls.answering(call):
            validate(request)
            settings = self._settings.search
            wanted = suggest_messages.request_from_proto(
                request, self._default, settings.suggestions, settings.suggestion_seconds, self._settings.text
            )
            admit_limits(wanted.check.limits, self._maximum.limits)
            admit_seconds("timeout", wanted.seconds, settings.maximum_suggestion_seconds)
            async with self._searches.acquire(wanted.check.priority):
                wanted = replace(wanted, seconds=min(wanted.seconds, call.seconds_left))
                found = await self._service.suggest(wanted)
            call.remarks.update(tried=found.tried, suggestions=len(found.suggestions))
            return suggest_messages.response_to_proto(found, call.log_id)

    async def suggest_hint(self, request: hint_pb2.SuggestHintRequest, call: Call) -> hint_pb2.SuggestHintResponse:
        """Give one more hint on a learner's partial proof."""
        async with self._calls.answering(call):
            validate(request)
            settings = self._settings.search
            wanted = hint_messages.request_from_proto(
                request, self._default, settings.suggestion_seconds, self._settings.text
            )
            admit_limits(wanted.check.limits, self._maximum.limits)
            admit_seconds("timeout", wanted.seconds, settings.maximum_suggestion_seconds)
            call.remarks["theorem"] = wanted.theorem.digest
            async with self._searches.acquire(wanted.check.priority):
                wanted = replace(wanted, seconds=min(wanted.seconds, call.seconds_left))
                found = await self._service.hint(wanted)
            call.remarks.update(outcome=found.outcome.value, revisions=found.revisions)
            return hint_messages.response_to_proto(found, call.log_id)

    async def suggest_premises(
        self, request: premises_pb2.SuggestPremisesRequest, call: Call
    ) -> premises_pb2.SuggestPremisesResponse:
        """Find declarations of the library by name, by a pattern of their types, or for a goal."""
        async with self._calls.answering(call):
            validate(request)
            settings = self._settings.search
            wanted = premise_messages.request_from_proto(
                request, settings.premises, settings.suggestion_seconds, self._settings.text
            )
            admit_seconds("timeout", wanted.seconds, settings.maximum_suggestion_seconds)
            async with self._searches.acquire(wanted.priority):
                wanted = replace(wanted, seconds=min(wanted.seconds, call.seconds_left))
                found = await self._service.premises(wanted)
            call.remarks.update(kind=wanted.kind.value, premises=len(found.premises))
            return premise_messages.response_to_proto(found, call.log_id)

    def _admit(self, options: SearchOptions) -> None:
        admit_budget(options.budget, self._maximum.budget)
        admit_limits(options.check.limits, self._maximum.limits)


class _Meter:
    """Spending of a search, for the log and for progress events at intervals."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._shown = 0.0

    def read(self, event: object) -> None:
        """Process the next event."""
        if isinstance(event, Finished):
            spent = event.spent
            self._call.remarks.update(ending=event.ending.value, sampled=spent.sampled, proofs=spent.proofs)

    def time_to_show(self) -> bool:
        """Whether the interval since the last progress event is over; if so, it starts anew."""
        if time.monotonic() - self._shown < _PROGRESS_SECONDS:
            return False
        self._shown = time.monotonic()
        return True
