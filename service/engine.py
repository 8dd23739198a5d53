"""The service in this process: Lean workers, samplers and searches, put together from the settings."""

import asyncio
import contextlib
import importlib.metadata
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Self

from prover.candidate import Candidate
from prover.lean.answers import Elaboration
from prover.lean.checker import DEFAULT_LIMITS, DEFAULT_POLICY, Checker
from prover.lean.embedded.package import Progress as Report
from prover.lean.embedded.runtime import EmbeddedLean
from prover.lean.native import NativeToolchain
from prover.lean.pool import (
    PoolBusyError,
    PoolConfig,
    PoolStats,
    PoolUnavailableError,
    Priority,
    UnfitTextError,
    WorkerPool,
)
from prover.lean.runtime import LeanRuntime, RuntimeUnavailableError
from prover.sampling.portfolio import PortfolioSampler
from prover.sampling.sampler import Sampler, SamplerUnavailableError, SamplingParams
from prover.sampling.vllm_engine import VllmEngineSampler
from prover.search import Ending, Finished, Options, ProofSearch
from prover.theorem import Header, Theorem
from prover.verdict import Limits, Policy, Trust, Verdict, VerdictKind
from service.admission import bounds
from service.config import Settings
from service.errors import InputError
from service.metrics.recorder import Recorder
from service.requests import (
    Accepted,
    BusyError,
    Check,
    Event,
    Search,
    ServiceInfo,
    StatementError,
    UnavailableError,
)

_WARM_UP = "theorem leansieve_warm_up : 1 + 1 = 2"


class Engine:
    """A `Service`. Use it as an async context manager, or `start` and `close` it; behind it, no process is left."""

    def __init__(
        self,
        settings: Settings,
        pool: WorkerPool | None = None,
        report: Report | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        """Put everything together; nothing is started yet.

        Args:
            settings: of the service.
            pool: a pool that somebody else starts and closes; by default one of its own, as the settings say.
            report: told how far the preparation of Lean is.
            recorder: counts what is done here; by default one of its own.

        Raises:
            UnavailableError: the settings ask for a Lean that is not on offer.
        """
        self._settings = settings
        self._closed = False
        self._report = report
        self._owns_pool = pool is None
        self.pool = pool or _new_pool(settings, self._preparing)
        self.recorder = recorder or Recorder()
        samplers: dict[str, Sampler] = {"portfolio": PortfolioSampler()}
        if settings.model.path is not None:
            samplers["model"] = VllmEngineSampler(settings.model.path)
        self._samplers = {name: self.recorder.sampler(sampler) for name, sampler in samplers.items()}
        self._started = False
        self._default, self._maximum = bounds(settings)
        self._policies = {name: Policy(name, policy.axioms, policy.kinds) for name, policy in settings.policies.items()}

    async def start(self) -> None:
        """Start samplers and workers; returns when a proof has really been checked.

        Raises:
            UnavailableError: Lean or a sampler does not run here; the text says why.
        """
        if self._owns_pool:
            await self.pool.start()
        try:
            await asyncio.gather(self.pool.ready(), *(sampler.start() for sampler in self._samplers.values()))
        except (PoolUnavailableError, SamplerUnavailableError) as error:
            raise UnavailableError(str(error)) from None
        self._started = True
        await self.self_check()

    async def self_check(self) -> None:
        """Have a small proof checked.

        Raises:
            UnavailableError: Lean does not verify it.
        """
        warm_up = Theorem(_WARM_UP, Header(self._settings.lean.imports))
        verdict = await self.check(Check(warm_up, Candidate("rfl", source="warm-up"), self._default.limits))
        if not verdict.verified:
            said = "; ".join(message.text for message in verdict.messages)
            raise UnavailableError(f"Lean does not verify that 1 + 1 = 2: {verdict.kind.name} {said}")

    def stats(self) -> PoolStats:
        """What the Lean workers do and have done."""
        return self.pool.stats()

    @property
    def sources(self) -> tuple[str, ...]:
        """Whose candidates are sampled here: models and portfolios, as `Candidate.source` names them."""
        return tuple(sampler.name for sampler in self._samplers.values())

    async def close(self) -> None:
        """Stop everything."""
        self._closed = True
        if self._owns_pool:
            await self.pool.close()
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

    async def check(self, request: Check) -> Verdict:
        """See `Service.check`."""
        policy = self._policy(request)
        self._refuse_before_start()
        try:
            async with self._checker(request) as checker:
                return await checker.check(request.theorem, request.candidate, request.limits, policy)
        except PoolBusyError as error:
            raise BusyError(str(error)) from None
        except ValueError as error:
            raise InputError("limits", str(error)) from None

    async def prove(self, request: Search) -> AsyncGenerator[Event, None]:
        """See `Service.prove`."""
        started = time.monotonic()
        policy, plan = self._policy(request), self._plan(request.sampler)
        self._refuse_before_start()
        model = self._settings.model
        params = SamplingParams(
            temperature=model.temperature, top_p=model.top_p, max_tokens=model.max_tokens, seed=request.sampling.seed
        )
        options = Options(params, request.limits, policy, request.trust)
        try:
            elaboration = await self.pool.elaborate(request.theorem, request.limits, policy, request.priority)
            _accept(elaboration, policy)
            yield Accepted(elaboration.goal)
            left = request.budget.seconds - (time.monotonic() - started)
            budget = replace(request.budget, seconds=max(left, 1e-3))
            async with self._checker(request) as checker:
                search = ProofSearch(checker, self.workers)
                found = self.recorder.search(search.prove(request.theorem, plan, budget, options))
                async with contextlib.aclosing(found) as events:
                    async for event in events:
                        if isinstance(event, Finished):
                            _raise_if_hopeless(event)
                        yield event
        except PoolBusyError as error:
            raise BusyError(str(error)) from None
        except UnfitTextError as error:
            raise InputError(f"theorem.{error.region.value}", str(error)) from None
        except ValueError as error:
            raise InputError("budget", str(error)) from None

    async def info(self) -> ServiceInfo:
        """See `Service.info`."""
        return ServiceInfo(
            version=importlib.metadata.version("leansieve"),
            lean=self.pool.lean_version,
            runtime=self.pool.runtime,
            workers=self.workers,
            samplers=("auto", *self._samplers),
            policies=tuple(self._policies),
            highest_trust=Trust.ISOLATED_REPLAY,
            default=self._default,
            maximum=self._maximum,
        )

    def _preparing(self, doing: str, done: int, total: int) -> None:
        """Told by a thread that nobody can cancel how far it is: ends it if it works for nobody."""
        if self._closed:
            raise RuntimeUnavailableError("the preparation of Lean was interrupted")
        if self._report:
            self._report(doing, done, total)

    @property
    def workers(self) -> int:
        """Most checks at once."""
        return self.pool.size

    @contextlib.asynccontextmanager
    async def _checker(self, request: Check | Search) -> AsyncIterator[Checker]:
        """What checks proofs of the request's theorem up to the tier that it asks for, in its turn."""
        warm = _InTurn(self.pool, request.priority)
        if request.trust < Trust.ISOLATED_REPLAY:
            yield self.recorder.checker(warm)
            return
        async with self.pool.isolated(request.theorem.header.imports) as isolated:
            yield self.recorder.checker(_TwiceChecker(warm, isolated))

    def _refuse_before_start(self) -> None:
        if not self._started:
            raise BusyError("Lean and the samplers are still starting; try again later", 2.0)

    def _policy(self, request: Check | Search) -> Policy:
        name = request.policy
        if name not in self._policies:
            raise InputError("policy", f"there is no policy {name!r}; there is {', '.join(self._policies)}")
        return replace(self._policies[name], guard=request.guard)

    def _plan(self, name: str) -> list[list[Sampler]]:
        name = name or self._settings.search.sampler
        if name == "auto":
            return [[sampler] for sampler in self._samplers.values()]
        if name not in self._samplers:
            raise InputError("sampler", f"there is no sampler {name!r}; there is auto, {', '.join(self._samplers)}")
        return [[self._samplers[name]]]


class _InTurn:
    """Checks in the pool under one priority."""

    def __init__(self, pool: WorkerPool, priority: Priority) -> None:
        self._pool = pool
        self._priority = priority

    async def check(
        self,
        theorem: Theorem,
        candidate: Candidate,
        limits: Limits = DEFAULT_LIMITS,
        policy: Policy = DEFAULT_POLICY,
    ) -> Verdict:
        return await self._pool.check(theorem, candidate, limits, policy, self._priority)


class _TwiceChecker:
    """Checks in a warm worker, and what that verifies once more in one that serves nobody else."""

    def __init__(self, warm: Checker, isolated: Checker) -> None:
        self._warm = warm
        self._isolated = isolated

    async def check(
        self,
        theorem: Theorem,
        candidate: Candidate,
        limits: Limits = DEFAULT_LIMITS,
        policy: Policy = DEFAULT_POLICY,
    ) -> Verdict:
        verdict = await self._warm.check(theorem, candidate, limits, policy)
        return await self._isolated.check(theorem, candidate, limits, policy) if verdict.verified else verdict


def _new_pool(settings: Settings, report: Report) -> WorkerPool:
    lean = settings.lean
    if lean.runtime == "native" and lean.project is None:
        raise UnavailableError("the native toolchain runs in a Lake project: set lean.project to its folder")
    runtime: LeanRuntime
    if lean.project is not None and lean.runtime != "embedded":
        runtime = NativeToolchain(lean.project)
    else:
        runtime = EmbeddedLean(report)
    config = PoolConfig(
        workers=lean.workers,
        spares=lean.spares,
        imports=lean.imports,
        allowed_imports=lean.allowed_imports,
        max_queued=lean.queue,
    )
    return WorkerPool(runtime, config)


def _accept(elaboration: Elaboration, policy: Policy) -> None:
    """Raise unless the statement elaborates."""
    kind = elaboration.verdict
    if kind is VerdictKind.INFRASTRUCTURE:
        raise UnavailableError("; ".join(message.text for message in elaboration.messages))
    if kind is not VerdictKind.VERIFIED:
        raise StatementError(Verdict(kind, policy=policy, messages=elaboration.messages))


def _raise_if_hopeless(finished: Finished) -> None:
    verdict = finished.verdict
    if finished.ending is Ending.INVALID_STATEMENT and verdict is not None:
        raise StatementError(verdict)
    if finished.ending is Ending.INFRASTRUCTURE:
        said = "; ".join(message.text for message in verdict.messages) if verdict else ""
        raise UnavailableError(f"the search was broken off: {said}")
