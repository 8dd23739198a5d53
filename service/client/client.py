"""`Client`: the service of a running server, with the engine's dataclasses as arguments and results."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterator
from typing import Any, Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from leansieve.v1 import batch_pb2, check_pb2, fill_pb2, server_pb2
from leansieve.v1.batch_pb2_grpc import BatchServiceStub
from leansieve.v1.check_pb2_grpc import ProofCheckServiceStub
from leansieve.v1.proof_search_pb2_grpc import ProofSearchServiceStub
from leansieve.v1.server_pb2_grpc import ServerServiceStub
from prover.assistance.against import Solution, Solved
from prover.assistance.suggest import Suggest, Suggestions
from prover.errors import InputError, UserError
from prover.premises.query import Premises, QueryResult
from prover.requests import (
    Check,
    Event,
    GoneError,
    Search,
    ServedModel,
    ServiceInfo,
    StatementError,
    UnavailableError,
)
from prover.source.typed import as_typed
from prover.theorem import Theorem
from prover.tutor.hints import Tutored, Tutoring
from prover.verdict import Verdict
from service.batch.batches import BatchEvent, BatchRequest, BatchStatus
from service.client.classrooms import ClassroomClient
from service.client.connection import open_channel
from service.contract import values
from service.contract.fields import finite, put
from service.contract.messages import batch as batches
from service.contract.messages import hint as hint_messages
from service.contract.messages import info, search, solution
from service.contract.messages import premises as premise_messages
from service.contract.messages import suggest as suggestions
from service.contract.messages.events import EventReader
from service.contract.status import error_of
from service.core.limits.admission import bounds
from service.grpc import status
from service.ops.config import Settings

# A server limits each call itself; this deadline is for servers that have disappeared.
_SLACK_SECONDS = 600.0


class Client:
    """A `Service` over gRPC. Use it as an async context manager."""

    def __init__(self, address: str, settings: Settings) -> None:
        """Create a client for the server at `address`, such as `127.0.0.1:50061` or `unix:/path`."""
        self._address = address
        self._settings = settings
        self._channel = open_channel(address, settings.connection, settings.server.message_bytes)
        self._searches = ProofSearchServiceStub(self._channel)
        self._checks = ProofCheckServiceStub(self._channel)
        self._batch_calls = BatchServiceStub(self._channel)
        self._server = ServerServiceStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)  # all stubs here: a closed channel must not make any
        self.classrooms = ClassroomClient(self._channel, self._errors)
        """Calls of teachers and learners."""

    async def __aenter__(self) -> Self:
        """Return the client; nothing is sent."""
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close the connection."""
        await self._channel.close()

    async def check(self, request: Check) -> Verdict:
        """See `Service.check`."""
        with self._errors():
            response = await self._checks.CheckProof(
                values.check_to_proto(request), timeout=request.options.limits.seconds + _SLACK_SECONDS
            )
        verdict = values.verdict_from_proto(response.verdict, request.candidate.mode)
        return as_typed(request.theorem, verdict, request.candidate.text)

    async def check_all(
        self, requests: AsyncIterable[tuple[str, Check]]
    ) -> AsyncGenerator[tuple[str, Verdict | UserError], None]:
        """Check many proofs, each with an id; yields answers by id, in any order; the answer to an invalid item is its
        error.

        Raises:
            UserError: the stream as a whole failed.
            Exception: raised by `requests`.
        """
        shifted: dict[str, Theorem] = {}  # whose statement the server was sent with another first line
        refused: list[tuple[str, UserError]] = []
        failures: list[Exception] = []

        async def items() -> AsyncIterator[check_pb2.CheckProofsRequest]:
            try:  # gRPC cancels the call after an error here, and does not report it
                async for name, request in requests:
                    try:
                        message = check_pb2.CheckProofsRequest(check=values.check_to_proto(request))
                        put(message, "id", name)
                    except UserError as error:
                        refused.append((name, error))
                        continue
                    if request.theorem.shift:
                        shifted[name] = request.theorem
                    yield message
            except Exception as error:
                failures.append(error)

        with self._stream(lambda: self._checks.CheckProofs(items())) as call:
            async for response in call:
                if response.WhichOneof("outcome") == "error":
                    yield response.id, error_of(response.error, self._address)
                    shifted.pop(response.id, None)
                else:
                    verdict = values.verdict_from_proto(response.verdict)
                    theorem = shifted.pop(response.id, None)
                    yield response.id, verdict if theorem is None else as_typed(theorem, verdict)
        for name, error in refused:
            yield name, error
        if failures:
            raise failures[0]

    async def check_solution(self, request: Solution) -> list[Solved]:
        """See `prover.assistance.against.solved`."""
        with self._errors():
            response = await self._checks.CheckSolution(solution.request_to_proto(request))
        return solution.response_from_proto(response)

    async def prove(self, request: Search) -> AsyncGenerator[Event, None]:
        """See `Service.prove`."""

        def start() -> Any:
            seconds = request.options.budget.seconds + _SLACK_SECONDS
            return self._searches.Prove(search.request_to_proto(request), timeout=seconds)

        reader = EventReader()
        with self._stream(start, request.theorem) as call:
            async for response in call:
                event = reader.event(response)
                if event is not None:
                    yield event

    async def fill(
        self, request: fill_pb2.FillSorriesRequest, seconds: float | None = None
    ) -> AsyncGenerator[fill_pb2.FillSorriesResponse, None]:
        """Fill the `sorry`s of a file within so many seconds. Raises as `prove`."""
        with self._stream(lambda: self._searches.FillSorries(request, timeout=seconds)) as call:
            async for response in call:
                yield response

    async def suggest(self, request: Suggest) -> Suggestions:
        """See `Service.suggest`."""
        with self._errors():
            response = await self._searches.SuggestTactics(
                suggestions.request_to_proto(request), timeout=request.seconds + _SLACK_SECONDS
            )
        return suggestions.response_from_proto(response)

    async def hint(self, request: Tutoring) -> Tutored:
        """See `Service.hint`."""
        with self._errors(request.theorem):
            response = await self._searches.SuggestHint(
                hint_messages.request_to_proto(request), timeout=request.seconds + _SLACK_SECONDS
            )
        return hint_messages.response_from_proto(response)

    async def premises(self, request: Premises) -> QueryResult:
        """See `Service.premises`."""
        with self._errors():
            response = await self._searches.SuggestPremises(
                premise_messages.request_to_proto(request), timeout=request.seconds + _SLACK_SECONDS
            )
        return premise_messages.response_from_proto(response)

    async def submit(self, request: BatchRequest) -> BatchStatus:
        """Submit theorems to be proved in the background. Raises as `Batches.submit`."""
        with self._errors():
            response = await self._batch_calls.CreateBatch(batches.request_to_proto(request), timeout=_SLACK_SECONDS)
        return batches.status_from_proto(response.batch)

    async def watch(self, batch_id: str, after: int = 0) -> AsyncGenerator[BatchEvent, None]:
        """See `Batches.watch`."""

        def start() -> Any:
            request = batch_pb2.WatchBatchResultsRequest(id=batch_id, after=after)
            return self._batch_calls.WatchBatchResults(request)

        with self._stream(start) as call:
            async for response in call:
                event = batches.event_from_proto(response)
                if event is not None:
                    yield event

    async def cancel(self, batch_id: str) -> BatchStatus:
        """See `Batches.cancel`."""
        with self._errors():
            request = batch_pb2.CancelBatchRequest(id=batch_id)
            response = await self._batch_calls.CancelBatch(request, timeout=_SLACK_SECONDS)
        return batches.status_from_proto(response.batch)

    async def status(self, batch_id: str) -> BatchStatus:
        """See `Batches.status`."""
        with self._errors():
            response = await self._batch_calls.GetBatch(batch_pb2.GetBatchRequest(id=batch_id), timeout=_SLACK_SECONDS)
        return batches.status_from_proto(response.batch)

    async def batches(self) -> AsyncGenerator[BatchStatus, None]:
        """Return all batches of the caller, newest first. Raises as `status`."""
        token = ""
        while True:
            with self._errors():
                request = batch_pb2.ListBatchesRequest(page_token=token)
                response = await self._batch_calls.ListBatches(request, timeout=_SLACK_SECONDS)
            for batch in response.batches:
                yield batches.status_from_proto(batch)
            if not (token := response.next_page_token):
                return

    async def delete(self, batch_id: str) -> None:
        """See `Batches.delete`."""
        with self._errors():
            await self._batch_calls.DeleteBatch(batch_pb2.DeleteBatchRequest(id=batch_id), timeout=_SLACK_SECONDS)

    async def info(self) -> ServiceInfo:
        """See `Service.info`."""
        with self._errors():
            response = await self._server.GetServerInfo(server_pb2.GetServerInfoRequest(), timeout=30.0)
        return info.from_proto(response, bounds(self._settings)[0])

    async def reload(self) -> tuple[ServedModel, ...]:
        """See `Service.reload`."""
        with self._errors():
            response = await self._server.ReloadModel(server_pb2.ReloadModelRequest(), timeout=_SLACK_SECONDS)
        return tuple(info.model_from_proto(model) for model in response.models)

    async def ready(self, seconds: float) -> None:
        """Wait until the server's health is SERVING.

        Raises:
            InputError: the time is not finite.
            UnavailableError: it is not ready within that time, or the server cannot be reached.
        """
        timeout = finite(seconds)
        with self._errors():
            request = health_pb2.HealthCheckRequest(service="")
            watch = self._health.Watch(request, timeout=timeout, wait_for_ready=True)  # type: ignore[attr-defined]
        try:
            async for response in watch:
                if response.status == health_pb2.HealthCheckResponse.SERVING:
                    return
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise UnavailableError(f"the server at {self._address} was not ready within {seconds:g} s") from None
            raise self._to_user_error(error) from None
        finally:
            watch.cancel()
        raise UnavailableError(f"the server at {self._address} ended before it was ready")

    @contextlib.contextmanager
    def _errors(self, theorem: Theorem | None = None) -> Iterator[None]:
        """Convert errors of gRPC and protobuf to the service's; positions are in the theorem's statement as it was
        typed.
        """
        try:
            yield
        except grpc.aio.AioRpcError as error:
            raise self._to_user_error(error, theorem) from None
        except grpc.aio.UsageError:
            raise UnavailableError("this client is closed: make its calls inside its `async with`") from None
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError("request", f"an argument of the call is invalid: {error}") from None

    @contextlib.contextmanager
    def _stream(self, start: Callable[[], Any], theorem: Theorem | None = None) -> Iterator[Any]:
        """Start a call with several responses, convert its errors, and close it at the end."""
        with self._errors():
            call = start()
        try:
            yield call
        except grpc.aio.AioRpcError as error:
            raise self._to_user_error(error, theorem) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # gRPC also raises this where it cannot connect and there is nothing to send.
            raise GoneError(f"the call to the server at {self._address} was broken off") from None
        finally:
            call.cancel()

    def _to_user_error(self, error: grpc.aio.AioRpcError, theorem: Theorem | None = None) -> UserError:
        found = status.to_error(error, self._address)
        if theorem is not None and isinstance(found, StatementError):
            return StatementError(as_typed(theorem, found.verdict))
        return found
