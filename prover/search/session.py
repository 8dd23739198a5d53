"""One running search: the tasks that propose and check within its budget, and the events that they emit."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from prover.candidate import Candidate
from prover.events import Ending, Event, Waste
from prover.lean.checker import Checker
from prover.lean.workers.jobs import WAIT
from prover.options import Budget
from prover.sampling.sampler import PromptTooLongError, WeightsReplacedError
from prover.search.ledger import Ledger, StrategyAccount
from prover.search.strategies.strategy import Source, Strategy
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Verdict, VerdictKind

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Verdicts that say nothing about the candidate: any other candidate would get the same one.
_HOPELESS = {
    VerdictKind.INVALID_STATEMENT: Ending.INVALID_STATEMENT,
    VerdictKind.INFRASTRUCTURE: Ending.INFRASTRUCTURE,
}
_SHARE_OF_MINIMISING = 0.2  # of the time budget, once enough proofs were found and more are collected to choose from


class Session:
    """One search; the queue `events` ends with None."""

    def __init__(
        self, checker: Checker, concurrency: int, theorem: Theorem, budget: Budget, terms: SearchTerms
    ) -> None:
        self.theorem = theorem
        self.terms = terms
        self.ledger = Ledger(theorem, budget, terms)
        self.events: asyncio.Queue[Event | None] = asyncio.Queue()
        self.ending: Ending | None = None
        self.last_verdict: Verdict | None = None
        self.waste = Waste()
        self._checker = checker
        self._wanted = budget.proofs
        self._seconds = budget.seconds
        self._limit: asyncio.Timeout | None = None
        self._slots = asyncio.Semaphore(concurrency)
        self._work: asyncio.Task[None] | None = None
        self._strategies: list[asyncio.Task[None]] = []
        self._failures: list[Exception] = []  # errors of strategies
        self._unserved: PromptTooLongError | None = None
        self._pulling: set[asyncio.Task[Any]] = set()  # tasks that wait for a sampler
        self._ended: set[asyncio.Task[Any]] = set()  # tasks of these that were told to stop waiting

    async def work(self, plan: Sequence[Sequence[Strategy]]) -> None:
        """Run all stages; the last event is None. The task cancels itself when the goal is reached."""
        self._work = asyncio.current_task()
        WAIT.set(self.ledger.question_waited)
        try:
            async with asyncio.timeout(self._seconds) as self._limit:
                for strategies in plan:
                    async with asyncio.TaskGroup() as group:
                        self._strategies = [group.create_task(self._feed(each, group)) for each in strategies]
                    if self.ending is Ending.CHECKS_SPENT:  # strategies that need no samples continue
                        return
                if self._failures and not self.ledger.proofs:
                    raise self._failures[0]
                if self._unserved is not None and self.ledger.questions == 0:
                    raise self._unserved
        except TimeoutError:
            self.ending = Ending.SECONDS_SPENT
        except BaseExceptionGroup as failures:
            # Raise the first failure: the other tasks were cancelled because of it.
            raise failures.exceptions[0] from None
        finally:
            self.events.put_nowait(None)

    async def _feed(self, strategy: Strategy, group: asyncio.TaskGroup) -> None:
        """Run one strategy; its failure does not end the others."""
        account = self.ledger.account(strategy.name)
        try:
            await strategy.run(StrategyContext(self, account, group))
        except Exception as error:
            failure = error
            while isinstance(failure, ExceptionGroup):
                failure = failure.exceptions[0]
            logger.warning("%s failed on theorem %s: %s", strategy.name, self.theorem.digest[:12], failure)
            self._failures.append(failure)
        finally:
            account.close()

    # Operations for strategies, called through their contexts

    @property
    def samples_left(self) -> int:
        """Number of samples that may still be taken."""
        return 0 if self._over else self.ledger.samples_left

    async def pull(self, candidates: AsyncGenerator[Candidate, None]) -> Candidate | None:
        """Return the next candidate of a sampler; None at its end, or when the budget of samples is used up."""
        puller = asyncio.current_task()
        assert puller is not None
        self._pulling.add(puller)
        try:
            candidate = await anext(candidates, None)
        except asyncio.CancelledError:
            if puller in self._ended and puller.uncancel() == 0:
                return None
            raise
        finally:
            self._pulling.discard(puller)
            self._ended.discard(puller)
        if candidate is not None:
            self.ledger.sampled(candidate)
            if self.ledger.samples_left == 0:
                self._end_sampling()
        return candidate

    def cannot_serve(self, error: PromptTooLongError) -> None:
        """Continue without a sampler that cannot serve this theorem; if no other strategy remains, the search fails
        with its error.
        """
        if self._unserved is None:
            logger.warning("theorem %s: %s; the others continue", self.theorem.digest[:12], error)
            self._unserved = error

    def _end_sampling(self) -> None:
        """Take no more candidates; those taken already are processed within the budget."""
        self.ending = Ending.SAMPLES_SPENT
        for puller in self._pulling:
            self._ended.add(puller)
            puller.cancel()

    async def acquire_question(self) -> None:
        """Wait until another question to Lean may begin, and count it.

        A used-up budget of checks cancels the strategies.
        """
        await self._slots.acquire()
        if self._over:
            self._slots.release()
            await asyncio.Event().wait()  # this task is being cancelled
        self.ledger.question_begins()
        if self.ledger.checks_spent:
            # Cancel the strategies: no further candidate could be checked. Checks in progress continue.
            self.ending = Ending.CHECKS_SPENT
            for strategy in self._strategies:
                strategy.cancel()

    def release_question(self) -> None:
        """Release the slot of a question that was answered or cancelled."""
        self.ledger.question_ends()
        self._slots.release()

    def request_answered(self) -> None:
        """Record an answer other than a verdict."""
        self.ledger.request_answered()
        self.events.put_nowait(self.ledger.progress())

    async def check(
        self, candidate: Candidate, account: StrategyAccount, verdict_to_come: asyncio.Future[Verdict]
    ) -> None:
        """Run a check in the slot that `acquire_question` acquired."""
        try:
            verdict = await self._checker.check(self.theorem, candidate, self.terms.terms)
        finally:
            self.release_question()
        if self._aborted:
            return
        proof = self.ledger.judged(candidate, verdict)
        if proof is not None:
            account.add(proofs=1)
            self.events.put_nowait(proof)
        self.events.put_nowait(self.ledger.progress())
        if not verdict_to_come.done():
            verdict_to_come.set_result(verdict)
        if self.ledger.complete:
            self.waste = self.ledger.waste()
            self._abort(Ending.PROOFS_FOUND)
        elif proof is not None and self.terms.minimise and len(self.ledger.proofs) == self._wanted:
            self._leave_seconds()
        elif verdict.kind in _HOPELESS:
            self.last_verdict = verdict
            self._abort(_HOPELESS[verdict.kind])

    def _leave_seconds(self) -> None:
        """Limit the collection of additional proofs, so that time is left to make the chosen ones more readable."""
        assert self._limit is not None
        deadline = self._limit.when()
        if deadline is not None:
            self._limit.reschedule(deadline - _SHARE_OF_MINIMISING * self._seconds)

    def _abort(self, ending: Ending) -> None:
        """Cancel all work in progress."""
        assert self._work is not None
        self.ending = ending
        self._work.cancel()

    @property
    def _aborted(self) -> bool:
        """Whether a task still runs only because it was woken in the same loop iteration in which the search ended."""
        return self._work is not None and self._work.cancelling() > 0

    @property
    def _over(self) -> bool:
        return self._aborted or self.ledger.checks_spent


class StrategyContext:
    """The `SearchContext` of one strategy: draws on the session's budget and keeps the strategy's account."""

    def __init__(self, session: Session, account: StrategyAccount, group: asyncio.TaskGroup) -> None:
        self._session = session
        self._account = account
        self._group = group

    @property
    def theorem(self) -> Theorem:
        """See `SearchContext`."""
        return self._session.theorem

    @property
    def options(self) -> SearchTerms:
        """See `SearchContext`."""
        return self._session.terms

    async def sample(self, source: Source, most: int | None = None) -> AsyncGenerator[Candidate, None]:
        """See `SearchContext.sample`."""
        session = self._session
        remaining = most = session.samples_left if most is None else min(most, session.samples_left)
        while remaining and session.samples_left:
            seed = session.terms.params.seed
            params = replace(
                session.terms.params, samples=remaining, seed=None if seed is None else seed + most - remaining
            )
            async with contextlib.aclosing(source(params)) as candidates:
                try:
                    while remaining and session.samples_left:
                        candidate = await session.pull(candidates)
                        if candidate is None:
                            return
                        remaining -= 1
                        self._account.add(sampled=1, tokens=candidate.tokens)
                        yield candidate
                except WeightsReplacedError:
                    continue  # the new weights serve the remaining samples
                except PromptTooLongError as error:
                    session.cannot_serve(error)
                    return

    async def submit(self, candidate: Candidate) -> asyncio.Future[Verdict] | None:
        """See `SearchContext.submit`."""
        session = self._session
        if not session.ledger.is_new(candidate):
            return None
        session.ledger.waits(candidate)
        await session.acquire_question()
        self._account.add(checked=1)
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._group.create_task(session.check(candidate, self._account, verdict))
        return verdict

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """See `SearchContext.ask`."""
        session = self._session
        await session.acquire_question()
        self._account.add(requests=1)
        try:
            answer = await question()
        finally:
            session.release_question()
        session.request_answered()
        return answer
