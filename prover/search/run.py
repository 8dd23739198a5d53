"""One search at work: the tasks that propose and check, what they have spent, and the events they leave behind."""

import asyncio
import hashlib
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from typing import Any, TypeVar

from prover.candidate import Candidate
from prover.events import Ending, Event, Progress, Proof, Spending, Waste
from prover.lean.checker import Checker
from prover.lean.workers.jobs import WAIT
from prover.options import Budget, Preference
from prover.sampling.sampler import PromptTooLongError
from prover.search.context import Context
from prover.search.diversity import distinct_key, normalise
from prover.search.strategies.strategy import Strategy
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Mode, Verdict, VerdictKind

logger = logging.getLogger(__name__)

T = TypeVar("T")

# These say nothing about the candidate: the next one would fare the same.
_HOPELESS = {
    VerdictKind.INVALID_STATEMENT: Ending.INVALID_STATEMENT,
    VerdictKind.INFRASTRUCTURE: Ending.INFRASTRUCTURE,
}


class Run:
    """One search; `events` ends with None."""

    def __init__(
        self, checker: Checker, concurrency: int, theorem: Theorem, budget: Budget, options: SearchTerms
    ) -> None:
        if min(budget.samples, budget.proofs, 1 if budget.checks is None else budget.checks) < 1 or budget.seconds <= 0:
            raise ValueError(f"every part of a budget must be positive: {budget}")
        self.theorem = theorem
        self.options = options
        self.events: asyncio.Queue[Event | None] = asyncio.Queue()
        self.proofs: list[Proof] = []
        self.verdicts: Counter[VerdictKind] = Counter()
        self.ending: Ending | None = None
        self.last_verdict: Verdict | None = None
        self.waste = Waste()
        self._wanted = budget.proofs * (1 if options.prefer is Preference.FIRST else options.surplus)
        self._checker = checker
        self._budget = budget
        self._slots = asyncio.Semaphore(concurrency)
        self._began = time.monotonic()
        self._sampled = 0
        self._tokens = 0
        self._begun = 0  # questions to Lean, checks among them
        self._requests = 0  # those that were no checks
        self._under_way = 0
        self._asked_seconds = 0.0  # all that questions to Lean took, waiting for a worker included
        self._changed = self._began  # when the number under way last changed
        self._waited_seconds = 0.0  # what of that was waiting
        self._seen: set[bytes] = set()  # keys of all whole proofs that were proposed
        self._found: set[str] = set()  # keys of the distinct proofs
        self._unjudged: dict[int, int] = {}  # candidates that wait for a verdict, by identity: their tokens
        self._work: asyncio.Task[None] | None = None
        self._strategies: list[asyncio.Task[None]] = []
        self._contexts: list[Context] = []
        self._failures: list[Exception] = []  # of strategies
        self._unserved: PromptTooLongError | None = None
        self._pulling: set[asyncio.Task[Any]] = set()  # tasks that wait for their sampler
        self._ended: set[asyncio.Task[Any]] = set()  # those of them that were told to wait no more

    async def work(self, plan: Sequence[Sequence[Strategy]]) -> None:
        """Run the stages; the last event is None. Cancelled from within when the goal is met."""
        self._work = asyncio.current_task()
        WAIT.set(self._waited)
        try:
            async with asyncio.timeout(self._budget.seconds):
                for strategies in plan:
                    async with asyncio.TaskGroup() as group:
                        self._strategies = [group.create_task(self._feed(each, group)) for each in strategies]
                    if self.ending is Ending.CHECKS_SPENT:  # what needs no samples goes on without
                        return
                if self._failures and not self.proofs:
                    raise self._failures[0]
                if self._unserved is not None and self._begun == 0:
                    raise self._unserved
        except TimeoutError:
            self.ending = Ending.SECONDS_SPENT
        except BaseExceptionGroup as failures:
            # The first failure is what happened; the others were cancelled for it.
            raise failures.exceptions[0] from None
        finally:
            self.events.put_nowait(None)

    async def _feed(self, strategy: Strategy, group: asyncio.TaskGroup) -> None:
        """Run one strategy; one that fails ends alone."""
        context = Context(self, strategy.name, group)
        self._contexts.append(context)
        try:
            await strategy.run(context)
        except Exception as error:
            failure = error
            while isinstance(failure, ExceptionGroup):
                failure = failure.exceptions[0]
            logger.warning("%s failed on theorem %s: %s", strategy.name, self.theorem.digest[:12], failure)
            self._failures.append(failure)
        finally:
            context.finish()

    # What strategies do, through their contexts

    @property
    def samples_left(self) -> int:
        """Of the budget."""
        return 0 if self._over else self._budget.samples - self._sampled

    async def pull(self, candidates: AsyncGenerator[Candidate, None]) -> Candidate | None:
        """The next candidate of one sampler; None at its end, and when the samples of the budget are spent meanwhile."""
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
            self._sampled += 1
            self._tokens += candidate.tokens
            if self._sampled == self._budget.samples:
                self._end_sampling()
        return candidate

    def cannot_serve(self, error: PromptTooLongError) -> None:
        """Go on without a sampler that cannot be asked about this theorem; if nobody else tries anything, that is the failure."""
        if self._unserved is None:
            logger.warning("theorem %s: %s; others go on without", self.theorem.digest[:12], error)
            self._unserved = error

    def _end_sampling(self) -> None:
        """Take no further candidate; those that were taken are still worked on as far as the budget goes."""
        self.ending = Ending.SAMPLES_SPENT
        for puller in self._pulling:
            self._ended.add(puller)
            puller.cancel()

    def is_new(self, candidate: Candidate) -> bool:
        """Whether nothing like it was proposed before; from now on it was."""
        # A whole file is no proof: where its layout matters is not for `normalise` to say.
        text = normalise(candidate.text) if candidate.mode is Mode.PROOF else candidate.text
        key = hashlib.sha256(f"{candidate.mode} {text}".encode("utf-8", "surrogatepass")).digest()
        if key in self._seen:
            return False
        self._seen.add(key)
        # Another way to write a proof that is there already is not worth a check.
        return not self._found or self._distinct_key(candidate) not in self._found

    def _distinct_key(self, candidate: Candidate) -> str:
        return distinct_key(candidate.text, self.theorem) if candidate.mode is Mode.PROOF else candidate.text

    async def begin(self) -> None:
        """Wait for room for one question to Lean and count it. Never returns if there can be none any more."""
        await self._slots.acquire()
        if self._over or self._begun == self._budget.checks:
            self._slots.release()
            await asyncio.Event().wait()  # the task is being cancelled
        self._begun += 1
        self._now_under_way(1)
        if self._begun == self._budget.checks:
            # Nothing that strategies could still find out would ever be checked; what is being checked goes on.
            self.ending = Ending.CHECKS_SPENT
            for strategy in self._strategies:
                strategy.cancel()

    def end(self) -> None:
        """One question is answered, or given up."""
        self._now_under_way(-1)
        self._slots.release()

    def _now_under_way(self, more: int) -> None:
        now = time.monotonic()
        self._asked_seconds += self._under_way * (now - self._changed)
        self._changed = now
        self._under_way += more

    def _waited(self, seconds: float) -> None:
        self._waited_seconds += seconds

    def asked(self) -> None:
        """Report an answer that was no verdict."""
        self._requests += 1
        self.events.put_nowait(self.progress())

    def waits(self, candidate: Candidate) -> None:
        """Count a candidate as taken but without a verdict."""
        self._unjudged[id(candidate)] = candidate.tokens

    async def check(self, candidate: Candidate, spending: Context, verdict_to_come: asyncio.Future[Verdict]) -> None:
        """Check in the place that `begin` got."""
        try:
            verdict = await self._checker.check(self.theorem, candidate, self.options.terms)
        finally:
            self.end()
        if self._aborted:
            return
        self._unjudged.pop(id(candidate), None)
        self.verdicts[verdict.kind] += 1
        if verdict.verified and verdict.trust >= self.options.trust:
            self._keep(Proof(candidate, verdict, self.seconds), spending)
        self.events.put_nowait(self.progress())
        if not verdict_to_come.done():
            verdict_to_come.set_result(verdict)
        if len(self.proofs) == self._wanted:
            self._abort(Ending.PROOFS_FOUND)
        elif verdict.kind in _HOPELESS:
            self.last_verdict = verdict
            self._abort(_HOPELESS[verdict.kind])

    def _keep(self, proof: Proof, spending: Context) -> None:
        key = self._distinct_key(proof.candidate)
        if key not in self._found:
            self._found.add(key)
            self.proofs.append(proof)
            spending.proofs += 1
            self.events.put_nowait(proof)

    def _abort(self, ending: Ending) -> None:
        """End all that is under way."""
        assert self._work is not None
        if ending is Ending.PROOFS_FOUND:
            self.waste = Waste(len(self._unjudged), sum(self._unjudged.values()), self._under_way)
        self.ending = ending
        self._work.cancel()

    @property
    def _aborted(self) -> bool:
        """Whether a task runs on only because it was woken in the same breath in which the search was ended."""
        return self._work is not None and self._work.cancelling() > 0

    @property
    def _over(self) -> bool:
        return self._aborted or self._begun == self._budget.checks

    # What was spent

    @property
    def seconds(self) -> float:
        """Since the search began."""
        return time.monotonic() - self._began

    def progress(self) -> Progress:
        """What was spent so far."""
        checked, proofs, seconds = self.verdicts.total(), len(self.proofs), self.seconds
        self._now_under_way(0)
        waited = seconds * min(1.0, self._waited_seconds / self._asked_seconds) if self._asked_seconds else 0.0
        return Progress(self._sampled, len(self._seen), checked, proofs, seconds, self._tokens, self._requests, waited)

    def spending(self) -> tuple[Spending, ...]:
        """What each strategy took."""
        return tuple(context.spending() for context in self._contexts)
