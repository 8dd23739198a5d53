"""`BatchService`: theorems proved in the background."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from leansieve.v1 import batch_pb2
from prover.lean.workers.jobs import Priority
from prover.requests import RefusedError
from service.auth.identity import CALLER, Role
from service.batch.batches import Batches
from service.contract.fields import validate
from service.contract.messages import batch as batch_messages
from service.core.limits.admission import Room, admit_budget, admit_limits, bounds
from service.handlers.calls import Call, Calls
from service.ops.config import Settings

_PAGE = 100


class BatchHandlers:
    """Handles calls about batches."""

    def __init__(self, batches: Batches | None, settings: Settings, calls: Calls) -> None:
        """Accept batches within the limits that `settings` give to clients; without `batches`, they are refused."""
        self._batches = batches
        self._settings = settings
        self._default, self._maximum = bounds(settings)
        self._calls = calls
        self._watchers = Room(settings.server.searches)

    async def create_batch(self, request: batch_pb2.CreateBatchRequest, call: Call) -> batch_pb2.CreateBatchResponse:
        """Create a batch."""
        async with self._calls.answering(call, in_options=True):
            validate(request)
            # Takes seconds for the largest; other requests proceed meanwhile.
            read = batch_messages.request_from_proto
            batch = await asyncio.to_thread(read, request, self._default, self._settings.text)
            admit_budget(batch.options.budget, self._maximum.budget)
            admit_limits(batch.options.check.limits, self._maximum.limits)
            client = CALLER.get()
            status = await self._offered().submit(batch, client.name, client.quota)
            call.remarks.update(batch=status.id, items=status.items)
            return batch_pb2.CreateBatchResponse(batch=batch_messages.status_to_proto(status))

    async def get_batch(self, request: batch_pb2.GetBatchRequest, call: Call) -> batch_pb2.GetBatchResponse:
        """Return the status of a batch."""
        async with self._of(request, call):
            status = await self._offered().status(request.id, owner())
            return batch_pb2.GetBatchResponse(batch=batch_messages.status_to_proto(status))

    async def list_batches(self, request: batch_pb2.ListBatchesRequest, call: Call) -> batch_pb2.ListBatchesResponse:
        """List the caller's batches."""
        async with self._calls.answering(call, quiet=True):
            validate(request)
            most = request.page_size if request.HasField("page_size") else _PAGE
            found = await self._offered().page(most + 1, request.page_token, owner())
            return batch_pb2.ListBatchesResponse(
                batches=[batch_messages.status_to_proto(status) for status in found[:most]],
                next_page_token=found[most - 1].id if len(found) > most else "",
            )

    async def cancel_batch(self, request: batch_pb2.CancelBatchRequest, call: Call) -> batch_pb2.CancelBatchResponse:
        """Cancel a batch."""
        async with self._of(request, call):
            status = await self._offered().cancel(request.id, owner())
            return batch_pb2.CancelBatchResponse(batch=batch_messages.status_to_proto(status))

    async def delete_batch(self, request: batch_pb2.DeleteBatchRequest, call: Call) -> batch_pb2.DeleteBatchResponse:
        """Delete a batch and its results."""
        async with self._of(request, call):
            await self._offered().delete(request.id, owner())
            return batch_pb2.DeleteBatchResponse()

    async def watch_batch_results(
        self, request: batch_pb2.WatchBatchResultsRequest, call: Call
    ) -> AsyncIterator[batch_pb2.WatchBatchResultsResponse]:
        """Stream the results of a batch as they arrive."""
        async with self._of(request, call), self._watchers.acquire(Priority.INTERACTIVE):
            watching = self._offered().watch(request.id, request.after, owner())
            async with contextlib.aclosing(watching) as events:
                async for event in events:
                    yield batch_messages.event_to_proto(event)

    @contextlib.asynccontextmanager
    async def _of(
        self,
        request: batch_pb2.GetBatchRequest
        | batch_pb2.CancelBatchRequest
        | batch_pb2.DeleteBatchRequest
        | batch_pb2.WatchBatchResultsRequest,
        call: Call,
    ) -> AsyncIterator[None]:
        """Answer a call about one batch."""
        async with self._calls.answering(call):
            validate(request)
            call.remarks["batch"] = request.id
            yield

    def _offered(self) -> Batches:
        if self._batches is None:
            raise RefusedError("this server keeps no batches: set store.url and start it again")
        return self._batches


def owner() -> str | None:
    """Return the owner whose batches and classrooms the caller may see; None: all owners."""
    caller = CALLER.get()
    return None if caller.may(Role.ADMIN) and caller.name != "local" else caller.name
