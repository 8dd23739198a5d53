"""The part of the engine that needs Lean alone: checks, and the client, checker and terms of every other request."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial

from prover.candidate import Candidate
from prover.errors import InputError
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.lean.crosscheck.checker import CrossChecker
from prover.lean.runtimes.embedded.cache.package import Progress as Report
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.lean.wire.answers import Named
from prover.lean.wire.checks import InvalidTextError
from prover.lean.workers.client import SCOPE, PoolClient, Scope
from prover.lean.workers.isolation.isolated import IsolatedChecker, RecheckingChecker
from prover.lean.workers.jobs import PoolBusyError
from prover.lean.workers.lean_pool import LeanPool
from prover.lean.workers.projects import ProjectRouter, unknown
from prover.options import CheckOptions
from prover.requests import BusyError, Check, StatementError, UnavailableError
from prover.sampling.sampler import PromptTooLongError, SamplerUnavailableError
from prover.source import showing
from prover.source.typed import as_typed
from prover.theorem import Header, Theorem
from prover.verdict import Policy, Trust, Verdict
from service.core.limits.admission import bounds
from service.core.resources.leans import dojo_of, pool_of, second_of
from service.ops.config import Settings
from service.ops.metrics.recorder import Recorder

_WARM_UP = "theorem leansieve_warm_up : 1 + 1 = 2"


@contextlib.contextmanager
def as_user_errors(theorem: Theorem | None = None) -> Iterator[None]:
    """Convert errors of pools and samplers to user errors, and positions in a theorem's statement to the typed text."""
    try:
        yield
    except StatementError as error:
        raise error if theorem is None else StatementError(as_typed(theorem, error.verdict)) from None
    except PoolBusyError as error:
        raise BusyError(str(error), error.seconds) from None
    except InvalidTextError as error:
        raise InputError(f"theorem.{error.region.value}", str(error)) from None
    except SamplerUnavailableError as error:
        raise UnavailableError(str(error)) from None
    except PromptTooLongError as error:
        raise InputError("theorem.statement", str(error)) from None
    except ValueError as error:
        raise InputError("request", str(error)) from None


class LeanEngine:
    """Checks proofs, for clients that may share the workers; `Engine` starts and closes it.

    Attributes:
        pool: the workers.
        recorder: counts all operations.
    """

    def __init__(
        self,
        settings: Settings,
        pool: LeanPool | None,
        report: Report | None,
        recorder: Recorder | None,
        shared: bool,
    ) -> None:
        """See `Engine`."""
        self._settings = settings
        self._closed = False
        self._report = report
        self._owns_pool = pool is None
        self.pool = pool or pool_of(settings.lean, self._preparing, shared)
        self._dojo = dojo_of(settings.lean)
        self._second = second_of(settings.crosscheck)
        self.recorder = recorder or Recorder()
        self._policies = {name: Policy(name, policy.axioms, policy.kinds) for name, policy in settings.policies.items()}
        self._started = False
        self._default, self._maximum = bounds(settings)
        # All requests of an engine that is not shared belong to one client.
        self._scope = None if shared else Scope()

    async def self_check(self) -> None:
        """Check a small test proof.

        Raises:
            UnavailableError: Lean does not verify it.
        """
        warm_up = Theorem(_WARM_UP, Header(self._settings.lean.imports))
        # A slow start on a busy machine is not a failure.
        limits = replace(self._default.limits, seconds=self._maximum.limits.seconds)
        verdict = await self.check(Check(warm_up, Candidate("rfl", source="warm-up"), CheckOptions(limits)))
        if not verdict.verified:
            messages = "; ".join(message.text for message in verdict.messages)
            raise UnavailableError(f"Lean does not verify that 1 + 1 = 2: {verdict.kind.name} {messages}")

    async def check(self, request: Check) -> Verdict:
        """See `Service.check`."""
        terms = self._terms(request.options, request.theorem.project)
        self._refuse_before_start()
        with as_user_errors():
            async with (
                self._client() as client,
                self._checker(request.theorem, request.options.trust, client) as checker,
            ):
                verdict = await checker.check(request.theorem, request.candidate, terms)
        verdict = as_typed(request.theorem, verdict, request.candidate.text)
        context = request.theorem.context
        # Takes up to a second for the largest; other requests proceed meanwhile.
        remarks = await asyncio.to_thread(showing.remarks, context) if "#" in context else ()
        if self.pool.runtime == "embedded" and not request.theorem.project:
            remarks = (*showing.on_axioms(verdict.messages), *remarks)
        return replace(verdict, messages=(*verdict.messages, *remarks)) if remarks else verdict

    async def names(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> tuple[Named, ...]:
        """Return the declarations of a theorem's header and context, in quarantine if needed.

        Raises as `StatementQuestions.names`.
        """
        async with self._client() as client:
            return await client.names(theorem, terms)

    def _preparing(self, doing: str, done: int, total: int) -> None:
        """Report progress from a thread; raises to end the thread, which cannot be cancelled, if its caller is gone."""
        if self._closed:
            raise RuntimeUnavailableError("the preparation of Lean was interrupted")
        if self._report:
            self._report(doing, done, total)

    @property
    def workers(self) -> int:
        """Maximum number of concurrent checks."""
        return self.pool.size

    @property
    def policies(self) -> tuple[str, ...]:
        """Names of all policies."""
        return tuple(self._policies)

    def policy(self, options: CheckOptions, project: str) -> Policy:
        """Return the policy of a request, for an existing project."""
        if project and project not in self._settings.lean.projects:
            raise InputError("theorem.project", unknown(project, self._settings.lean.projects))
        if options.policy not in self._policies:
            raise InputError("policy", f"there is no policy {options.policy!r}; there is {', '.join(self._policies)}")
        policy = self._policies[options.policy]
        return replace(policy, axioms=(*policy.axioms, *options.axioms), guard=options.guard, holes=options.holes)

    def _terms(self, options: CheckOptions, project: str) -> Terms:
        return Terms(options.limits, self.policy(options, project), options.priority)

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncIterator[PoolClient]:
        """Return the current request's client view of the workers."""
        contain = self._settings.lean.quarantine != "never"
        scope = SCOPE.get() or self._scope
        if scope is not None:
            yield scope.client(self.pool, contain)
            return
        async with PoolClient(self.pool, contain) as client:
            yield client

    @contextlib.asynccontextmanager
    async def _checker(self, theorem: Theorem, trust: Trust, client: PoolClient) -> AsyncIterator[Checker]:
        """Return the checker for proofs of a theorem, for a tier of trust."""
        trust = self._trust(trust)
        shared: Checker = self.pool if self._dojo is None else self._dojo.before(self.pool)
        if trust < Trust.ISOLATED_REPLAY:
            yield self.recorder.checks.recorded(client.checking(shared))
            return
        if trust < Trust.CROSS_CHECKED:
            async with self._isolated(theorem, IsolatedChecker) as isolated:
                yield self.recorder.checks.recorded(client.checking(RecheckingChecker(shared, isolated)))
            return
        if self._second is None:
            raise InputError("minimum_trust", "there is no second kernel here: install leansieve[crosscheck]")
        crosschecker = partial(CrossChecker, second=self._second)
        async with self._isolated(theorem, crosschecker) as isolated:
            yield self.recorder.checks.recorded(client.checking(RecheckingChecker(shared, isolated), crosschecker))

    def _isolated(
        self, theorem: Theorem, within: Callable[[LeanPool], Checker]
    ) -> AbstractAsyncContextManager[Checker]:
        imports = theorem.header.imports or None
        if isinstance(self.pool, ProjectRouter):
            return self.pool.isolated(imports, within, theorem.project)
        return self.pool.isolated(imports, within)

    def _trust(self, asked: Trust) -> Trust:
        return Trust.CROSS_CHECKED if self._settings.crosscheck.always else asked

    def _refuse_before_start(self) -> None:
        if not self._started:
            raise BusyError("Lean and the samplers are still starting; try again later", 2.0)
