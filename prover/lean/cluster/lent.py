"""Processes on a host that serve one client alone, as pools, and quarantine made of them."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from prover.candidate import Candidate
from prover.cluster.asking import HostLostError
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.lean.cluster.hosts import Hosts
from prover.lean.cluster.placement.places import HostPlace
from prover.lean.cluster.questions import Busy, HostQuestion, Lending, MissingAnswer, Outcome, RawAnswer, read
from prover.lean.runtimes.runtime import LeanRuntime, RuntimeUnavailableError
from prover.lean.wire.checks import header_moved
from prover.lean.wire.lines import Request
from prover.lean.wire.role import ProcessRole
from prover.lean.workers.isolation.quarantine import Quarantine
from prover.lean.workers.jobs import CHARGE, WAIT, ImportSet, PoolBusyError
from prover.lean.workers.pool import WorkerPool
from prover.lean.workers.pool_config import PoolConfig
from prover.lean.workers.scheduling.retrying import MOST_DISTURBANCES
from prover.lean.workers.stats import Tally
from prover.theorem import Theorem
from prover.verdict import Verdict, VerdictKind

T = TypeVar("T")

_PATIENCE_SECONDS = 30.0  # for a cluster without a running host


class HostedPool(WorkerPool, ABC):
    """A pool whose requests hosts answer; a share of verdicts is repeated on another host."""

    hosts: Hosts

    async def ask(self, request: Request[T], theorem: Theorem, terms: Terms) -> T:
        imports = theorem.header.imports
        if refusal := self._imports.refusal(imports):
            return request.failed(*refusal, 0.0)
        question = HostQuestion(
            request.op, request.body, self._imports.key(imports), terms.limits.seconds, terms.priority
        )
        outcome = await self._answer(question)
        result = read(request, outcome)
        if isinstance(result, Verdict) and self.hosts.recheck.due(result, outcome.host):
            other, second = await self._again(request, question, outcome.host)
            result = cast(T, self.hosts.recheck.settle(result, outcome.host, second, other))
        return header_moved(result, theorem.header.before)

    async def _again(self, request: Request[Any], question: HostQuestion, host: str) -> tuple[str, Any]:
        """Return the verdict of a host other than `host`, with its name, through its pool's queue."""
        try:
            place = self.hosts.emptiest(question.imports, but=host)
            outcome = await self.hosts.directly(place, 0, question)
        except HostLostError:
            return "", None
        CHARGE.get()(outcome.worked)
        return place.handle.name, None if isinstance(outcome, Busy) else read(request, outcome)

    @abstractmethod
    async def _answer(self, question: HostQuestion) -> RawAnswer | MissingAnswer:
        """Let a host answer a request. Raises PoolBusyError."""


class HostSite:
    """A host shared by several processes of a client; replaced by another host when it is lost."""

    def __init__(self, hosts: Hosts, but: str = "") -> None:
        """Use any of these hosts whose name is not `but`."""
        self.hosts = hosts
        self._but = but
        self._place: HostPlace | None = None

    @property
    def host(self) -> str:
        """Name of the host used last; empty if there was none."""
        return self._place.handle.name if self._place else ""

    async def place(self, imports: ImportSet) -> HostPlace:
        """Return the host. Waits for one to return, unless only certain hosts are acceptable. Raises HostLostError."""
        loop = asyncio.get_running_loop()
        until = loop.time() + (0.0 if self._but else _PATIENCE_SECONDS)
        while self._place is None or self._place.lost:
            try:
                self._place = self.hosts.emptiest(imports, self._but)
            except HostLostError:
                if loop.time() >= until or self.hosts.members.closed:
                    raise
                await self.hosts.members.news()
        return self._place


class Lent(HostedPool):
    """A process on a host that serves one client alone.

    It starts at the first request, and again if its host is lost.
    """

    def __init__(
        self,
        runtime: LeanRuntime,
        config: PoolConfig,
        vetting: Mapping[str, object],
        tally: Tally,
        site: HostSite,
        wanted: Lending,
    ) -> None:
        """Create the process; nothing is started."""
        super().__init__(runtime, config, vetting, tally)
        self.hosts = site.hosts
        self._site = site
        self._wanted = wanted
        self._turn = asyncio.Lock()
        self._process: tuple[HostPlace, int] | None = None

    async def close(self) -> None:
        """Return the process to its host."""
        self._closed()
        async with self._turn:
            process, self._process = self._process, None
            if process is not None:
                await self.hosts.take_back(*process)

    async def _answer(self, question: HostQuestion) -> RawAnswer | MissingAnswer:
        for _ in range(MOST_DISTURBANCES + 1):
            with contextlib.suppress(HostLostError):
                place, process = await self._opened()
                outcome: Outcome = await self.hosts.directly(place, process, question)
                CHARGE.get()(outcome.worked)
                WAIT.get()(outcome.waited)
                if isinstance(outcome, Busy):
                    raise PoolBusyError(outcome.text, outcome.seconds)
                return outcome
        return MissingAnswer(VerdictKind.INFRASTRUCTURE, "the hosts that were asked are lost", 0.0)

    async def _opened(self) -> tuple[HostPlace, int]:
        async with self._turn:
            if self._process is None or self._process[0].lost:
                place = await self._site.place(self._wanted.imports)
                self._process = place, await self.hosts.lend(place, self._wanted)
            return self._process


class SiteQuarantine(Quarantine):
    """Quarantine with elaborators and a judge on one host. A share of its verdicts is repeated on another host."""

    def __init__(self, lend: Callable[[HostSite, ProcessRole], Lent], site: HostSite) -> None:
        """Create the quarantine; nothing is started.

        Args:
            lend: starts a process of a role on a host.
            site: the host.
        """
        super().__init__(self._elaborator_there, self._judge_there)
        self._lend = lend
        self._site = site
        self._judge: Lent | None = None

    async def _elaborator_there(self) -> Lent:
        return self._lend(self._site, ProcessRole.ELABORATOR)

    async def _judge_there(self) -> Lent:
        if self._judge is None:
            self._judge = self._lend(self._site, ProcessRole.JUDGE)
        return self._judge

    async def close(self) -> None:
        """See `Quarantine.close`; the host keeps its judge."""
        judge, self._judge = self._judge, None
        await asyncio.gather(super().close(), *([judge.close()] if judge else []))

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `Checker.check`."""
        verdict = await super().check(theorem, candidate, terms)
        recheck, host = self._site.hosts.recheck, self._site.host
        if not recheck.due(verdict, host):
            return verdict
        replacement = SiteQuarantine(self._lend, HostSite(self._site.hosts, but=host))
        second: Verdict | None = None
        try:
            with contextlib.suppress(PoolBusyError, RuntimeUnavailableError):
                second, _ = await replacement._judged(theorem, candidate, terms, shown=False)
        finally:
            await replacement.close()
        return recheck.settle(verdict, host, second, replacement._site.host)
