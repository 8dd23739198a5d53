"""Batches in a database: creates them, reports their status, and has them worked on (`service/batch/work.py`)."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import replace
from typing import Any, Self, TypeVar

from prover.concurrency.tasks import Changes, wait
from prover.errors import InputError
from prover.requests import BusyError, Service, UnavailableError
from prover.store.errors import StoreError
from prover.store.records.batches import KeyUsedError, QueueFullError, StoredBatch, Submission
from prover.store.records.queue import BatchQueue
from service.auth.identity import Quota
from service.batch.batches import (
    NO_QUOTA,
    Answered,
    BatchEvent,
    BatchRequest,
    BatchState,
    BatchStatus,
    NoBatchError,
)
from service.batch.stored import ANSWER, ITEM, OPTIONS, StoredOptions
from service.batch.work import POLL_SECONDS, Figures, Work
from service.core.limits.admission import Quotas
from service.ops.config import BatchSettings

T = TypeVar("T")

_STATUS_SECONDS = 5.0  # interval of status events if nothing happens
_PAGE = 50  # answers read at once
_LONGEST_ID = 1024
_LONGEST_KEY = 256


class BatchRunner:
    """`Batches` in a database. Use it as an async context manager; at the end, its items in progress are released."""

    def __init__(
        self,
        service: Service,
        queue: BatchQueue,
        settings: BatchSettings,
        quotas: Quotas | None = None,
        may: Callable[[str], bool] = lambda _owner: True,
    ) -> None:
        """Search with `service` at `Priority.BATCH`; other arguments as in `Work`."""
        self._queue = queue
        self._settings = settings
        self._changes = Changes()
        self._work = Work(service, queue, settings, quotas, self._changes, may)

    @property
    def figures(self) -> Figures:
        """Figures for metrics."""
        return self._work.figures

    async def __aenter__(self) -> Self:
        """Start to work."""
        await self._work.__aenter__()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop; items in progress are released for other servers or the next start."""
        await self._work.__aexit__()

    async def submit(self, request: BatchRequest, owner: str = "", quota: Quota = NO_QUOTA) -> BatchStatus:
        """See `Batches.submit`."""
        _admit(request, self._settings.items)
        items = await asyncio.to_thread(_encode, request)
        options = StoredOptions(request.options, owner, quota)
        search = OPTIONS.dump_json(replace(options, owner="", quota=NO_QUOTA)).decode()
        digest = hashlib.sha256("\0".join([request.label, search, *map("\0".join, items)]).encode()).hexdigest()
        submission = Submission(
            owner, request.key or None, digest, request.label, OPTIONS.dump_json(options).decode(), items
        )
        try:
            batch = await self._stored(
                self._queue.submit(submission, self._settings.unfinished, self._settings.unfinished_each)
            )
        except KeyUsedError as error:
            raise InputError("request_id", f"{error}: choose another key") from None
        except QueueFullError as error:
            raise BusyError(f"{error}; try again later", 60.0) from None
        self._changes.tell()
        return _status(batch)

    async def watch(self, batch_id: str, after: int = 0, owner: str | None = "") -> AsyncGenerator[BatchEvent, None]:
        """See `Batches.watch`."""
        reported = await self.status(batch_id, owner)
        yield reported
        reported_at = _now()
        while True:
            change = self._changes.next
            batch = await self._find(batch_id, owner)
            answers = await self._stored(self._queue.answers(batch_id, after, _PAGE))
            for position, text in answers:
                yield Answered(position, ANSWER.validate_json(text))
                after = position
            status = _status(batch)
            if after >= batch.answered and status.state is not BatchState.RUNNING:
                yield status
                return
            if status != reported and _now() - reported_at > _STATUS_SECONDS:
                yield status
                reported, reported_at = status, _now()
            if after >= batch.answered:
                await wait(change, POLL_SECONDS)

    async def status(self, batch_id: str, owner: str | None = "") -> BatchStatus:
        """See `Batches.status`."""
        return _status(await self._find(batch_id, owner))

    async def cancel(self, batch_id: str, owner: str | None = "") -> BatchStatus:
        """See `Batches.cancel`."""
        await self._find(batch_id, owner)
        batch = await self._stored(self._queue.cancel(batch_id))
        self._work.stop(batch_id)
        self._changes.tell()
        if batch is None:
            raise NoBatchError(f"there is no batch {batch_id}")
        return _status(batch)

    async def page(self, most: int, after: str = "", owner: str | None = "") -> list[BatchStatus]:
        """See `Batches.page`."""
        before = await self._find(after, owner) if after else None
        return [_status(batch) for batch in await self._stored(self._queue.page(most, before, owner))]

    async def delete(self, batch_id: str, owner: str | None = "") -> None:
        """See `Batches.delete`."""
        await self._find(batch_id, owner)
        await self._stored(self._queue.delete(batch_id))
        self._work.stop(batch_id)
        self._changes.tell()

    async def _find(self, batch_id: str, owner: str | None) -> StoredBatch:
        batch = await self._stored(self._queue.find(batch_id))
        if batch is None or (owner is not None and batch.owner != owner):
            raise NoBatchError(f"there is no batch {batch_id}")
        return batch

    async def _stored(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await work
        except StoreError as error:
            raise UnavailableError(str(error), 10.0) from None


def _admit(request: BatchRequest, most: int) -> None:
    """Raise InputError if the batch is invalid."""
    if not 0 < len(request.items) <= most:
        raise InputError("items", f"a batch has between 1 and {most:,} items, not {len(request.items):,}")
    if max(len(request.key), len(request.label)) > _LONGEST_KEY:
        raise InputError("request_id", f"key and label have at most {_LONGEST_KEY} characters")
    seen: set[str] = set()
    for item in request.items:
        if not 0 < len(item.id) <= _LONGEST_ID:
            raise InputError("items.id", f"an item's id has between 1 and {_LONGEST_ID:,} characters")
        if item.id in seen:
            raise InputError("items.id", f"two items have the id {item.id!r}: ids must differ")
        seen.add(item.id)


def _encode(request: BatchRequest) -> list[tuple[str, str]]:
    return [(item.id, ITEM.dump_json(item).decode()) for item in request.items]


def _status(batch: StoredBatch) -> BatchStatus:
    state = BatchState.CANCELLED if batch.cancelled else BatchState.DONE if batch.finished else BatchState.RUNNING
    return BatchStatus(
        batch.id, batch.label, state, batch.total, batch.answered, batch.running, batch.created, batch.finished
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
