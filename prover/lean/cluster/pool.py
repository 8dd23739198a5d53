"""`ClusterPool`: a pool whose workers are on other hosts."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from prover.lean.checker import Checker, Terms
from prover.lean.cluster.handle import Cluster
from prover.lean.cluster.hosts import Hosts
from prover.lean.cluster.places import HostPlace
from prover.lean.cluster.questions import (
    Busy,
    HostLostError,
    Lending,
    Outcome,
    Question,
    Said,
    Unsaid,
    read,
    unread,
)
from prover.lean.processes.ending import End
from prover.lean.runtimes.runtime import LeanRuntime
from prover.lean.wire.answers import below_imports
from prover.lean.wire.lines import Request
from prover.lean.wire.role import Role
from prover.lean.workers.isolated import IsolatedChecker
from prover.lean.workers.jobs import CHARGE, WAIT, ImportSet, Job, PoolBusyError
from prover.lean.workers.lean_pool import LeanPool
from prover.lean.workers.pool import WorkerPool
from prover.lean.workers.pool_config import PoolConfig
from prover.lean.workers.quarantine import Quarantine
from prover.lean.workers.scheduling.attempt import MOST_DISTURBANCES
from prover.lean.workers.stats import HostStats, PoolStats, Tally
from prover.theorem import Theorem
from prover.verdict import VerdictKind

T = TypeVar("T")


class _Elsewhere(WorkerPool):
    """Makes and reads what a pool is asked; somebody else has it answered."""

    async def ask(self, request: Request[T], theorem: Theorem, terms: Terms) -> T:
        imports = theorem.header.imports
        if refusal := self._imports.refusal(imports):
            return request.failed(*refusal, 0.0)
        question = Question(request.op, request.body, self._imports.key(imports), terms.limits.seconds, terms.priority)
        return below_imports(theorem, read(request, await self._answer(question)))

    async def _answer(self, question: Question) -> Said | Unsaid:
        raise NotImplementedError


class ClusterPool(_Elsewhere):
    """The workers of all hosts of a cluster that offer Lean, behind one queue. Every host has an ordinary pool.

    What holds of a `WorkerPool` holds of it. A host that is lost is nobody's fault: what it was asked is asked of another,
    and is INFRASTRUCTURE when that has happened three times.
    """

    def __init__(
        self, cluster: Cluster, runtime: LeanRuntime, config: PoolConfig, silence_seconds: float = 10.0
    ) -> None:
        """Nothing is started yet.

        Args:
            cluster: where hosts come from.
            runtime: their Lean; it is not started here.
            config: of the pool of each host; its bounds on what waits are this pool's.
            silence_seconds: after how long without a sign of life a host is given up.
        """
        super().__init__(runtime, config)
        self.hosts = Hosts(cluster, config, silence_seconds)
        self._numbering = itertools.count()

    async def start(self) -> None:
        """Begin to look for hosts; returns at once."""
        self.hosts.start()

    async def ready(self) -> None:
        """Wait until a worker of some host is warm. Raises as `WorkerPool.ready`."""
        await self.hosts.ready()

    async def close(self) -> None:
        """End what runs on the hosts for this pool."""
        await asyncio.gather(*(pool.close() for pool in list(self._lent)))
        await self.hosts.close()

    @property
    def size(self) -> int:
        """Most checks at once, on all hosts together."""
        return sum(place.size for place in self.hosts.places)

    @property
    def lean_version(self) -> str:
        """Version of Lean; empty until a first worker is warm."""
        return self.hosts.lean_version

    @property
    def worker_version(self) -> str:
        """Version of the worker program; empty until a first worker is warm."""
        return self.hosts.worker_version

    def stats(self) -> PoolStats:
        """A snapshot: workers as the hosts told them last, what waits here, verdicts as they were given here."""
        places = list(self.hosts.places)
        told = [place.state.stats for place in places if place.state]
        ends: Counter[End] = Counter()
        for stats in told:
            ends.update(stats.ends)
        return PoolStats(
            tuple(worker for stats in told for worker in stats.workers),
            len(self.hosts.queue) + sum(stats.queued for stats in told),
            dict(self.tally.verdicts),
            self.tally.abandoned,
            dict(ends),
            sum(stats.failed_starts for stats in told),
            sum(stats.isolated for stats in told),
            tuple(
                HostStats(place.handle.name, place.state.live if place.state else 0, len(place.in_work))
                for place in places
            ),
            self.hosts.lost,
        )

    async def sealable(self, theorem: Theorem) -> None:
        """The host says it when it is asked for a process."""

    def quarantine(self, theorem: Theorem) -> Quarantine:
        """Elaborators and a judge on one host."""
        site = _Site(self.hosts)
        imports = self.key(theorem)

        def lent(role: Role) -> Callable[[], Awaitable[WorkerPool]]:
            async def lend() -> WorkerPool:
                return self._lend(site, Lending(role, imports), Tally())

            return lend

        return Quarantine(lent(Role.ELABORATOR), lent(Role.JUDGE))

    @contextlib.asynccontextmanager
    async def isolated(
        self, imports: ImportSet | None = None, within: Callable[[LeanPool], Checker] = IsolatedChecker
    ) -> AsyncIterator[Checker]:
        """See `WorkerPool.isolated`; the process is on one of the hosts, each of which lends as many as it may."""
        key = self._imports.key(imports or self._config.imports)
        pool = self._lend(_Site(self.hosts), Lending(Role.WORKER, key), self.tally)
        try:
            yield within(pool)
        finally:
            await pool.close()

    def _lend(self, site: "_Site", wanted: Lending, tally: Tally) -> "_Lent":
        config = replace(self._config, imports=wanted.imports, role=wanted.role)
        pool = _Lent(self._runtime, config, self._vetting, tally, site, wanted)
        self._lent.add(pool)
        pool._closed = lambda: self._lent.discard(pool)
        return pool

    async def _answer(self, question: Question) -> Said | Unsaid:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Said | Unsaid] = loop.create_future()
        request, order = unread(question), next(self._numbering)
        job = Job(request, question.imports, question.priority, question.seconds, loop.time(), order, future)
        self.hosts.push(job)
        try:
            return await future
        finally:
            future.cancel()  # tells the host that nobody waits any more
            self.hosts.queue.discard(job)


class _Site:
    """One host, which several processes of a client share; another one when it is lost."""

    def __init__(self, hosts: Hosts) -> None:
        self.hosts = hosts
        self._place: HostPlace | None = None

    def place(self, imports: ImportSet) -> HostPlace:
        """The host. Raises HostLostError: there is none."""
        if self._place is None or self._place.lost:
            self._place = self.hosts.emptiest(imports)
        return self._place


class _Lent(_Elsewhere):
    """A process on a host that serves one client alone. Started when it is first asked, and again if its host is lost."""

    def __init__(
        self,
        runtime: LeanRuntime,
        config: PoolConfig,
        vetting: Mapping[str, object],
        tally: Tally,
        site: _Site,
        wanted: Lending,
    ) -> None:
        super().__init__(runtime, config, vetting, tally)
        self._site = site
        self._wanted = wanted
        self._turn = asyncio.Lock()
        self._process: tuple[HostPlace, int] | None = None

    async def close(self) -> None:
        """Give the process back."""
        self._closed()
        async with self._turn:
            process, self._process = self._process, None
            if process is not None and not process[0].lost:
                with contextlib.suppress(HostLostError):
                    await process[0].handle.take_back(process[1])

    async def _answer(self, question: Question) -> Said | Unsaid:
        for _ in range(MOST_DISTURBANCES + 1):
            with contextlib.suppress(HostLostError):
                place, process = await self._opened()
                outcome: Outcome = await self._site.hosts.directly(place, process, question)
                CHARGE.get()(outcome.worked)
                WAIT.get()(outcome.waited)
                if isinstance(outcome, Busy):
                    raise PoolBusyError(outcome.text, outcome.seconds)
                return outcome
        return Unsaid(VerdictKind.INFRASTRUCTURE, "the hosts that were asked are lost", 0.0)

    async def _opened(self) -> tuple[HostPlace, int]:
        async with self._turn:
            if self._process is None or self._process[0].lost:
                place = self._site.place(self._wanted.imports)
                self._process = place, await self._site.hosts.lend(place, self._wanted)
            return self._process
