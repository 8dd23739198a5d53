"""Jobs that wait for a worker, in a bounded queue."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Generic, TypeVar

from prover.lean.wire.lines import Request
from prover.verdict import VerdictKind

T = TypeVar("T")

ImportSet = tuple[str, ...]


Charge = Callable[[float], None]

CHARGE: ContextVar[Charge] = ContextVar("charge", default=lambda _seconds: None)
"""Receives the seconds that workers spend on this task's requests, even if the answer is no longer awaited."""

WAIT: ContextVar[Charge] = ContextVar("wait", default=lambda _seconds: None)
"""Receives the seconds that this task's requests waited for a worker, when one takes them or they are withdrawn."""

BATCH_TURN = 8
"""While other jobs wait, every so many-th job taken is a batch job, if any waits, so that batches progress slowly but
never stop.
"""


class PoolBusyError(RuntimeError):
    """The queue is full. Nothing was lost; retry after `seconds`."""

    def __init__(self, text: str, seconds: float = 1.0) -> None:
        """Store the delay in seconds."""
        super().__init__(text)
        self.seconds = seconds


class Priority(IntEnum):
    """Priority of jobs, subject to `BATCH_TURN`. Jobs of equal priority are served in order of arrival."""

    INTERACTIVE = 0
    BATCH = 1


@dataclass(eq=False, slots=True)
class Job(Generic[T]):
    """A request in the pool. Cancelling `future` withdraws it.

    Attributes:
        imports: imports that the worker must have.
        seconds: wall-clock deadline of one attempt in a worker.
        arrived: loop time when it was queued.
        order: sequence number.
        deaths: number of workers that died on it; after the first, it needs a fresh worker.
        disturbances: number of attempts ended from outside.
        charge: receives the seconds that workers spend on it.
        wait: receives the seconds that it waited.
        queued: loop time when it was last queued.
        context: the context variables of its caller, for log lines about it.
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
    context: Context = field(default_factory=copy_context)

    @property
    def retried(self) -> bool:
        """Whether a worker has tried it before."""
        return bool(self.deaths or self.disturbances)

    def fail(self, kind: VerdictKind, reason: str, ms: float = 0.0) -> None:
        """Complete the job without an answer of Lean."""
        if self.future.done():
            return
        try:
            self.future.set_result(self.request.failed(kind, reason, ms))
        except Exception as error:
            self.future.set_exception(error)

    def refuse(self, error: PoolBusyError) -> None:
        """Complete the job with a request to retry later."""
        if not self.future.done():
            self.future.set_exception(error)


_Line = OrderedDict[int, Job[Any]]


class JobQueue:
    """Jobs by import set; within a set, retried jobs come first, then priority and arrival decide. Limited by number
    and bytes.

    Attributes:
        batch_turn: whether the next job taken is a batch job, if any waits.
    """

    def __init__(self, most_jobs: int, most_bytes: int) -> None:
        """Hold at most `most_jobs` jobs with requests of at most `most_bytes` in total."""
        self._most_jobs = most_jobs
        self._most_bytes = most_bytes
        self._lines: dict[ImportSet, tuple[_Line, ...]] = {}
        self._count = 0
        self._bytes = 0
        self._before_batches = BATCH_TURN - 1

    def __len__(self) -> int:
        """Number of waiting jobs."""
        return self._count

    def push(self, job: Job[Any]) -> None:
        """Queue a job; a retried job is never refused.

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
        """Remove a job; no effect if it is not waiting."""
        lines = self._lines.get(job.imports, ())
        if any(line.pop(job.order, None) for line in lines):
            job.wait(asyncio.get_running_loop().time() - job.queued)
            self._count -= 1
            self._bytes -= len(job.request.body)
            if not any(lines):
                del self._lines[job.imports]

    def take(self, job: Job[Any]) -> None:
        """Remove a job that a worker takes."""
        if job.priority is Priority.BATCH:
            self._before_batches = BATCH_TURN - 1
        elif any(lines[1 + Priority.BATCH] for lines in self._lines.values()):
            self._before_batches -= 1
        self.discard(job)

    @property
    def batch_turn(self) -> bool:
        """See the class attribute."""
        return self._before_batches <= 0

    def rank(self, job: Job[Any]) -> tuple[bool, int, int]:
        """Return the sort key of a job; the smallest goes first."""
        behind = job.priority is not Priority.BATCH if self.batch_turn else job.priority is Priority.BATCH
        return not job.retried, int(behind), job.order

    def head(self, imports: ImportSet, fresh: bool) -> Job[Any] | None:
        """Return the next job for a worker with these imports; a job that killed a worker goes only to a fresh one."""
        lines = self._lines.get(imports, ())
        for line in (*lines[:1], *reversed(lines[1:])) if self.batch_turn else lines:
            for job in line.values():
                if fresh or not job.deaths:
                    return job
        return None

    def import_sets(self) -> Iterator[tuple[ImportSet, float]]:
        """Return each requested import set with the arrival of its first job."""
        for imports, lines in list(self._lines.items()):
            yield imports, min(next(iter(line.values())).arrived for line in lines if line)

    def drain(self, imports: ImportSet | None = None) -> list[Job[Any]]:
        """Remove and return all jobs, or all that need `imports`."""
        sets = [imports] if imports is not None else list(self._lines)
        jobs = [job for key in sets for line in self._lines.get(key, ()) for job in line.values()]
        for job in jobs:
            self.discard(job)
        return jobs
