"""Starts, watches, replaces and ends the worker processes of one pool."""

import asyncio
import logging
from collections.abc import Mapping
from contextvars import Context

from prover.lean.processes.capacity import cores, worker_count
from prover.lean.processes.ending import End
from prover.lean.processes.process import WorkerProcess
from prover.lean.processes.tree import resident_bytes
from prover.lean.runtimes.runtime import LeanRuntime
from prover.lean.workers.jobs import Charge, ImportSet
from prover.lean.workers.pool_config import PoolConfig
from prover.lean.workers.scheduling.retrying import SHUTTING_DOWN
from prover.lean.workers.scheduling.scheduler import ImportPolicy, Scheduler
from prover.lean.workers.scheduling.slot import WorkerSlot
from prover.lean.workers.stats import State, Tally
from prover.verdict import VerdictKind

_log = logging.getLogger(__name__)


class PoolUnavailableError(RuntimeError):
    """No worker can be started; the text gives the reason."""


class WorkerSupervisor:
    """Keeps a worker in each slot of a pool, within the limits of its configuration.

    Attributes:
        slots: one for each worker; empty before `start` and after `close`.
        lean_version, worker_version: empty until a first worker is warm.
    """

    def __init__(
        self,
        runtime: LeanRuntime,
        config: PoolConfig,
        vetting: Mapping[str, object],
        tally: Tally,
        scheduler: Scheduler,
        policy: ImportPolicy,
        warm: WorkerProcess | None = None,
    ) -> None:
        """Create the supervisor; nothing is started.

        Args:
            runtime: the Lean to run.
            config: number and limits of workers.
            vetting: the workers' allow-list.
            tally: counts the reasons of workers' ends.
            scheduler: gives them jobs.
            policy: determines their imports.
            warm: a running worker for the first slot.
        """
        self.config = config
        self.tally = tally
        self._runtime = runtime
        self._vetting = vetting
        self._scheduler = scheduler
        self._policy = policy
        self._warm = warm
        self._starts = asyncio.Semaphore(max(1, cores() // 2))  # more concurrent starts would not finish earlier
        self._first_start = asyncio.Lock()
        self._known: set[ImportSet] = set()
        self._failure: str | None = None
        self._state_changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.slots: list[WorkerSlot] = []
        self.lean_version = ""
        self.worker_version = ""

    @property
    def imports(self) -> ImportSet:
        """Default imports of workers."""
        return self._policy.default

    def start(self, *charges: Charge) -> None:
        """Start the workers; `charges` receive the seconds of each start."""
        workers, spares = self.config.workers, self.config.spares
        if workers is None or spares is None:
            first = self.config.worker_bytes
            further = self.config.further_bytes if self._runtime.shares_memory else first
            fitting, spare = worker_count(first, further)
            workers, spares = workers or fitting, spare if spares is None else spares
        self.slots = [WorkerSlot(self, self._scheduler, self.imports, charges) for _ in range(workers + spares)]
        self.slots[0].worker = self._warm
        self._scheduler.open(self.slots, workers)
        # They outlive the request that started them, and their log lines do not carry its id.
        self._tasks = [
            asyncio.create_task(work, context=Context())
            for work in (*(slot.run() for slot in self.slots), self._watch())
        ]

    async def ready(self) -> None:
        """Wait for the first worker.

        Raises:
            PoolUnavailableError: none can be started, or the pool is closed.
        """
        while self._scheduler.closed or not any(slot.live for slot in self.slots):
            if self._scheduler.closed or self._failure:
                raise PoolUnavailableError(self._failure or SHUTTING_DOWN)
            self._state_changed.clear()
            await self._state_changed.wait()

    async def close(self) -> None:
        """Fail waiting jobs, kill all workers and wait until they are gone. Repeated calls have no effect."""
        if not self._scheduler.closed:  # a second cancellation would disturb a task's cleanup
            for task in self._tasks:
                task.cancel()
        self._scheduler.close()
        self._state_changed.set()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self.slots = []

    # `SlotHost`

    async def start_worker(self, imports: ImportSet) -> WorkerProcess:
        """Start a worker with `imports` loaded.

        The first worker of a set starts alone: the embedded Lean then stores an image that makes the others fast.

        Raises:
            HeaderRejectedError: Lean does not know an import.
            WorkerStartError: the process did not start.
            RuntimeUnavailableError: there is no Lean to start.
        """
        if imports not in self._known:
            async with self._first_start:
                if imports not in self._known:
                    async with self._runtime.first(imports):
                        worker = await self._bring_up(imports)
                    self._known.add(imports)
                    return worker
        async with self._starts:
            return await self._bring_up(imports)

    async def _bring_up(self, imports: ImportSet) -> WorkerProcess:
        await asyncio.to_thread(self._runtime.prepare)
        launch = await asyncio.to_thread(self._runtime.launch, imports, self.config.role)
        worker = await WorkerProcess.spawn(launch, self.config.flood_bytes)
        try:
            info = await worker.hello(imports, self._vetting, self.config.start_seconds, self.config.role)
        except BaseException:
            await worker.close()
            raise
        self.lean_version, self.worker_version = info.lean, info.worker
        _log.info("Lean %s is ready: worker %s with %s", info.lean, info.worker, " ".join(imports))
        return worker

    def worker_started(self) -> None:
        """Record that a worker is up and can take a job."""
        self._failure = None
        self._state_changed.set()

    def reject(self, imports: ImportSet, reason: str) -> None:
        """Refuse waiting and future requests for imports that Lean cannot load."""
        self._policy.reject(imports, reason)
        self._scheduler.refuse(imports, reason)

    def start_failed(self, slot: WorkerSlot, reason: str, final: bool) -> None:
        """Record that a worker did not start. If `final`, jobs that no other worker can serve are failed."""
        self.tally.failed_starts += 1
        if not final:
            return
        if not any(other.live and other.imports == slot.imports for other in self.slots):
            for job in self._scheduler.queue.drain(slot.imports):
                # The reason contains paths and output of this machine; it goes to the log and to `ready` only.
                job.fail(VerdictKind.INFRASTRUCTURE, "no Lean worker can be started")
        if not any(other.live for other in self.slots):
            self._failure = reason
            self._state_changed.set()

    async def _watch(self) -> None:
        """Measure memory, act on it, and dispatch again."""
        while True:
            await asyncio.sleep(self.config.watch_seconds)
            try:
                await self._look()
            except Exception:  # retried at the next look; no other task does this
                _log.exception("looking after the Lean workers failed")

    async def _look(self) -> None:
        most, too_much = self.config.kill_bytes, self.config.recycle_bytes
        for slot in self.slots:
            worker = slot.worker
            if worker is None or not slot.live:
                continue
            size = worker.memory_bytes = await asyncio.to_thread(resident_bytes, worker.pid)
            if size > most:
                worker.kill(End.MEMORY, f"took {size >> 20} MiB of memory, more than {most >> 20} MiB")
            elif size > too_much and worker.served and slot.worker is worker and slot.state is State.IDLE:
                slot.dismiss(End.RECYCLED)
        self._scheduler.dispatch()
