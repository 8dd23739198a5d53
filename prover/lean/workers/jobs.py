"""What waits for a worker: jobs, in a bounded queue."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Generic, TypeVar

from prover.lean.wire.lines import Request
from prover.verdict import VerdictKind

T = TypeVar("T")

ImportSet = tuple[str, ...]


Charge = Callable[[float], None]

CHARGE: ContextVar[Charge] = ContextVar("charge", default=lambda _seconds: None)
"""Told of the seconds that workers spend on what this task asks for, also when the answer is no longer awaited."""

WAIT: ContextVar[Charge] = ContextVar("wait", default=lambda _seconds: None)
"""Told of the seconds for which what this task asks waited for a worker: when one takes it, or it is withdrawn."""

BATCH_TURN = 8
"""While others wait, every so many-th job that a worker takes is one of a batch, if any waits: batches are slow, not still."""


class PoolBusyError(RuntimeError):
    """There is no room. Nothing was lost; the same request may be sent again after `seconds`."""

    def __init__(self, text: str, seconds: float = 1.0) -> None:
        """Keep the delay."""
        super().__init__(text)
        self.seconds = seconds


class Priority(IntEnum):
    """Who goes first, but for `BATCH_TURN`. Within one priority the order of arrival decides."""

    INTERACTIVE = 0
    BATCH = 1


@dataclass(eq=False, slots=True)
class Job(Generic[T]):
    """One request on its way through the pool. Cancelling `future` withdraws it.

    Attributes:
        imports: which workers can serve it.
        seconds: wall-clock deadline of one attempt in a worker.
        arrived: loop time when it was queued.
        order: its place among all jobs.
        deaths: workers that died on it. After the first it wants a fresh worker.
        disturbances: attempts that somebody outside ended.
        charge: whom the time is charged to that workers spend on it.
        wait: told how long it waited.
        queued: loop time when it was queued last.
    """

    request: Request[T]
    imports: ImportSet
    priority: Priority
    seconds: float
    arrived: float
    order: int
    future: asyncio.Future[T]
    deaths: int = 0
    disturbances: int = 0
    charge: Charge = field(default_factory=CHARGE.get)
    wait: Charge = field(default_factory=WAIT.get)
    queued: float = 0.0

    @property
    def retried(self) -> bool:
        """Whether it has been in a worker before."""
        return bool(self.deaths or self.disturbances)

    def fail(self, kind: VerdictKind, reason: str, ms: float = 0.0) -> None:
        """Settle the job without an answer of Lean."""
        if self.future.done():
            return
        try:
            self.future.set_result(self.request.failed(kind, reason, ms))
        except Exception as error:
            self.future.set_exception(error)

    def refuse(self, error: PoolBusyError) -> None:
        """Settle the job by telling its caller to come back."""
        if not self.future.done():
            self.future.set_exception(error)


_Line = OrderedDict[int, Job[Any]]


class JobQueue:
    """Jobs by import set; within a set retried ones first, then by priority and arrival. Bounded by number and bytes.

    Attributes:
        batch_turn: whether the next job taken is one of a batch, if any waits.
    """

    def __init__(self, most_jobs: int, most_bytes: int) -> None:
        """Hold at most `most_jobs` jobs whose requests take at most `most_bytes`."""
        self._most_jobs = most_jobs
        self._most_bytes = most_bytes
        self._lines: dict[ImportSet, tuple[_Line, ...]] = {}
        self._count = 0
        self._bytes = 0
        self._before_batches = BATCH_TURN - 1

    def __len__(self) -> int:
        """Jobs that wait."""
        return self._count

    def push(self, job: Job[Any]) -> None:
        """Queue a job; one that was in a worker already is never refused.

        Raises:
            PoolBusyError: the queue is full.
        """
        size = len(job.request.body)
        if not job.retried and (self._count >= self._most_jobs or self._bytes + size > self._most_bytes):
            raise PoolBusyError(f"the checker is busy: {self._count} requests wait already; try again later")
        lines = self._lines.setdefault(job.imports, tuple(OrderedDict() for _ in range(len(Priority) + 1)))
        lines[0 if job.retried else 1 + job.priority][job.order] = job
        job.queued = asyncio.get_running_loop().time()
        self._count += 1
        self._bytes += size

    def discard(self, job: Job[Any]) -> None:
        """Take a job out, wherever it stands; nothing happens if it does not wait."""
        lines = self._lines.get(job.imports, ())
        if any(line.pop(job.order, None) for line in lines):
            job.wait(asyncio.get_running_loop().time() - job.queued)
            self._count -= 1
            self._bytes -= len(job.request.body)
            if not any(lines):
                del self._lines[job.imports]

    def take(self, job: Job[Any]) -> None:
        """Take a job out for a worker."""
        if job.priority is Priority.BATCH:
            self._before_batches = BATCH_TURN - 1
        elif any(lines[1 + Priority.BATCH] for lines in self._lines.values()):
            self._before_batches -= 1
        self.discard(job)

    @property
    def batch_turn(self) -> bool:
        """See the class."""
        return self._before_batches <= 0

    def rank(self, job: Job[Any]) -> tuple[bool, int, int]:
        """Of two jobs the one with the smaller rank goes first."""
        behind = job.priority is not Priority.BATCH if self.batch_turn else job.priority is Priority.BATCH
        return not job.retried, int(behind), job.order

    def head(self, imports: ImportSet, fresh: bool) -> Job[Any] | None:
        """The job that a worker with these imports should take next; only a fresh worker gets one that killed another."""
        lines = self._lines.get(imports, ())
        for line in (*lines[:1], *reversed(lines[1:])) if self.batch_turn else lines:
            for job in line.values():
                if fresh or not job.deaths:
                    return job
        return None

    def import_sets(self) -> Iterator[tuple[ImportSet, float]]:
        """Each import set that is waited for, with the arrival of its first job."""
        for imports, lines in list(self._lines.items()):
            yield imports, min(next(iter(line.values())).arrived for line in lines if line)

    def drain(self, imports: ImportSet | None = None) -> list[Job[Any]]:
        """Take out every job, or every one that waits for `imports`."""
        sets = [imports] if imports is not None else list(self._lines)
        jobs = [job for key in sets for line in self._lines.get(key, ()) for job in line.values()]
        for job in jobs:
            self.discard(job)
        return jobs
