"""A pool of warm Lean workers, the project's main `Checker`."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.lean.processes.ending import End
from prover.lean.processes.process import WorkerProcess
from prover.lean.runtimes.runtime import LeanRuntime
from prover.lean.vetting import allow_list
from prover.lean.wire import checks
from prover.lean.wire.answers import Export
from prover.lean.wire.checks import InvalidTextError
from prover.lean.wire.lines import Request
from prover.lean.wire.role import ProcessRole
from prover.lean.workers.isolation.isolated import IsolatedChecker
from prover.lean.workers.isolation.quarantine import Quarantine
from prover.lean.workers.isolation.turns import Turns
from prover.lean.workers.jobs import CHARGE, Charge, Job
from prover.lean.workers.lean_pool import LeanPool
from prover.lean.workers.pool_config import PoolConfig
from prover.lean.workers.scheduling.scheduler import ImportPolicy, Scheduler
from prover.lean.workers.scheduling.supervisor import PoolUnavailableError, WorkerSupervisor
from prover.lean.workers.stats import PoolStats, State, Tally
from prover.theorem import Theorem
from prover.verdict import Verdict

__all__ = ["PoolConfig", "PoolUnavailableError", "WorkerPool"]

T = TypeVar("T")

_JUDGING = ("check", "elaborate", "goals", "tactic")
_UNHEARD = {
    "verdict": "forbidden",
    "trust": None,
    "containable": True,
    "messages": [
        {
            "severity": "error",
            "region": "candidate",
            "line": 1,
            "column": 0,
            "text": "this Lean has not passed its battery: it checks in quarantine alone",
        }
    ],
}
"""Stands for the answer of a shared worker that is not trusted."""


class WorkerPool(LeanPool):
    """Warm Lean workers behind one queue.

    Use it as an async context manager, or `start` and `close` it. Cancelling the task that waits for a request cancels
    the request: the caller returns at once, the worker is kept. Surplus requests wait in a bounded queue; a client with
    thousands of requests should limit itself with a semaphore.
    """

    def __init__(
        self,
        runtime: LeanRuntime,
        config: PoolConfig | None = None,
        vetting: Mapping[str, object] | None = None,
        tally: Tally | None = None,
        warm: WorkerProcess | None = None,
    ) -> None:
        """Create a pool; nothing is started.

        Args:
            runtime: the Lean to run.
            config: number and limits of workers.
            vetting: the workers' allow-list (docs/worker-protocol.md); by default `prover.lean.vetting`.
            tally: existing counters to continue.
            warm: a running worker with the configured imports.
        """
        self._runtime = runtime
        self._config = config or PoolConfig()
        self._vetting = allow_list() if vetting is None else vetting
        self.tally = tally or Tally()
        self._imports = ImportPolicy(runtime, self._config)
        self._scheduler = Scheduler(self._config, self._imports)
        self._supervisor = WorkerSupervisor(
            runtime, self._config, self._vetting, self.tally, self._scheduler, self._imports, warm
        )
        self._orders = itertools.count()
        self._isolation = asyncio.Semaphore(self._config.isolated)
        self.turns = Turns(self._config.quarantines, self._config.turn_seconds)
        self._judges: WorkerPool | None = None
        self._closed: Callable[[], None] = lambda: None
        self._lent: set[WorkerPool] = set()
        self._charges: tuple[Charge, ...] = ()  # for the first starts

    async def start(self) -> None:
        """Start to warm up the workers; returns at once."""
        self._supervisor.start(*self._charges)

    async def ready(self) -> None:
        """Wait until the first worker is warm.

        Raises:
            PoolUnavailableError: none can be started; the text gives the reason.
        """
        await self._supervisor.ready()

    async def close(self) -> None:
        """Fail waiting jobs as `INFRASTRUCTURE` and end all processes."""
        self._closed()
        others = [*self._lent, *filter(None, [self._judges])]
        await asyncio.gather(self._supervisor.close(), *(pool.close() for pool in others))

    async def place(self, theorem: Theorem) -> "WorkerPool":
        """Return the pool whose Lean serves the theorem."""
        return self

    async def sealable(self, theorem: Theorem) -> None:
        """Check whether unvetted code may run here.

        Raises:
            RuntimeUnavailableError: it may not; the text says what is missing.
        """
        await asyncio.to_thread(self._runtime.prepare)  # the pool's own start may not have prepared the runtime yet
        await asyncio.to_thread(self._runtime.launch, self._imports.key(theorem.header.imports), ProcessRole.ELABORATOR)

    def only_contained(self, theorem: Theorem) -> bool:
        """Whether only processes of one client may serve the theorem, because of its imports or because shared workers
        are not trusted.
        """
        return self._contained or self._imports.only_contained(theorem.header.imports)

    def starts_for(self, theorem: Theorem) -> bool:
        """See `LeanPool.starts_for`."""
        key = self._imports.key(theorem.header.imports)
        return not any(slot.live and slot.imports == key for slot in self._supervisor.slots)

    def key(self, theorem: Theorem) -> tuple[str, ...]:
        """Return a key; the same processes serve theorems with equal keys."""
        return self._imports.key(theorem.header.imports)

    async def elaborator(self, theorem: Theorem) -> "WorkerPool":
        """Start an elaborator for theorems like this one, which runs any code; the caller closes it and pays for its
        start.
        """
        pool = self._of_role(ProcessRole.ELABORATOR, imports=self.key(theorem))
        self._lent.add(pool)
        pool._closed = lambda: self._lent.discard(pool)
        pool._charges = (CHARGE.get(),)
        await pool.start()
        return pool

    def quarantine(self, theorem: Theorem) -> Quarantine:
        """Return a client's elaborators for theorems like this one, with their judges; they start on demand."""
        return Quarantine(lambda: self.elaborator(theorem), self.judges)

    async def judges(self) -> "WorkerPool":
        """Return the judges, which elaborate no client's text; they start on demand and end with this pool."""
        if self._judges is None:
            self._judges = self._of_role(ProcessRole.JUDGE, switch_seconds=0.0)
            await self._judges.start()
        return self._judges

    def _of_role(self, role: ProcessRole, **changes: Any) -> "WorkerPool":
        config = replace(self._config, workers=1, spares=0, isolated=0, role=role, switch_share=None, **changes)
        return WorkerPool(self._runtime, config, self._vetting, Tally())

    @contextlib.asynccontextmanager
    async def isolated(
        self, imports: tuple[str, ...] | None = None, within: Callable[[LeanPool], Checker] = IsolatedChecker
    ) -> AsyncIterator[Checker]:
        """Lend a checker whose worker serves no other request; its verified proofs have `Trust.ISOLATED_REPLAY`.

        A fresh worker of this pool is taken if the pool can spare it, else one is started. Waits while the configured
        maximum is lent out. The borrower is charged for started processes.

        Args:
            imports: modules that the worker loads; by default those of the configuration.
            within: wraps the lent workers in a checker.
        """
        key = self._imports.key(imports or self._config.imports)
        async with self._isolation:
            if self._scheduler.closed:  # callers that waited start nothing: each check gives the reason
                yield self
                return
            config = replace(self._config, workers=1, spares=0, imports=key, isolated=0)
            pool = WorkerPool(self._runtime, config, self._vetting, self.tally, self._spare_fresh(key))
            self._lent.add(pool)
            try:
                pool._charges = (CHARGE.get(),)
                async with pool:
                    yield within(pool)
            finally:
                self._lent.discard(pool)

    @property
    def imports(self) -> tuple[str, ...]:
        """See `LeanPool.imports`."""
        return self._config.imports

    @property
    def runtime(self) -> str:
        """`embedded` or `native`."""
        return self._runtime.name

    @property
    def _contained(self) -> bool:
        """Whether answers of shared workers do not count, so that every text goes to quarantine."""
        return self._config.role is ProcessRole.WORKER and (self._config.contained or self._runtime.contained)

    @property
    def idle_seconds(self) -> float:
        """Seconds that idle elaborators are kept."""
        return self._config.idle_seconds

    @property
    def size(self) -> int:
        """Maximum number of concurrent checks; 0 before `start`."""
        return self._scheduler.max_active

    @property
    def lean_version(self) -> str:
        """Version of Lean; empty until a first worker is warm."""
        return self._supervisor.lean_version

    @property
    def worker_version(self) -> str:
        """Version of the worker program; empty until a first worker is warm."""
        return self._supervisor.worker_version

    def stats(self) -> PoolStats:
        """A snapshot of workers, queue and counters."""
        return PoolStats(
            tuple(slot.stats for slot in self._supervisor.slots),
            len(self._scheduler.queue),
            dict(self.tally.verdicts),
            self.tally.abandoned,
            dict(self.tally.ends),
            self.tally.failed_starts,
            len(self._lent),
        )

    def pointing_back(self, theorem: Theorem, result: T) -> T:
        """Shift the messages of an answer about `canonical(theorem)` so that they refer to the original theorem."""
        return result

    def canonical(self, theorem: Theorem) -> Theorem:
        """Return the theorem with its import set in canonical form."""
        if not self._runtime.single_import_set:
            return theorem
        imports = self._imports.key(theorem.header.imports)
        return replace(theorem, header=replace(theorem.header, imports=imports))

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `LeanPool.check`."""
        try:
            verdict = await self._counted(lambda asked: checks.check(asked, candidate, terms), theorem, terms)
        except InvalidTextError as error:
            verdict = checks.invalid_text_verdict(error, candidate.mode, terms.policy)
        self.tally.verdicts[verdict.kind] += 1
        return verdict

    async def exported(
        self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS
    ) -> tuple[Verdict, Export | None]:
        """See `LeanPool.exported`."""
        export: Export | None = None
        try:
            verdict, export = await self._counted(
                lambda asked: checks.exported(asked, candidate, terms), theorem, terms
            )
        except InvalidTextError as error:
            verdict = checks.invalid_text_verdict(error, candidate.mode, terms.policy)
        self.tally.verdicts[verdict.kind] += 1
        return verdict, export

    async def _counted(self, make: Callable[[Theorem], Request[T]], theorem: Theorem, terms: Terms) -> T:
        try:
            return await self.answered(make, theorem, terms)
        except asyncio.CancelledError:
            self.tally.abandoned += 1
            raise

    async def answered(self, make: Callable[[Theorem], Request[T]], theorem: Theorem, terms: Terms) -> T:
        """See `StatementQuestions.answered`."""
        theorem = self.canonical(theorem)
        return await self.ask(make(theorem), theorem, terms)

    async def ask(self, request: Request[T], theorem: Theorem, terms: Terms) -> T:
        """Send any request as a job of this theorem, whose imports are canonical. Raises PoolBusyError."""
        imports = theorem.header.imports
        if refusal := self._imports.refusal(imports):
            return request.failed(*refusal, 0.0)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        key = self._imports.key(imports)
        job = Job(request, key, terms.priority, terms.limits.seconds, loop.time(), next(self._orders), future)
        self._scheduler.push(job)
        try:
            answer = checks.header_moved(await future, theorem.header.before)  # Lean has not seen its import lines
        finally:
            self._scheduler.queue.discard(job)
        # Tested after the first answer: before it, the runtime may not be prepared.
        return request.read(_UNHEARD, 0.0, False) if request.op in _JUDGING and self._contained else answer

    def _spare_fresh(self, imports: tuple[str, ...]) -> WorkerProcess | None:
        slots = [slot for slot in self._supervisor.slots if slot.live and slot.imports == imports]
        fresh = [slot for slot in slots if slot.state is State.IDLE and slot.fresh]
        return fresh[0].dismiss(End.ISOLATED, None, CHARGE.get()) if fresh and len(slots) > 1 else None
