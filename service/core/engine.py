"""The service in this process: Lean workers, samplers and searches, built from the settings."""

import asyncio
import contextlib
import importlib.metadata
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Self

from prover.assistance import disprove, screen
from prover.assistance.suggest import Suggest, Suggestions
from prover.assistance.suggester import Suggester
from prover.lean.runtimes.dojo import DojoUnavailableError
from prover.lean.runtimes.embedded.cache.install import cache_directory
from prover.lean.runtimes.embedded.cache.package import Progress as Report
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.lean.workers.client import PoolClient
from prover.lean.workers.lean_pool import LeanPool
from prover.lean.workers.pool import PoolUnavailableError
from prover.lean.workers.projects import ProjectRouter
from prover.lean.workers.stats import PoolStats, State
from prover.options import STRATEGIES, CheckOptions, StoreUse
from prover.premises.library import Library
from prover.premises.query import Premises, QueryResult
from prover.premises.suggested import SuggestedPremises
from prover.requests import (
    Accepted,
    Event,
    HostInfo,
    Load,
    Search,
    ServedModel,
    ServiceInfo,
    Starting,
    UnavailableError,
)
from prover.sampling.portfolio.portfolio import PortfolioSampler
from prover.sampling.sampler import ProofModel, Sampler, SamplerUnavailableError
from prover.search.background import asked_meanwhile
from prover.search.search import Ending, Finished, Progress, ProofSearch
from prover.search.stuck import stuck_at
from prover.search.terms import SearchTerms
from prover.tutor.guidance import load_guidance
from prover.tutor.hints import Tutored, Tutoring
from prover.tutor.proofs.routes import CasesOfClients
from prover.tutor.tutor import Tutor
from prover.tutor.wording.remote import RemotePhraser
from prover.tutor.wording.rewording import Phraser
from prover.verdict import Trust
from service.auth.identity import CALLER
from service.core.checking import LeanEngine, as_user_errors
from service.core.endings import accept, raise_if_hopeless
from service.core.limits.admission import charge_samples, charged
from service.core.refuter import EngineRefuter
from service.core.resources.models import Models
from service.core.resources.registry import Registry
from service.ops.config import Settings
from service.ops.metrics.recorder import Recorder

if TYPE_CHECKING:  # importing the database library takes a quarter of the time of a command that does not use it
    from service.core.memory import ProofCache

_TELL_SECONDS = 1.0  # between two events that Lean starts
_VERSION = importlib.metadata.version("leansieve")  # reading it takes disk access


class Engine(LeanEngine):
    """A `Service` in this process.

    Use it as an async context manager, or `start` and `close` it; after that no process is left.
    """

    def __init__(
        self,
        settings: Settings,
        pool: LeanPool | None = None,
        report: Report | None = None,
        recorder: Recorder | None = None,
        memory: "ProofCache | None" = None,
        shared: bool = False,
        phraser: Phraser | None = None,
    ) -> None:
        """Build all parts; nothing is started.

        Args:
            settings: settings of the service.
            pool: a pool that the caller starts and closes; by default a new one from the settings.
            report: receives the progress of preparing Lean.
            recorder: counts all operations; by default a new one.
            memory: cache of proofs and failures; None: none.
            shared: whether clients that do not trust each other use it.
            phraser: rewords hints; by default from the settings.

        Raises:
            UnavailableError: the configured Lean is not available.
        """
        super().__init__(settings, pool, report, recorder, shared)
        self.memory = memory
        self.models = Models(settings.model, settings.lean)
        self._library = Library(self.pool, cache_directory() / "premises", settings.search.library, self._preparing)
        finder = SuggestedPremises(self._library, self.pool)
        asked = finder if settings.search.portfolio_premises else None
        samplers: dict[str, Sampler] = {"portfolio": PortfolioSampler(self, asked)}
        if self.models.sampler is not None:
            self.models.sampler.finder = finder
            samplers["model"] = self.models.sampler
        self._samplers = {name: self.recorder.sampler(sampler) for name, sampler in samplers.items()}
        self._cases = CasesOfClients()
        tutor = settings.tutor
        self._phrasing_servers = (
            RemotePhraser(tutor.urls, tutor.api_key, tutor.model, tutor.seconds) if tutor.urls else None
        )
        self._phraser = phraser or self._phrasing_servers
        self._guidance = load_guidance(tutor.guidance)
        self._registry = Registry(settings, self._samplers, self._dojo)

    async def start(self) -> None:
        """Start samplers and workers; returns when a test proof has been checked.

        Raises:
            UnavailableError: Lean or a sampler does not run here; the text gives the reason.
        """
        if self._owns_pool:
            await self.pool.start()
        try:
            if self._dojo is not None:
                await self._dojo.prepare()
            if self._phrasing_servers is not None:
                await self._phrasing_servers.start()
            if self._second is not None and self._settings.crosscheck.always:
                await self._second.start()
            await asyncio.gather(self.pool.ready(), *(sampler.start() for sampler in self._samplers.values()))
        except (PoolUnavailableError, SamplerUnavailableError, DojoUnavailableError, RuntimeUnavailableError) as error:
            raise UnavailableError(str(error)) from None
        self._started = True
        await self.self_check()

    def stats(self) -> PoolStats:
        """Statistics of the Lean workers."""
        return self.pool.stats()

    @property
    def sources(self) -> tuple[str, ...]:
        """Sources of candidates in this engine, models and portfolios, as named in `Candidate.source`."""
        return tuple(sampler.name for sampler in self._samplers.values())

    async def close(self) -> None:
        """Stop everything."""
        self._closed = True
        await self._library.close()
        if self._scope is not None:
            await self._scope.close()
        if self._owns_pool:
            await self.pool.close()
        if self._second is not None:
            await self._second.close()
        if self._phrasing_servers is not None:
            await self._phrasing_servers.close()
        await asyncio.gather(*(sampler.close() for sampler in self._samplers.values()))

    async def __aenter__(self) -> Self:
        """Start, as `start`."""
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close."""
        await self.close()

    async def prove(self, request: Search) -> AsyncGenerator[Event, None]:
        """See `Service.prove`."""
        terms = self._terms(request.options.check, request.theorem.project)
        seconds = request.options.budget.seconds
        async with self._client() as client:
            events = self._remembered(request, client)
            if request.options.disprove:
                refuter = EngineRefuter(client, self._terms, self.check, partial(self._remembered, client=client))
                events = disprove.until_refuted(events, refuter, request)
            events = screen.screened(events, client, request.theorem, terms, seconds)
            async with contextlib.aclosing(events):
                async for event in events:
                    yield event

    def _remembered(self, request: Search, client: PoolClient) -> AsyncGenerator[Event, None]:
        """Return a search that starts with known results on its theorem."""
        events = charged(self._search(request, client))
        policy = self.policy(request.options.check, request.theorem.project)
        if self.memory is not None and request.options.store is not StoreUse.NONE:
            events = self.memory.wrap(request, policy, events, self)
        return events

    async def _search(self, request: Search, client: PoolClient) -> AsyncGenerator[Event, None]:
        started = time.monotonic()
        wanted = request.options
        terms = self._terms(wanted.check, request.theorem.project)
        self._registry.strategy(wanted)
        self._refuse_before_start()
        settings = self._settings.search
        resolved = SearchTerms(
            self.models.params(wanted.sampling, wanted.budget, self.workers, wanted.check.priority),
            terms,
            self._trust(wanted.check.trust),
            wanted.prefer,
            settings.surplus,
            settings.minimising_checks if wanted.minimise else 0 if wanted.as_found else settings.polishing_checks,
            None if wanted.minimise else settings.polishing_seconds,
        )
        with as_user_errors(request.theorem):
            elaborating = asyncio.create_task(client.elaborate(request.theorem, terms))
            try:
                while not elaborating.done() and (left := wanted.budget.seconds + started - time.monotonic()) > 0:
                    await asyncio.wait([elaborating], timeout=min(left, _TELL_SECONDS))
                    if not elaborating.done() and (activity := client.starting(request.theorem)):
                        yield Starting(activity, time.monotonic() - started)
                if not elaborating.done():
                    yield Finished(Ending.SECONDS_SPENT, Progress().later(time.monotonic() - started), {})
                    return
            finally:
                elaborating.cancel()
                await asyncio.wait([elaborating])
            elaboration = elaborating.result()
            accept(elaboration, terms.policy)
            yield Accepted(elaboration.goal)
            before = time.monotonic() - started
            budget = wanted.within_seconds(wanted.budget.seconds - before).budget
            async with (
                self._checker(request.theorem, wanted.check.trust, client) as checker,
                asked_meanwhile(partial(stuck_at, client, request.theorem, terms), "") as stuck,
            ):
                search = ProofSearch(checker, self.workers)
                plan = self._registry.plan(wanted, client)
                found = self.recorder.search(search.prove(request.theorem, plan, budget, resolved))
                async with contextlib.aclosing(found) as events:
                    async for event in events:
                        if isinstance(event, Finished):
                            raise_if_hopeless(event)
                            event = event if event.proofs else replace(event, stuck_at=await stuck())
                            event = replace(event, spent=event.spent.later(before))
                        yield event

    async def info(self) -> ServiceInfo:
        """See `Service.info`."""
        pool = self.pool.stats()
        return ServiceInfo(
            version=_VERSION,
            lean=self.pool.lean_version,
            worker=self.pool.worker_version,
            runtime=self.pool.runtime,
            workers=self.workers,
            samplers=("auto", *self._samplers),
            policies=self.policies,
            highest_trust=Trust.CROSS_CHECKED if self._second else Trust.ISOLATED_REPLAY,
            default=self._default,
            maximum=self._maximum,
            strategies=STRATEGIES,
            models=self.models.served,
            store=self.memory is not None,
            projects=self.pool.lean_versions if isinstance(self.pool, ProjectRouter) else {},
            load=Load(pool.in_state(State.IDLE), pool.in_state(State.BUSY), pool.queued),
            hosts=tuple(HostInfo(host.name, host.size, host.live, host.in_work, host.failure) for host in pool.hosts),
        )

    async def suggest(self, request: Suggest) -> Suggestions:
        """See `Service.suggest`."""
        terms = self._terms(replace(request.check, guard=""), request.place.project)
        samplers = self._registry.samplers(request.sampler)
        self._refuse_before_start()
        budget = replace(self._default.budget, seconds=request.seconds)
        params = self.models.params(request.sampling, budget, self.workers, request.check.priority)
        model = next((sampler for sampler in samplers if isinstance(sampler, ProofModel)), None)
        rules = any(sampler is self._samplers["portfolio"] for sampler in samplers)
        with as_user_errors():
            async with self._client() as client:
                found = await Suggester(client, request, terms).suggest(rules, model, params)
        charge_samples(found.tried)
        return found

    async def hint(self, request: Tutoring) -> Tutored:
        """See `Service.hint`. Proofs found for a client are cached for its next requests, in this process only."""
        terms = self._terms(replace(request.check, guard=""), request.theorem.project)
        self._refuse_before_start()
        cases = self._cases.of(CALLER.get().name)
        with as_user_errors(request.theorem):
            async with self.questions() as (client, refuter):
                seconds = self._settings.tutor.seconds
                tutor = Tutor(client, refuter, request, terms, cases, self._phraser, seconds)
                return await tutor.answer(self._guidance)

    @contextlib.asynccontextmanager
    async def questions(self) -> AsyncIterator[tuple[PoolClient, EngineRefuter]]:
        """Return the operations that a tutor uses."""
        async with self._client() as client:
            yield client, EngineRefuter(client, self._terms, self.check, self.prove)

    async def premises(self, request: Premises) -> QueryResult:
        """See `Service.premises`."""
        self._refuse_before_start()
        options = CheckOptions(self._default.limits, priority=request.priority)
        with as_user_errors():
            async with self._client() as client:
                return await self._library.find(request, client, self._terms(options, request.project))

    async def reload(self) -> tuple[ServedModel, ...]:
        """See `Service.reload`."""
        self._refuse_before_start()
        return await self.models.reload()
