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

from leansieve.v1 import proof_search_pb2 as pb
from leansieve.v1.proof_search_pb2_grpc import ProofSearchServicer
from prover.search import Finished, Progress
from service import convert, convert_requests, status
from service.admission import Room, admit_budget, admit_limits, bounds
from service.config import Settings
from service.errors import InputError, UserError
from service.requests import Accepted, Service
from service.text import blames_item, refusal

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
        self, request: pb.ProveRequest, context: grpc.aio.ServicerContext[pb.ProveRequest, pb.ProveResponse]
    ) -> AsyncIterator[pb.ProveResponse]:
        """Search proofs and send each as soon as it is verified."""
        request_id = secrets.token_hex(8)
        log = _log.bind(rpc="Prove", request_id=request_id)
        started = time.monotonic()
        try:
            # 1. Read the request and see whether it may come in.
            search = convert_requests.search_from_proto(request, self._default, self._texts)
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
                        yield convert_requests.event_to_proto(event, digest)
            log.info("answered", seconds=round(time.monotonic() - started, 3))
        except UserError as error:
            log.info("refused", error=type(error).__name__, field=getattr(error, "field", None))
            await status.abort(context, error)
        except Exception:
            log.exception("failed")
            await context.abort(grpc.StatusCode.INTERNAL, "the server failed; its log says where")

    async def CheckProof(
        self,
        request: pb.CheckProofRequest,
        context: grpc.aio.ServicerContext[pb.CheckProofRequest, pb.CheckProofResponse],
    ) -> pb.CheckProofResponse:
        """Check one proof; what is wrong with its texts is its verdict."""
        log = _log.bind(rpc="CheckProof")
        try:
            try:
                check = convert_requests.check_from_proto(request, self._default, self._texts)
            except InputError as error:
                if blames_item(error):
                    return pb.CheckProofResponse(verdict=convert.verdict_to_proto(refusal(error)))
                raise
            admit_limits(check.limits, self._maximum.limits)
            limits = replace(check.limits, seconds=min(check.limits.seconds, _time_left(context)))
            with self.calls.taking_one():
                verdict = await self._service.check(replace(check, limits=limits))
            log.debug("answered", theorem=check.theorem.digest, verdict=verdict.kind.name, trust=verdict.trust.name)
            return pb.CheckProofResponse(verdict=convert.verdict_to_proto(verdict))
        except UserError as error:
            log.info("refused", error=type(error).__name__, field=getattr(error, "field", None))
            await status.abort(context, error)
        except Exception:
            log.exception("failed")
            await context.abort(grpc.StatusCode.INTERNAL, "the server failed; its log says where")

    async def GetServerInfo(
        self,
        request: pb.GetServerInfoRequest,
        context: grpc.aio.ServicerContext[pb.GetServerInfoRequest, pb.GetServerInfoResponse],
    ) -> pb.GetServerInfoResponse:
        """Say what checks and samples here."""
        return convert_requests.info_to_proto(await self._service.info())


def _time_left(context: grpc.aio.ServicerContext[Q, A]) -> float:
    """Seconds until the deadline of the call, less what stopping Lean and answering take; at least a millisecond."""
    left = context.time_remaining()
    return math.inf if left is None else max(1e-3, left - min(2.0, 0.25 * left))
