"""What the workers of one pool share, and the tasks that keep them going."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from prover.allowance import Allowance
from prover.lean.processes.capacity import cores, worker_count
from prover.lean.processes.ending import End
from prover.lean.processes.process import WorkerProcess
from prover.lean.processes.tree import resident_bytes
from prover.lean.runtimes.runtime import LeanRuntime
from prover.lean.workers.attempt import SHUTTING_DOWN
from prover.lean.workers.dispatch import import_switch, next_pair
from prover.lean.workers.jobs import Charge, ImportSet, Job, JobQueue, PoolBusyError
from prover.lean.workers.pool_config import PoolConfig
from prover.lean.workers.slot import Slot
from prover.lean.workers.stats import State, Tally
from prover.verdict import VerdictKind

_log = logging.getLogger(__name__)

_REMEMBERED_REJECTIONS = 100
_SAVED_SECONDS = 120.0  # of starting for other imports, before the bound is felt
_LEAST_SECONDS = 0.01
_SHOWN = 200  # characters of a module's name in a message


class PoolUnavailableError(RuntimeError):
    """No worker can be started; the text says why."""


class Crew:
    """The workers of one pool, their queue and what watches over them."""

    def __init__(
        self,
        runtime: LeanRuntime,
        config: PoolConfig,
        vetting: Mapping[str, object],
        tally: Tally,
        first: WorkerProcess | None = None,
    ) -> None:
        """`first` is a worker that is up already and takes the first place."""
        self.config = config
        self.tally = tally
        self._runtime = runtime
        self._single = runtime.single_import_set
        self.imports = self.key(config.imports) if self._single else config.imports
        self.queue = JobQueue(config.max_queued, config.max_queued_bytes)
        self._switching: Allowance | None = None
        self.slots: list[Slot] = []
        self._gate = asyncio.Semaphore(max(1, cores() // 2))  # more at once would only be ready later
        self._pioneer = asyncio.Lock()
        self._known: set[ImportSet] = set()
        self.failure: str | None = None
        self.closed = False
        self._vetting = vetting
        self._first = first
        self._rejected: OrderedDict[ImportSet, str] = OrderedDict()
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.most_busy = 0
        self.lean_version = ""
        self.worker_version = ""

    def start(self, *charges: Charge) -> None:
        """Begin to start the workers; `charges` are told of the seconds that each takes."""
        workers, spares = self.config.workers, self.config.spares
        if workers is None or spares is None:
            first = self.config.worker_bytes
            further = self.config.further_bytes if self._runtime.shares_memory else first
            fitting, spare = worker_count(first, further)
            workers, spares = workers or fitting, spare if spares is None else spares
        self.most_busy = workers
        if (share := self.config.switch_share) is not None:
            clock = asyncio.get_running_loop().time
            self._switching = Allowance(share * workers * _SAVED_SECONDS, _SAVED_SECONDS, clock)
        self.slots = [Slot(self, self.imports, None, charges) for _ in range(workers + spares)]
        self.slots[0].worker = self._first
        self._tasks = [asyncio.create_task(work) for work in (*(slot.run() for slot in self.slots), self._watch())]

    async def ready(self) -> None:
        """Wait for the first worker.

        Raises:
            PoolUnavailableError: none can be started, or the pool is closed.
        """
        while self.closed or not any(slot.live for slot in self.slots):
            if self.closed or self.failure:
                raise PoolUnavailableError(self.failure or SHUTTING_DOWN)
            self._news.clear()
            await self._news.wait()

    async def close(self) -> None:
        """Fail what waits, kill every worker, and wait until they are gone. A second call changes nothing."""
        if not self.closed:  # to cancel a task twice would disturb its cleaning up
            for task in self._tasks:
                task.cancel()
        self.closed = True
        self._news.set()
        for job in self.queue.drain():
            job.fail(VerdictKind.INFRASTRUCTURE, SHUTTING_DOWN)
        if self._tasks:
            await asyncio.wait(self._tasks)
        self.slots = []

    def key(self, imports: ImportSet) -> ImportSet:
        """What decides which worker can serve these imports. `Init` is imported by every file; order does not matter."""
        return tuple(sorted({"Init", *imports})) if self._single else self.imports

    def refusal(self, imports: ImportSet) -> tuple[VerdictKind, str] | None:
        """Why a request with these imports needs no worker: not allowed, known to Lean as wrong, or not there."""
        for module in imports:
            if not self._allowed(module):
                allowed = ", ".join(self.config.allowed_imports or ())
                reason = f"`import {module[:_SHOWN]}` is not allowed here; allowed are {allowed} and below"
                return VerdictKind.FORBIDDEN, reason
        if (answer := self._rejected.get(imports)) is not None:
            return VerdictKind.INVALID_STATEMENT, answer
        if reason := self._absence(imports):
            return VerdictKind.INVALID_STATEMENT, reason
        return None

    def _absence(self, imports: ImportSet) -> str:
        """What to say of the first module that is not there; nothing if all may be."""
        for module in imports:
            if not self._runtime.has_module(module):
                name = module[:_SHOWN]
                if self._single:
                    return f"unknown module `{name}`"
                return f"there is no module `{name}` to import: it does not exist, or `lake build {name}` was not run"
        return ""

    def _allowed(self, module: str) -> bool:
        roots = self.config.allowed_imports
        return roots is None or any(module == root or module.startswith(f"{root}.") for root in roots)

    def push(self, job: Job[Any]) -> None:
        """Queue a job and hand out what can be handed out. Raises PoolBusyError."""
        if self.closed:
            job.fail(VerdictKind.INFRASTRUCTURE, SHUTTING_DOWN)
            return
        self.queue.push(job)
        self.dispatch()

    def dispatch(self) -> None:
        """Give waiting jobs to idle workers, and idle workers to imports that are waited for."""
        now = asyncio.get_running_loop().time()
        if wait := self._switching.wait(_LEAST_SECONDS) if self._switching else 0.0:
            self._put_off(wait)
        patience = self.config.switch_seconds
        while switch := import_switch(self.slots, self.queue, self.imports, now, patience, away=not wait):
            index, imports = switch
            if absence := self._absence(imports):
                self._refuse(imports, absence)
            else:
                self.slots[index].dismiss(End.IMPORTS, imports, *self._payers(imports))
        while pair := next_pair(self.slots, self.queue, self.most_busy):
            index, job = pair
            self.queue.take(job)
            self.slots[index].give(job)

    def _put_off(self, seconds: float) -> None:
        """Tell whoever waits for imports that no worker has to come back."""
        there = {self.imports, *(slot.imports for slot in self.slots)}
        for imports, _ in self.queue.import_sets():
            if imports not in there:
                text = "no worker has these imports, and too many were started for other imports of late"
                for job in self.queue.drain(imports):
                    job.refuse(PoolBusyError(f"{text}; try again in {seconds:.0f} s", seconds))

    def _payers(self, imports: ImportSet) -> list[Charge]:
        """Who is charged the start of a worker for `imports`: all of us, and who was first to want other ones."""
        payers: list[Charge] = [self._switching.take] if self._switching else []
        job = self.queue.head(imports, fresh=True)
        return payers if imports == self.imports or job is None else [*payers, job.charge]

    # What the slots call

    async def start_worker(self, imports: ImportSet) -> WorkerProcess:
        """A worker that has loaded `imports`.

        The first of a set comes up alone: with the embedded Lean it leaves an image that makes the others quick.

        Raises:
            HeaderRejectedError: Lean does not know an import.
            WorkerStartError: the process did not come up.
            RuntimeUnavailableError: there is no Lean to start.
        """
        if imports not in self._known:
            async with self._pioneer:
                if imports not in self._known:
                    async with self._runtime.first(imports):
                        worker = await self._bring_up(imports)
                    self._known.add(imports)
                    return worker
        async with self._gate:
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

    def worker_idle(self) -> None:
        """A worker can take a job."""
        self.failure = None
        self._news.set()
        self.dispatch()

    def reject(self, imports: ImportSet, reason: str) -> None:
        """Lean does not know these imports: tell whoever waits for them, and remember."""
        self._rejected[imports] = reason
        if len(self._rejected) > _REMEMBERED_REJECTIONS:
            self._rejected.popitem(last=False)
        self._refuse(imports, reason)

    def _refuse(self, imports: ImportSet, reason: str) -> None:
        for job in self.queue.drain(imports):
            job.fail(VerdictKind.INVALID_STATEMENT, reason)

    def start_failed(self, slot: Slot, reason: str, final: bool) -> None:
        """A worker did not come up. If that is `final`, jobs that no other worker can serve are not kept waiting."""
        self.tally.failed_starts += 1
        if not final:
            return
        if not any(other.live and other.imports == slot.imports for other in self.slots):
            for job in self.queue.drain(slot.imports):
                # The reason shows paths and output of this machine: it is in the log, and `ready` tells it.
                job.fail(VerdictKind.INFRASTRUCTURE, "no Lean worker can be started")
        if not any(other.live for other in self.slots):
            self.failure = reason
            self._news.set()

    async def _watch(self) -> None:
        """Measure memory, act on it, and look again at what waits."""
        while True:
            await asyncio.sleep(self.config.watch_seconds)
            try:
                await self._look()
            except Exception:  # the next look may succeed, and nobody else looks
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
        self.dispatch()
