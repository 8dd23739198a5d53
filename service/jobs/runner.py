"""Batch jobs over a database: takes them in, tells how they stand, and has them worked on (`service/jobs/work.py`)."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import replace
from typing import Any, Self, TypeVar

from prover.errors import InputError
from prover.requests import BusyError, Service, UnavailableError
from prover.store.errors import StoreError
from prover.store.queue import JobQueue, KeyUsedError, QueueFullError, StoredJob, Submission
from service.auth.identity import Quota
from service.core.quotas import Quotas
from service.jobs.jobs import (
    NO_QUOTA,
    Answered,
    Batch,
    JobEvent,
    JobState,
    JobStatus,
    NoJobError,
)
from service.jobs.stored import ANSWER, ITEM, OPTIONS, JobOptions
from service.jobs.waiting import Changes, wait
from service.jobs.work import POLL_SECONDS, Figures, Work
from service.ops.config import JobSettings

T = TypeVar("T")

_STATUS_SECONDS = 5.0  # how often a watcher is told how the job stands where nothing happens
_PAGE = 50  # answers read at once
_LONGEST_ID = 1024
_LONGEST_KEY = 256


class JobRunner:
    """`Jobs` over a database. Use it as an async context manager; behind it, what it was working on is free again."""

    def __init__(
        self,
        service: Service,
        queue: JobQueue,
        settings: JobSettings,
        quotas: Quotas | None = None,
        may: Callable[[str], bool] = lambda _owner: True,
    ) -> None:
        """Search with `service`, at `Priority.BATCH`; see `Work` for the rest."""
        self._queue = queue
        self._settings = settings
        self._changes = Changes()
        self._work = Work(service, queue, settings, quotas, self._changes, may)

    @property
    def figures(self) -> Figures:
        """For metrics."""
        return self._work.figures

    async def __aenter__(self) -> Self:
        """Begin to work."""
        await self._work.__aenter__()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop: items under way are given back, for other servers or the next start."""
        await self._work.__aexit__()

    async def submit(self, batch: Batch, owner: str = "", quota: Quota = NO_QUOTA) -> JobStatus:
        """See `Jobs.submit`."""
        _admit(batch, self._settings.items)
        items = await asyncio.to_thread(_encode, batch)
        options = JobOptions(batch.options, owner, quota)
        search = OPTIONS.dump_json(replace(options, owner="", quota=NO_QUOTA)).decode()
        digest = hashlib.sha256("\0".join([batch.label, search, *map("\0".join, items)]).encode()).hexdigest()
        submission = Submission(
            owner, batch.key or None, digest, batch.label, OPTIONS.dump_json(options).decode(), items
        )
        try:
            job = await self._stored(
                self._queue.submit(submission, self._settings.unfinished, self._settings.unfinished_each)
            )
        except KeyUsedError as error:
            raise InputError("request_id", f"{error}: choose another key") from None
        except QueueFullError as error:
            raise BusyError(f"{error}; try again later", 60.0) from None
        self._changes.tell()
        return _status(job)

    async def watch(self, job_id: str, after: int = 0, owner: str | None = "") -> AsyncGenerator[JobEvent, None]:
        """See `Jobs.watch`."""
        told = await self.status(job_id, owner)
        yield told
        told_at = _now()
        while True:
            change = self._changes.next
            job = await self._find(job_id, owner)
            answers = await self._stored(self._queue.answers(job_id, after, _PAGE))
            for position, text in answers:
                yield Answered(position, ANSWER.validate_json(text))
                after = position
            status = _status(job)
            if after >= job.answered and status.state is not JobState.RUNNING:
                yield status
                return
            if status != told and _now() - told_at > _STATUS_SECONDS:
                yield status
                told, told_at = status, _now()
            if after >= job.answered:
                await wait(change, POLL_SECONDS)

    async def status(self, job_id: str, owner: str | None = "") -> JobStatus:
        """See `Jobs.status`."""
        return _status(await self._find(job_id, owner))

    async def cancel(self, job_id: str, owner: str | None = "") -> JobStatus:
        """See `Jobs.cancel`."""
        await self._find(job_id, owner)
        job = await self._stored(self._queue.cancel(job_id))
        self._work.stop(job_id)
        self._changes.tell()
        if job is None:
            raise NoJobError(f"there is no batch {job_id}")
        return _status(job)

    async def page(self, most: int, after: str = "", owner: str | None = "") -> list[JobStatus]:
        """See `Jobs.page`."""
        before = await self._find(after, owner) if after else None
        return [_status(job) for job in await self._stored(self._queue.page(most, before, owner))]

    async def delete(self, job_id: str, owner: str | None = "") -> None:
        """See `Jobs.delete`."""
        await self._find(job_id, owner)
        await self._stored(self._queue.delete(job_id))
        self._work.stop(job_id)
        self._changes.tell()

    async def _find(self, job_id: str, owner: str | None) -> StoredJob:
        job = await self._stored(self._queue.find(job_id))
        if job is None or (owner is not None and job.owner != owner):
            raise NoJobError(f"there is no batch {job_id}")
        return job

    async def _stored(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await work
        except StoreError as error:
            raise UnavailableError(str(error), 10.0) from None


def _admit(batch: Batch, most: int) -> None:
    """Raise InputError unless the batch can be taken."""
    if not 0 < len(batch.items) <= most:
        raise InputError("items", f"a batch has between 1 and {most:,} items, not {len(batch.items):,}")
    if max(len(batch.key), len(batch.label)) > _LONGEST_KEY:
        raise InputError("request_id", f"key and label have at most {_LONGEST_KEY} characters")
    seen: set[str] = set()
    for item in batch.items:
        if not 0 < len(item.id) <= _LONGEST_ID:
            raise InputError("items.id", f"an item's id has between 1 and {_LONGEST_ID:,} characters")
        if item.id in seen:
            raise InputError("items.id", f"two items have the id {item.id!r}: ids must differ")
        seen.add(item.id)


def _encode(batch: Batch) -> list[tuple[str, str]]:
    return [(item.id, ITEM.dump_json(item).decode()) for item in batch.items]


def _status(job: StoredJob) -> JobStatus:
    state = JobState.CANCELLED if job.cancelled else JobState.DONE if job.finished else JobState.RUNNING
    return JobStatus(job.id, job.label, state, job.total, job.answered, job.running, job.created, job.finished)


def _now() -> float:
    return asyncio.get_running_loop().time()
