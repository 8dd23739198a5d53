"""Proof search: samplers propose, the checker disposes, and every proof that the kernel accepted is handed on at once."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from prover.candidate import Candidate
from prover.diversity import normalise
from prover.lean.checker import Checker
from prover.sampling.sampler import Sampler, SamplingParams
from prover.theorem import Theorem
from prover.verdict import Limits, Mode, Policy, Trust, Verdict, VerdictKind

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Budget:
    """What one search may spend, and what ends it early.

    Attributes:
        samples: most candidates taken from all samplers together.
        checks: most candidates checked; None: no bound beside `samples`.
        seconds: wall-clock bound.
        proofs: distinct verified proofs wanted.
    """

    samples: int = 64
    checks: int | None = None
    seconds: float = 60.0
    proofs: int = 1


@dataclass(frozen=True, slots=True)
class Options:
    """How a search samples and checks.

    Attributes:
        params: handed to every sampler; `samples` is replaced by what the budget has left.
        limits: of each check.
        policy: of each check.
        trust: proofs below this tier do not count; at least `KERNEL_REPLAYED`.
    """

    params: SamplingParams = field(default_factory=SamplingParams)
    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    trust: Trust = Trust.KERNEL_REPLAYED


class Ending(StrEnum):
    """Why a search ended."""

    PROOFS_FOUND = "proofs_found"
    SAMPLERS_EXHAUSTED = "samplers_exhausted"
    SAMPLES_SPENT = "samples_spent"
    CHECKS_SPENT = "checks_spent"
    SECONDS_SPENT = "seconds_spent"
    INVALID_STATEMENT = "invalid_statement"
    INFRASTRUCTURE = "infrastructure"


@dataclass(frozen=True, slots=True)
class Progress:
    """What was spent so far, reported after each check.

    Attributes:
        sampled: candidates proposed.
        distinct: those that were not the same as an earlier one (`prover.diversity.normalise`).
        checked: verdicts received.
        proofs: verified proofs among them.
        seconds: since the search began.
    """

    sampled: int = 0
    distinct: int = 0
    checked: int = 0
    proofs: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified proof. `seconds`: since the search began."""

    candidate: Candidate
    verdict: Verdict
    seconds: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of a search.

    Attributes:
        spent: what it took.
        verdicts: how many candidates ended with each verdict.
        verdict: the verdict that ended the search, for `INVALID_STATEMENT` and `INFRASTRUCTURE`.
    """

    ending: Ending
    spent: Progress
    verdicts: Mapping[VerdictKind, int]
    verdict: Verdict | None = None


Event = Progress | Proof | Finished

DEFAULT_BUDGET = Budget()
DEFAULT_OPTIONS = Options()

# These say nothing about the candidate: the next one would fare the same.
_HOPELESS = {
    VerdictKind.INVALID_STATEMENT: Ending.INVALID_STATEMENT,
    VerdictKind.INFRASTRUCTURE: Ending.INFRASTRUCTURE,
}


class ProofSearch:
    """Searches for proofs. One instance serves any number of searches at once; each call of `prove` is one."""

    def __init__(self, checker: Checker, concurrency: int) -> None:
        """Check with `checker`, at most `concurrency` candidates of one search at a time."""
        if concurrency < 1:
            raise ValueError(f"a search needs at least one check at a time, not {concurrency}")
        self._checker = checker
        self._concurrency = concurrency

    async def prove(
        self,
        theorem: Theorem,
        plan: Sequence[Sequence[Sampler]],
        budget: Budget = DEFAULT_BUDGET,
        options: Options = DEFAULT_OPTIONS,
    ) -> AsyncGenerator[Event, None]:
        """Yield each verified proof as soon as it is known, progress in between, and `Finished` at the end.

        Closing the generator, or cancelling the task that reads it, aborts all sampling and checking behind it.

        Args:
            theorem: what to prove.
            plan: stages, one after the other; the samplers of one stage work beside each other.
            budget: shared by all of them.
            options: how to sample and check.

        Raises:
            ValueError: `options.trust` asks for less than a kernel replay, or the budget for less than nothing.
            Exception: what the checker raised, at once; what a sampler raised, if the others found no proof either.
        """
        run = _Run(self._checker, self._concurrency, theorem, budget, options)
        work = asyncio.create_task(run.work(plan))
        try:
            while event := await run.events.get():
                yield event
        finally:
            work.cancel()
            await asyncio.wait([work])
        if not work.cancelled():
            work.result()
        yield run.finished()


class _Run:
    """One search: tasks that feed and check, and the events that they leave for `ProofSearch.prove`."""

    def __init__(self, checker: Checker, concurrency: int, theorem: Theorem, budget: Budget, options: Options) -> None:
        if options.trust < Trust.KERNEL_REPLAYED:
            raise ValueError(f"proofs count from {Trust.KERNEL_REPLAYED.name} on, not from {options.trust.name}")
        if min(budget.samples, budget.proofs, 1 if budget.checks is None else budget.checks) < 1 or budget.seconds <= 0:
            raise ValueError(f"every part of a budget must be positive: {budget}")
        self._checker = checker
        self._theorem = theorem
        self._budget = budget
        self._options = options
        self.events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._slots = asyncio.Semaphore(concurrency)
        self._began = time.monotonic()
        self._sampled = 0
        self._proofs = 0
        self._seen: set[tuple[Mode, str]] = set()
        self._checks_begun = 0
        self._verdicts: Counter[VerdictKind] = Counter()
        self._ending: Ending | None = None
        self._last_verdict: Verdict | None = None
        self._work: asyncio.Task[None] | None = None
        self._failures: list[Exception] = []  # of samplers
        self._pulling: set[asyncio.Task[Any]] = set()  # feeders that wait for their sampler

    async def work(self, plan: Sequence[Sequence[Sampler]]) -> None:
        """Run the stages; the last event is None. Cancelled from within when the goal is met."""
        self._work = asyncio.current_task()
        try:
            async with asyncio.timeout(self._budget.seconds):
                for samplers in plan:
                    async with asyncio.TaskGroup() as group:
                        for sampler in samplers:
                            group.create_task(self._feed(sampler, group))
                    if self._ending:
                        return
                if self._failures and not self._proofs:
                    raise self._failures[0]
        except TimeoutError:
            self._ending = Ending.SECONDS_SPENT
        except BaseExceptionGroup as failures:
            # The first failure is what happened; the others were cancelled for it.
            raise failures.exceptions[0] from None
        finally:
            self.events.put_nowait(None)

    async def _feed(self, sampler: Sampler, group: asyncio.TaskGroup) -> None:
        """Take candidates from one sampler and check those that are new; a sampler that fails ends alone."""
        try:
            await self._take(sampler, group)
        except Exception as failure:
            logger.warning("sampler %s failed on theorem %s: %s", sampler.name, self._theorem.digest[:12], failure)
            self._failures.append(failure)

    async def _take(self, sampler: Sampler, group: asyncio.TaskGroup) -> None:
        params = replace(self._options.params, samples=self._budget.samples - self._sampled)
        async with contextlib.aclosing(sampler.sample(self._theorem, params)) as candidates:
            while self._ending is None and (candidate := await self._pull(candidates)) and not self._aborted:
                self._sampled += 1
                if self._sampled == self._budget.samples:
                    self._stop_sampling(Ending.SAMPLES_SPENT)
                key = (candidate.mode, normalise(candidate.text))
                if key in self._seen:
                    continue
                self._seen.add(key)
                await self._slots.acquire()
                if self._checks_begun == self._budget.checks or self._aborted:
                    self._slots.release()
                    return
                self._checks_begun += 1
                if self._checks_begun == self._budget.checks:
                    self._stop_sampling(Ending.CHECKS_SPENT)
                group.create_task(self._check(candidate))

    async def _pull(self, candidates: AsyncGenerator[Candidate, None]) -> Candidate | None:
        """The next candidate of one sampler, None at its end."""
        feeder = asyncio.current_task()
        assert feeder is not None
        self._pulling.add(feeder)
        try:
            return await anext(candidates, None)
        finally:
            self._pulling.discard(feeder)

    def _stop_sampling(self, ending: Ending) -> None:
        """Take no further candidate; those that were taken are still checked as far as the budget goes."""
        self._ending = ending
        for feeder in self._pulling:
            feeder.cancel()

    async def _check(self, candidate: Candidate) -> None:
        try:
            options = self._options
            verdict = await self._checker.check(self._theorem, candidate, options.limits, options.policy)
        finally:
            self._slots.release()
        if self._aborted:
            return
        self._verdicts[verdict.kind] += 1
        if verdict.verified and verdict.trust >= self._options.trust:
            self._proofs += 1
            self.events.put_nowait(Proof(candidate, verdict, self._seconds()))
        self.events.put_nowait(self._progress())
        if self._proofs == self._budget.proofs:
            self._abort(Ending.PROOFS_FOUND)
        elif verdict.kind in _HOPELESS:
            self._last_verdict = verdict
            self._abort(_HOPELESS[verdict.kind])

    def _abort(self, ending: Ending) -> None:
        """End all that is under way."""
        assert self._work is not None
        self._ending = ending
        self._work.cancel()

    @property
    def _aborted(self) -> bool:
        """Whether a task runs on only because it was woken in the same breath in which the search was ended."""
        return self._work is not None and self._work.cancelling() > 0

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _progress(self) -> Progress:
        return Progress(self._sampled, len(self._seen), self._verdicts.total(), self._proofs, self._seconds())

    def finished(self) -> Finished:
        """The last event."""
        ending = self._ending or Ending.SAMPLERS_EXHAUSTED
        return Finished(ending, self._progress(), dict(self._verdicts), self._last_verdict)
