"""`ClusterPool`: a pool whose workers are on other hosts."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from prover.lean.checker import Checker
from prover.lean.cluster.handle import Cluster
from prover.lean.cluster.hosts import Hosts
from prover.lean.cluster.lent import Elsewhere, HostSite, Lent, SiteQuarantine
from prover.lean.cluster.placement.scaling import Scaling
from prover.lean.cluster.questions import HostQuestion, Lending, Said, Unsaid, unread
from prover.lean.cluster.recheck import Outcome, Recheck
from prover.lean.processes.ending import End
from prover.lean.runtimes.runtime import LeanRuntime
from prover.lean.wire.role import ProcessRole
from prover.lean.workers.isolation.isolated import IsolatedChecker
from prover.lean.workers.isolation.quarantine import Quarantine
from prover.lean.workers.jobs import ImportSet, Job
from prover.lean.workers.lean_pool import LeanPool
from prover.lean.workers.pool_config import PoolConfig
from prover.lean.workers.stats import PoolStats, Tally
from prover.theorem import Theorem


class ClusterPool(Elsewhere):
    """The workers of all hosts of a cluster that offer Lean, behind one queue. Every host has an ordinary pool.

    What holds of a `WorkerPool` holds of it. A lost host is not counted against a question: another host is asked,
    and is INFRASTRUCTURE when that has happened three times.
    """

    def __init__(
        self,
        cluster: Cluster,
        runtime: LeanRuntime,
        config: PoolConfig,
        silence_seconds: float = 10.0,
        recheck: float = 0.0,
        most_hosts: int = 0,
    ) -> None:
        """Nothing is started yet.

        Args:
            cluster: where hosts come from.
            runtime: their Lean; it is not started here.
            config: of the pool of each host; its bounds on what waits are this pool's.
            silence_seconds: after how long without a sign of life a host is given up.
            recheck: share of verdicts that are asked again of another host.
            most_hosts: that the cluster is asked for, by what waits; 0: it is asked for none, and all that there are are used.
        """
        super().__init__(runtime, config)
        self.hosts = Hosts(
            cluster, config, silence_seconds, Recheck(recheck), Scaling(most_hosts) if most_hosts else None
        )
        self._numbering = itertools.count()

    async def start(self) -> None:
        """Begin to look for hosts; returns at once."""
        self.hosts.members.start()

    async def ready(self) -> None:
        """Wait until a worker of some host is warm. Raises as `WorkerPool.ready`."""
        await self.hosts.members.ready()

    async def close(self) -> None:
        """End what runs on the hosts for this pool."""
        await asyncio.gather(*(pool.close() for pool in list(self._lent)))
        await self.hosts.close()

    @property
    def size(self) -> int:
        """Most checks at once, on all hosts together; 1 while none is up: callers may wait for one, but not be many."""
        return max(1, sum(place.size for place in self.hosts.places))

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
            tuple(place.stats() for place in places),
            self.hosts.lost,
            {outcome.value: self.hosts.recheck.counts[outcome] for outcome in Outcome},
        )

    async def sealable(self, theorem: Theorem) -> None:
        """The host says it when it is asked for a process."""

    def quarantine(self, theorem: Theorem) -> Quarantine:
        """Elaborators and a judge on one host."""
        imports = self.key(theorem)
        return SiteQuarantine(
            lambda site, role: self._lend(site, Lending(role, imports), Tally()), HostSite(self.hosts)
        )

    @contextlib.asynccontextmanager
    async def isolated(
        self, imports: ImportSet | None = None, within: Callable[[LeanPool], Checker] = IsolatedChecker
    ) -> AsyncIterator[Checker]:
        """See `WorkerPool.isolated`; the process is on one of the hosts, each of which lends as many as it may."""
        key = self._imports.key(imports or self._config.imports)
        pool = self._lend(HostSite(self.hosts), Lending(ProcessRole.WORKER, key), self.tally)
        try:
            yield within(pool)
        finally:
            await pool.close()

    def _lend(self, site: HostSite, wanted: Lending, tally: Tally) -> Lent:
        config = replace(self._config, imports=wanted.imports, role=wanted.role)
        pool = Lent(self._runtime, config, self._vetting, tally, site, wanted)
        self._lent.add(pool)
        pool._closed = lambda: self._lent.discard(pool)
        return pool

    async def _answer(self, question: HostQuestion) -> Said | Unsaid:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Said | Unsaid] = loop.create_future()
        request, order = unread(question), next(self._numbering)
        job = Job(request, question.imports, question.priority, question.seconds, loop.time(), order, future)
        self.hosts.push(job)
        try:
            return await future
        finally:
            future.cancel()  # tells the host that the asker no longer waits
            self.hosts.queue.discard(job)
