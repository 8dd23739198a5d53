"""The queue of one pool and its assignment to workers."""

import asyncio
from collections.abc import Sequence
from typing import Any

from prover.allowance import Allowance
from prover.lean.processes.ending import End
from prover.lean.workers.jobs import Charge, ImportSet, Job, JobQueue, PoolBusyError
from prover.lean.workers.pool_config import PoolConfig
from prover.lean.workers.scheduling.attempt import SHUTTING_DOWN
from prover.lean.workers.scheduling.dispatch import import_switch, next_pair
from prover.lean.workers.scheduling.imports import ImportPolicy
from prover.lean.workers.scheduling.slot import WorkerSlot
from prover.verdict import VerdictKind

_SAVED_SECONDS = 120.0  # spent on starts for other imports before the limit applies
_LEAST_SECONDS = 0.01


class Scheduler:
    """Queues jobs and pairs them with idle workers; restarts workers for requested imports.

    Attributes:
        queue: waiting jobs.
        max_active: maximum number of jobs in progress; 0 before `open`.
        closed: whether new jobs are refused.
    """

    def __init__(self, config: PoolConfig, imports: ImportPolicy) -> None:
        """Create a scheduler without jobs or workers."""
        self._config = config
        self._imports = imports
        self._slots: Sequence[WorkerSlot] = ()
        self._switching: Allowance | None = None
        self.queue = JobQueue(config.max_queued, config.max_queued_bytes)
        self.max_active = 0
        self.closed = False

    def open(self, slots: Sequence[WorkerSlot], max_active: int) -> None:
        """Start to give jobs to the workers of these slots, at most `max_active` at once."""
        self._slots = slots
        self.max_active = max_active
        if (share := self._config.switch_share) is not None:
            clock = asyncio.get_running_loop().time
            self._switching = Allowance(share * max_active * _SAVED_SECONDS, _SAVED_SECONDS, clock)

    def close(self) -> None:
        """Fail all waiting jobs and all later ones."""
        self.closed = True
        for job in self.queue.drain():
            job.fail(VerdictKind.INFRASTRUCTURE, SHUTTING_DOWN)

    def push(self, job: Job[Any]) -> None:
        """Queue a job and dispatch as far as possible. Raises PoolBusyError."""
        if self.closed:
            job.fail(VerdictKind.INFRASTRUCTURE, SHUTTING_DOWN)
            return
        self.queue.push(job)
        self.dispatch()

    def dispatch(self) -> None:
        """Assign waiting jobs to idle workers, and restart idle workers for requested imports."""
        now = asyncio.get_running_loop().time()
        if wait := self._switching.wait(_LEAST_SECONDS) if self._switching else 0.0:
            self._put_off(wait)
        default, patience = self._imports.default, self._config.switch_seconds
        while switch := import_switch(self._slots, self.queue, default, now, patience, away=not wait):
            index, imports = switch
            if absence := self._imports.absence(imports):
                self.refuse(imports, absence)
            else:
                self._slots[index].dismiss(End.IMPORTS, imports, *self._payers(imports))
        while pair := next_pair(self._slots, self.queue, self.max_active):
            index, job = pair
            self.queue.take(job)
            self._slots[index].give(job)

    def refuse(self, imports: ImportSet, reason: str) -> None:
        """Answer all jobs with these imports, which cannot be loaded."""
        for job in self.queue.drain(imports):
            job.fail(VerdictKind.INVALID_STATEMENT, reason)

    def _put_off(self, seconds: float) -> None:
        """Ask jobs whose imports no worker has to retry later."""
        there = {self._imports.default, *(slot.imports for slot in self._slots)}
        for imports, _ in self.queue.import_sets():
            if imports not in there:
                text = "no worker has these imports, and too many were started for other imports of late"
                for job in self.queue.drain(imports):
                    job.refuse(PoolBusyError(f"{text}; try again in {seconds:.0f} s", seconds))

    def _payers(self, imports: ImportSet) -> list[Charge]:
        """Return who is charged for starting a worker for `imports`: the pool, and the first job that needs other
        imports.
        """
        payers: list[Charge] = [self._switching.take] if self._switching else []
        job = self.queue.head(imports, fresh=True)
        return payers if imports == self._imports.default or job is None else [*payers, job.charge]
