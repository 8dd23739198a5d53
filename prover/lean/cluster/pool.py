"""`ClusterPool`: a pool with its workers on other hosts."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from prover.lean.checker import Checker
from prover.lean.cluster.handle import Cluster
from prover.lean.cluster.hosts import Hosts
from prover.lean.cluster.lent import HostedPool, HostSite, Lent, SiteQuarantine
from prover.lean.cluster.placement.scaling import Scaling
from prover.lean.cluster.questions import HostQuestion, Lending, MissingAnswer, RawAnswer, unread
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


class ClusterPool(HostedPool):
    """The workers of all hosts of a cluster that offer Lean, behind one queue. Each host has an ordinary pool.

    It behaves as a `WorkerPool`. The loss of a host does not count against a question: another host gets it. After
    three losses the verdict is INFRASTRUCTURE.
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
        """Create the pool; nothing is started.

        Args:
            cluster: source of hosts.
            runtime: the hosts' Lean; it is not started here.
            config: configuration of each host's pool; its queue limits apply to this pool.
            silence_seconds: seconds without an answer after which a host counts as lost.
            recheck: share of verdicts that another host repeats.
            most_hosts: maximum number of hosts to request, depending on the queue; 0: none are requested and all
                available ones are used.
        """
        super().__init__(runtime, config)
        self.hosts = Hosts(
            cluster, config, silence_seconds, Recheck(recheck), Scaling(most_hosts) if most_hosts else None
        )
        self._numbering = itertools.count()

    async def start(self) -> None:
        """Start to look for hosts; returns at once."""
        self.hosts.members.start()

    async def ready(self) -> None:
        """Wait until a host has a warm worker. Raises as `WorkerPool.ready`."""
        await self.hosts.members.ready()

    async def close(self) -> None:
        """End this pool's processes on the hosts."""
        await asyncio.gather(*(pool.close() for pool in list(self._lent)))
        await self.hosts.close()

    @property
    def size(self) -> int:
        """Maximum number of concurrent checks on all hosts; 1 while no host is up, so that a caller may wait for
        one.
        """
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
        """A snapshot: workers as last reported by the hosts, the queue here, verdicts as given here."""
        places = list(self.hosts.places)
        reports = [place.state.stats for place in places if place.state]
        ends: Counter[End] = Counter()
        for stats in reports:
            ends.update(stats.ends)
        return PoolStats(
            tuple(worker for stats in reports for worker in stats.workers),
            len(self.hosts.queue) + sum(stats.queued for stats in reports),
            dict(self.tally.verdicts),
            self.tally.abandoned,
            dict(ends),
            sum(stats.failed_starts for stats in reports),
            sum(stats.isolated for stats in reports),
            tuple(place.stats() for place in places),
            self.hosts.lost,
            {outcome.value: self.hosts.recheck.counts[outcome] for outcome in Outcome},
        )

    async def sealable(self, theorem: Theorem) -> None:
        """Checked by the host when a process is requested."""

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
        """See `WorkerPool.isolated`; the process is on one of the hosts, each of which lends a limited number."""
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

    async def _answer(self, question: HostQuestion) -> RawAnswer | MissingAnswer:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[RawAnswer | MissingAnswer] = loop.create_future()
        request, order = unread(question), next(self._numbering)
        job = Job(request, question.imports, question.priority, question.seconds, loop.time(), order, future)
        self.hosts.push(job)
        try:
            return await future
        finally:
            future.cancel()  # notifies the host that the caller has left
            self.hosts.queue.discard(job)
