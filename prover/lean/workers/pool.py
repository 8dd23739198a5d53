"""A pool of warm Lean workers: the `Checker` that everything else uses."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self, TypeVar

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.lean.processes.ending import End
from prover.lean.processes.process import WorkerProcess
from prover.lean.runtimes.runtime import LeanRuntime
from prover.lean.vetting import allow_list
from prover.lean.wire import protocol
from prover.lean.wire.answers import (
    Constant,
    Elaboration,
    Export,
    LibraryPage,
    Name,
    Named,
    SorryGoals,
    TacticStep,
    below_imports,
)
from prover.lean.wire.lines import Request
from prover.lean.wire.protocol import InvalidTextError, NoAnswerError
from prover.lean.wire.role import Role
from prover.lean.workers.isolated import IsolatedChecker
from prover.lean.workers.jobs import CHARGE, Charge, Job, PoolBusyError, Priority
from prover.lean.workers.pool_config import PoolConfig
from prover.lean.workers.quarantine import Quarantine
from prover.lean.workers.scheduling.imports import ImportPolicy
from prover.lean.workers.scheduling.scheduler import Scheduler
from prover.lean.workers.scheduling.supervisor import PoolUnavailableError, WorkerSupervisor
from prover.lean.workers.stats import PoolStats, State, Tally, WorkerStats
from prover.lean.workers.turns import Turns
from prover.theorem import Header, Theorem
from prover.verdict import Limits, Mode, Verdict

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

_UNHURRIED = Terms(priority=Priority.BATCH)


class WorkerPool:
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
        self._tally = tally or Tally()
        self._imports = ImportPolicy(runtime, self._config)
        self._scheduler = Scheduler(self._config, self._imports)
        self._supervisor = WorkerSupervisor(
            runtime, self._config, self._vetting, self._tally, self._scheduler, self._imports, warm
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

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close."""
        await self.close()

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """Say whether `candidate` proves `theorem`. Time-outs, crashes and refusals are verdicts.

        Raises:
            PoolBusyError: the queue is full.
            ValueError: a limit is out of range.
        """
        theorem = self.canonical(theorem)
        try:
            request = protocol.check(theorem, candidate, terms)
        except InvalidTextError as error:
            verdict = protocol.invalid_text_verdict(error, candidate.mode, terms.policy)
        else:
            verdict = await self._counted(request, theorem, terms)
        self._tally.verdicts[verdict.kind] += 1
        return verdict

    async def exported(
        self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS
    ) -> tuple[Verdict, Export | None]:
        """As `check`, and the constants of a verified proof for another kernel."""
        theorem = self.canonical(theorem)
        try:
            request = protocol.exported(theorem, candidate, terms)
        except InvalidTextError as error:
            verdict, export = protocol.invalid_text_verdict(error, candidate.mode, terms.policy), None
        else:
            verdict, export = await self._counted(request, theorem, terms)
        self._tally.verdicts[verdict.kind] += 1
        return verdict, export

    async def closure(
        self, theorem: Theorem, names: Sequence[Name], known: Iterable[Name], terms: Terms = DEFAULT_TERMS
    ) -> str:
        """Library constants with what they rest on, as text for another kernel. Raises as `constant`."""
        theorem = self.canonical(theorem)
        return await self._run(protocol.closure(theorem, names, known, terms), theorem, terms)

    async def _counted(self, request: Request[T], theorem: Theorem, terms: Terms) -> T:
        try:
            return await self._run(request, theorem, terms)
        except asyncio.CancelledError:
            self._tally.abandoned += 1
            raise

    async def elaborate(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> Elaboration:
        """Elaborate the statement alone: its full name, type and goal.

        Raises:
            PoolBusyError: the queue is full.
            InvalidTextError: a text is too long or not Unicode.
            ValueError: a limit is out of range.
        """
        theorem = self.canonical(theorem)
        return await self._run(protocol.elaborate(theorem, terms), theorem, terms)

    async def goals(
        self, theorem: Theorem, text: str, terms: Terms = DEFAULT_TERMS, mode: Mode = Mode.PROOF
    ) -> SorryGoals:
        """The goals at each `sorry` of a proof, or of declarations (`Mode.FILE`). Raises as `elaborate`."""
        theorem = self.canonical(theorem)
        return await self._run(protocol.goals(theorem, text, terms, mode), theorem, terms)

    async def tactic(
        self, theorem: Theorem, script: Sequence[str], step: str, terms: Terms = DEFAULT_TERMS
    ) -> TacticStep:
        """The goals after the tactic block `step`, run after the blocks of `script`. Raises as `elaborate`."""
        theorem = self.canonical(theorem)
        return await self._run(protocol.tactic(theorem, script, step, terms), theorem, terms)

    async def constant(self, name: str, header: Header | None = None, terms: Terms = DEFAULT_TERMS) -> Constant | None:
        """Look a constant up under `header`; None if there is none of that name. Raises as `elaborate`, and:

        Raises:
            NoAnswerError: the look-up came to nothing.
        """
        theorem = self.canonical(Theorem("", header or Header()))
        return await self._run(protocol.constant(theorem, name, terms), theorem, terms)

    async def names(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> tuple[Named, ...]:
        """What header and context of a theorem declare, as its statement can name it. Raises as `constant`."""
        theorem = self.canonical(theorem)
        return await self._run(protocol.names(theorem, terms), theorem, terms)

    async def stuck(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> str | None:
        """At which constant of the library evaluating a statement stops, as its body is absent. Raises as `constant`.

        None: it does not stop there, or cannot be evaluated at all.
        """
        theorem = self.canonical(theorem)
        return await self._run(protocol.stuck(theorem, terms), theorem, terms)

    async def modules(self, header: Header | None = None, terms: Terms = _UNHURRIED) -> tuple[str, ...]:
        """The modules that `header` imports, each behind all that it imports itself. Raises as `constant`."""
        theorem = self.canonical(Theorem("", header or Header()))
        return await self._run(protocol.modules(theorem, terms), theorem, terms)

    async def library(
        self, module: str, offset: int, limit: int, header: Header | None = None, terms: Terms = _UNHURRIED
    ) -> LibraryPage:
        """The theorems among `limit` constants of an imported module, from `offset` on. Raises as `constant`."""
        theorem = self.canonical(Theorem("", header or Header()))
        return await self._run(protocol.library(theorem, module, offset, limit, terms), theorem, terms)

    async def ping(self, seconds: float = 5.0) -> float:
        """Milliseconds that some worker takes for an empty request.

        Raises:
            NoAnswerError: none answered.
        """
        theorem = self.canonical(Theorem("", Header(self._config.imports)))
        return await self._run(protocol.ping(), theorem, Terms(Limits(seconds=seconds)))

    async def ask(self, request: Request[T], theorem: Theorem, terms: Terms) -> T:
        """Send any request, as a job of this theorem. Raises PoolBusyError."""
        return await self._run(request, theorem, terms)

    async def place(self, theorem: Theorem) -> "WorkerPool":
        """The pool whose Lean the theorem stands under."""
        return self

    async def sealable(self, theorem: Theorem) -> None:
        """Look whether code that nobody vetted may run here.

        Raises:
            RuntimeUnavailableError: it may not; the text says what is missing.
        """
        await asyncio.to_thread(self._runtime.launch, self._imports.key(theorem.header.imports), Role.ELABORATOR)

    def only_contained(self, theorem: Theorem) -> bool:
        """Whether what the theorem imports is for processes of one client alone."""
        return self._imports.only_contained(theorem.header.imports)

    def key(self, theorem: Theorem) -> tuple[str, ...]:
        """Theorems with the same key are served by the same processes."""
        return self._imports.key(theorem.header.imports)

    async def elaborator(self, theorem: Theorem) -> "WorkerPool":
        """A process of its own for theorems like this one, which runs whatever it is given; whoever asks for it closes it, and
        is charged its start."""
        pool = self._of_role(Role.ELABORATOR, imports=self.key(theorem))
        self._lent.add(pool)
        pool._closed = lambda: self._lent.discard(pool)
        pool._charges = (CHARGE.get(),)
        await pool.start()
        return pool

    def quarantine(self, theorem: Theorem) -> Quarantine:
        """Elaborators of one client for theorems like this one, with the judges behind them; started when they are needed."""
        return Quarantine(lambda: self.elaborator(theorem), self.judges)

    async def judges(self) -> "WorkerPool":
        """Processes that nobody's text is elaborated in; started when they are first needed, and ended with this pool."""
        if self._judges is None:
            self._judges = self._of_role(Role.JUDGE, switch_seconds=0.0)
            await self._judges.start()
        return self._judges

    def _of_role(self, role: Role, **changes: Any) -> "WorkerPool":
        config = replace(self._config, workers=1, spares=0, isolated=0, role=role, switch_share=None, **changes)
        return WorkerPool(self._runtime, config, self._vetting, Tally())

    @contextlib.asynccontextmanager
    async def isolated(
        self, imports: tuple[str, ...] | None = None, within: Callable[["WorkerPool"], Checker] = IsolatedChecker
    ) -> AsyncIterator[Checker]:
        """Lend a checker whose worker serves nobody else; what it verifies has `Trust.ISOLATED_REPLAY`.

        A worker of this pool that has served nobody is taken if the pool can spare it, else one is started. Waits for
        its turn when as many are lent out as the configuration allows. What is started is charged to who borrows.

        Args:
            imports: modules that the worker loads; by default those of the configuration.
            within: makes a checker of the workers that are lent.
        """
        key = self._imports.key(imports or self._config.imports)
        async with self._isolation:
            if self._scheduler.closed:  # whoever had to wait starts nothing any more: each check says why
                yield self
                return
            config = replace(self._config, workers=1, spares=0, imports=key, isolated=0)
            pool = WorkerPool(self._runtime, config, self._vetting, self._tally, self._spare_fresh(key))
            self._lent.add(pool)
            try:
                pool._charges = (CHARGE.get(),)
                async with pool:
                    yield within(pool)
            finally:
                self._lent.discard(pool)

    @property
    def runtime(self) -> str:
        """`embedded` or `native`."""
        return self._runtime.name

    @property
    def idle_seconds(self) -> float:
        """How long elaborators stay that nobody uses."""
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
            dict(self._tally.verdicts),
            self._tally.abandoned,
            dict(self._tally.ends),
            self._tally.failed_starts,
            len(self._lent),
        )

    def tell(self, verdict: Verdict) -> None:
        """Count a verdict that was given elsewhere."""
        self._tally.verdicts[verdict.kind] += 1

    def pointing_back(self, theorem: Theorem, result: T) -> T:
        """An answer about `canonical(theorem)`, with messages that point into the theorem as it was given."""
        return result

    def canonical(self, theorem: Theorem) -> Theorem:
        """The theorem under the import set as its worker knows it."""
        if not self._runtime.single_import_set:
            return theorem
        imports = self._imports.key(theorem.header.imports)
        return replace(theorem, header=replace(theorem.header, imports=imports))

    async def _run(self, request: Request[T], theorem: Theorem, terms: Terms) -> T:
        imports = theorem.header.imports
        if refusal := self._imports.refusal(imports):
            return request.failed(*refusal, 0.0)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        key = self._imports.key(imports)
        job = Job(request, key, terms.priority, terms.limits.seconds, loop.time(), next(self._orders), future)
        self._scheduler.push(job)
        try:
            return below_imports(theorem, await future)
        finally:
            self._scheduler.queue.discard(job)

    def _spare_fresh(self, imports: tuple[str, ...]) -> WorkerProcess | None:
        slots = [slot for slot in self._supervisor.slots if slot.live and slot.imports == imports]
        fresh = [slot for slot in slots if slot.state is State.IDLE and slot.fresh]
        return fresh[0].dismiss(End.ISOLATED, None, CHARGE.get()) if fresh and len(slots) > 1 else None
