"""`leansieve.v1.ProofSearch`: requests in, events out, errors as status."""

import contextlib
import math
import secrets
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TypeVar

import grpc
import structlog

from leansieve.v1 import check_pb2, prove_pb2, server_info_pb2
from leansieve.v1.proof_search_pb2_grpc import ProofSearchServicer
from prover.search import Finished, Progress
from service import status
from service.admission import Room, admit_budget, admit_limits, bounds
from service.config import Settings
from service.convert import check as check_messages
from service.convert import info as info_messages
from service.convert import search as search_messages
from service.convert import values
from service.errors import InputError, UserError
from service.requests import Accepted, Service
from service.text import blames_item, refusal
from service.validation import validate

_log = structlog.get_logger(__name__)

Q = TypeVar("Q")
A = TypeVar("A")

_PROGRESS_SECONDS = 0.1


class Servicer(ProofSearchServicer):
    """Hands requests to a `Service`."""

    def __init__(self, service: Service, settings: Settings) -> None:
        """Serve `service` within the bounds that `settings` give to clients."""
        self._service = service
        self._texts = settings.text
        self._default, self._maximum = bounds(settings)
        self._searches = Room(settings.server.searches)
        self.calls = Room(sys.maxsize)
        """Calls in work."""

    async def Prove(
        self,
        request: prove_pb2.ProveRequest,
        context: grpc.aio.ServicerContext[prove_pb2.ProveRequest, prove_pb2.ProveResponse],
    ) -> AsyncIterator[prove_pb2.ProveResponse]:
        """Search proofs and send each as soon as it is verified."""
        request_id = secrets.token_hex(8)
        log = _log.bind(rpc="Prove", request_id=request_id)
        started = time.monotonic()
        try:
            # 1. Read the request and see whether it may come in.
            validate(request)
            search = search_messages.request_from_proto(request, self._default, self._texts)
            admit_budget(search.budget, self._maximum.budget)
            admit_limits(search.limits, self._maximum.limits)
            left = _time_left(context)
            search = replace(search, budget=replace(search.budget, seconds=min(search.budget.seconds, left)))
            digest = search.theorem.digest
            log = log.bind(theorem=digest)
            # 2. Pass the events on.
            with self.calls.taking_one(), self._searches.taking_one():
                async with contextlib.aclosing(self._service.prove(search)) as events:
                    shown = 0.0
                    async for event in events:
                        if isinstance(event, Progress):
                            if time.monotonic() - shown < _PROGRESS_SECONDS:
                                continue
                            shown = time.monotonic()
                        elif isinstance(event, Accepted):
                            event = replace(event, request_id=request_id)
                        elif isinstance(event, Finished):
                            spent = event.spent
                            log = log.bind(ending=event.ending.value, sampled=spent.sampled, proofs=spent.proofs)
                        yield search_messages.event_to_proto(event, digest)
            log.info("answered", seconds=round(time.monotonic() - started, 3))
        except UserError as error:
            log.info("refused", error=type(error).__name__, field=getattr(error, "field", None))
            await status.abort(context, _in_options(error))
        except Exception:
            log.exception("failed")
            await context.abort(grpc.StatusCode.INTERNAL, "the server failed; its log says where")

    async def CheckProof(
        self,
        request: check_pb2.CheckProofRequest,
        context: grpc.aio.ServicerContext[check_pb2.CheckProofRequest, check_pb2.CheckProofResponse],
    ) -> check_pb2.CheckProofResponse:
        """Check one proof; what is wrong with its texts is its verdict."""
        log = _log.bind(rpc="CheckProof")
        try:
            validate(request)
            try:
                check = check_messages.request_from_proto(request, self._default, self._texts)
            except InputError as error:
                if blames_item(error):
                    return check_pb2.CheckProofResponse(verdict=values.verdict_to_proto(refusal(error)))
                raise
            admit_limits(check.limits, self._maximum.limits)
            limits = replace(check.limits, seconds=min(check.limits.seconds, _time_left(context)))
            with self.calls.taking_one():
                verdict = await self._service.check(replace(check, limits=limits))
            log.debug("answered", theorem=check.theorem.digest, verdict=verdict.kind.name, trust=verdict.trust.name)
            return check_pb2.CheckProofResponse(verdict=values.verdict_to_proto(verdict))
        except UserError as error:
            log.info("refused", error=type(error).__name__, field=getattr(error, "field", None))
            await status.abort(context, error)
        except Exception:
            log.exception("failed")
            await context.abort(grpc.StatusCode.INTERNAL, "the server failed; its log says where")

    async def GetServerInfo(
        self,
        request: server_info_pb2.GetServerInfoRequest,
        context: grpc.aio.ServicerContext[server_info_pb2.GetServerInfoRequest, server_info_pb2.GetServerInfoResponse],
    ) -> server_info_pb2.GetServerInfoResponse:
        """Say what checks and samples here."""
        return info_messages.to_proto(await self._service.info())


def _in_options(error: UserError) -> UserError:
    """The same, naming fields as they are called where `SearchOptions` is a part of the request."""
    if not isinstance(error, InputError):
        return error
    fields = tuple(
        (field if field.startswith(("theorem", "options", "priority")) else f"options.{field}", text)
        for field, text in error.violations
    )
    return InputError(fields[0][0], str(error), fields)


def _time_left(context: grpc.aio.ServicerContext[Q, A]) -> float:
    """Seconds until the deadline of the call, less what stopping Lean and answering take; at least a millisecond."""
    left = context.time_remaining()
    return math.inf if left is None else max(1e-3, left - min(2.0, 0.25 * left))
