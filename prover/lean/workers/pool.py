"""A pool of warm Lean workers: the `Checker` that everything else uses."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from prover.lean.checker import Checker, Terms
from prover.lean.processes.ending import End
from prover.lean.processes.process import WorkerProcess
from prover.lean.runtimes.runtime import LeanRuntime
from prover.lean.vetting import allow_list
from prover.lean.wire.answers import (
    below_imports,
)
from prover.lean.wire.building import InvalidTextError
from prover.lean.wire.lines import Request
from prover.lean.wire.reading import NoAnswerError
from prover.lean.wire.role import ProcessRole
from prover.lean.workers.isolation.isolated import IsolatedChecker
from prover.lean.workers.isolation.quarantine import Quarantine
from prover.lean.workers.isolation.turns import Turns
from prover.lean.workers.jobs import CHARGE, Charge, Job, PoolBusyError, Priority
from prover.lean.workers.lean_pool import LeanPool
from prover.lean.workers.pool_config import PoolConfig
from prover.lean.workers.scheduling.imports import ImportPolicy
from prover.lean.workers.scheduling.scheduler import Scheduler
from prover.lean.workers.scheduling.supervisor import PoolUnavailableError, WorkerSupervisor
from prover.lean.workers.stats import PoolStats, State, Tally, WorkerStats
from prover.theorem import Theorem

__all__ = [
    "InvalidTextError",
    "NoAnswerError",
    "PoolBusyError",
    "PoolConfig",
    "PoolStats",
    "PoolUnavailableError",
    "Priority",
    "State",
    "WorkerPool",
    "WorkerStats",
]

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
"""What stands for the answer of a shared worker that is not believed."""


class WorkerPool(LeanPool):
    """Warm Lean workers behind one queue.

    Use it as an async context manager, or `start` and `close` it. Every request may be cancelled by cancelling the
    task that waits for it: the caller returns at once, the worker is kept. Requests beyond what the workers carry wait
    in a bounded queue; a client with thousands of them limits itself with a semaphore.
    """

    def __init__(
        self,
        runtime: LeanRuntime,
        config: PoolConfig | None = None,
        vetting: Mapping[str, object] | None = None,
        tally: Tally | None = None,
        warm: WorkerProcess | None = None,
    ) -> None:
        """A pool that has started nothing yet.

        Args:
            runtime: the Lean to run.
            config: how many workers, within which bounds.
            vetting: what the workers allow in a text (docs/worker-protocol.md); by default `prover.lean.vetting`.
            tally: counters to go on with.
            warm: a worker that is up already, with the configured imports.
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
        self._charges: tuple[Charge, ...] = ()  # of the first starts

    async def start(self) -> None:
        """Begin to warm up the workers; returns at once."""
        self._supervisor.start(*self._charges)

    async def ready(self) -> None:
        """Wait until a first worker is warm.

        Raises:
            PoolUnavailableError: none can be started; the text says why.
        """
        await self._supervisor.ready()

    async def close(self) -> None:
        """Fail what waits as `INFRASTRUCTURE` and end every process."""
        self._closed()
        others = [*self._lent, *filter(None, [self._judges])]
        await asyncio.gather(self._supervisor.close(), *(pool.close() for pool in others))

    async def place(self, theorem: Theorem) -> "WorkerPool":
        """The pool whose Lean the theorem stands under."""
        return self

    async def sealable(self, theorem: Theorem) -> None:
        """Look whether unvetted code may run here.

        Raises:
            RuntimeUnavailableError: it may not; the text says what is missing.
        """
        await asyncio.to_thread(self._runtime.prepare)  # the pool's own start may not have come that far
        await asyncio.to_thread(self._runtime.launch, self._imports.key(theorem.header.imports), ProcessRole.ELABORATOR)

    def only_contained(self, theorem: Theorem) -> bool:
        """Whether what the theorem imports is for processes of one client alone, or nothing counts that shared workers say."""
        return self._contained or self._imports.only_contained(theorem.header.imports)

    def key(self, theorem: Theorem) -> tuple[str, ...]:
        """Theorems with the same key are served by the same processes."""
        return self._imports.key(theorem.header.imports)

    async def elaborator(self, theorem: Theorem) -> "WorkerPool":
        """A process of its own for theorems like this one, which runs whatever it is given; the caller closes it, and
        is charged its start."""
        pool = self._of_role(ProcessRole.ELABORATOR, imports=self.key(theorem))
        self._lent.add(pool)
        pool._closed = lambda: self._lent.discard(pool)
        pool._charges = (CHARGE.get(),)
        await pool.start()
        return pool

    def quarantine(self, theorem: Theorem) -> Quarantine:
        """Elaborators of one client for theorems like this one, with the judges behind them; started when they are needed."""
        return Quarantine(lambda: self.elaborator(theorem), self.judges)

    async def judges(self) -> "WorkerPool":
        """Processes in which no client's text is elaborated; started when they are first needed, and ended with this pool."""
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
        """Lend a checker whose worker serves no other request; what it verifies has `Trust.ISOLATED_REPLAY`.

        A fresh worker of this pool is taken if the pool can spare it, else one is started. Waits for
        its turn when as many are lent out as the configuration allows. What is started is charged to who borrows.

        Args:
            imports: modules that the worker loads; by default those of the configuration.
            within: makes a checker of the workers that are lent.
        """
        key = self._imports.key(imports or self._config.imports)
        async with self._isolation:
            if self._scheduler.closed:  # callers that had to wait start nothing: each check says why
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
        """Whether nothing counts that the shared workers say: every text goes into quarantine."""
        return self._config.role is ProcessRole.WORKER and (self._config.contained or self._runtime.contained)

    @property
    def idle_seconds(self) -> float:
        """How long idle elaborators stay."""
        return self._config.idle_seconds

    @property
    def size(self) -> int:
        """Most checks at once; 0 before `start`."""
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
        """An answer about `canonical(theorem)`, with messages that point into the theorem as it was given."""
        return result

    def canonical(self, theorem: Theorem) -> Theorem:
        """The theorem under the import set as its worker knows it."""
        if not self._runtime.single_import_set:
            return theorem
        imports = self._imports.key(theorem.header.imports)
        return replace(theorem, header=replace(theorem.header, imports=imports))

    async def ask(self, request: Request[T], theorem: Theorem, terms: Terms) -> T:
        """See `LeanPool.ask`."""
        imports = theorem.header.imports
        if refusal := self._imports.refusal(imports):
            return request.failed(*refusal, 0.0)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        key = self._imports.key(imports)
        job = Job(request, key, terms.priority, terms.limits.seconds, loop.time(), next(self._orders), future)
        self._scheduler.push(job)
        try:
            answer = below_imports(theorem, await future)
        finally:
            self._scheduler.queue.discard(job)
        # Asked behind the answer: before a first one, the runtime may not be prepared.
        return request.read(_UNHEARD, 0.0, False) if request.op in _JUDGING and self._contained else answer

    def _spare_fresh(self, imports: tuple[str, ...]) -> WorkerProcess | None:
        slots = [slot for slot in self._supervisor.slots if slot.live and slot.imports == imports]
        fresh = [slot for slot in slots if slot.state is State.IDLE and slot.fresh]
        return fresh[0].dismiss(End.ISOLATED, None, CHARGE.get()) if fresh and len(slots) > 1 else None
