"""Proof search: strategies propose candidates, the checker decides, and each proof that the kernel accepts is reported
at once.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from prover.events import Ending, Event, Finished, Minimised, Progress, Proof, Spending, Waste
from prover.lean.checker import Checker
from prover.lean.workers.jobs import PoolBusyError
from prover.options import Budget, Preference
from prover.sampling.sampler import Sampler
from prover.search.diversity import Diversity, identities, length
from prover.search.minimise import minimise
from prover.search.session import Session
from prover.search.strategies.independent import Independent
from prover.search.strategies.strategy import Strategy
from prover.search.tactics.plain import plain
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Mode, Verdict

__all__ = [
    "Ending",
    "Event",
    "Finished",
    "Minimised",
    "Progress",
    "Proof",
    "ProofSearch",
    "Spending",
    "Waste",
]

DEFAULT_BUDGET = Budget()
DEFAULT_OPTIONS = SearchTerms()


class ProofSearch:
    """Searches for proofs. One instance serves any number of concurrent searches; each call of `prove` is one
    search.
    """

    def __init__(self, checker: Checker, concurrency: int) -> None:
        """Create a search that puts at most `concurrency` questions per search to `checker` at a time."""
        if concurrency < 1:
            raise ValueError(f"a search needs at least one check at a time, not {concurrency}")
        self._checker = checker
        self._concurrency = concurrency

    async def prove(
        self,
        theorem: Theorem,
        plan: Sequence[Sequence[Strategy | Sampler]],
        budget: Budget = DEFAULT_BUDGET,
        options: SearchTerms = DEFAULT_OPTIONS,
    ) -> AsyncGenerator[Event, None]:
        """Yield each verified proof as soon as it is known, progress in between, and `Finished` at the end.

        Closing the generator, or cancelling the task that reads it, cancels all sampling and checking.

        Args:
            theorem: the theorem to prove.
            plan: stages, run one after the other; the strategies of one stage run in parallel. A sampler is short for
                `Independent(sampler)`.
            budget: shared by all strategies.
            options: terms of sampling, checking and choosing.

        Raises:
            ValueError: a part of the budget is not positive.
            Exception: an error of the checker, at once; an error of a strategy, if no other strategy found a proof.
        """
        session = Session(self._checker, self._concurrency, theorem, budget, options)
        stages = [[each if isinstance(each, Strategy) else Independent(each) for each in stage] for stage in plan]
        work = asyncio.create_task(session.work(stages))
        try:
            while event := await session.events.get():
                yield event
        finally:
            work.cancel()
            await asyncio.wait([work])
        if not work.cancelled():
            work.result()
        best = _ranked(session.ledger.proofs, options.prefer)[: budget.proofs]
        if options.minimise:
            for place, proof in enumerate(list(best)):
                remaining = budget.seconds - session.ledger.seconds
                seconds = remaining if options.minimise_seconds is None else min(remaining, options.minimise_seconds)
                shorter = await self._shorten(proof, session, seconds)
                # Two proofs may shorten to the same text; then the longer one is still a distinct proof.
                if shorter is not None and not _among(shorter, [*best[:place], *best[place + 1 :]], theorem):
                    best[place] = shorter
                    yield Minimised(proof, shorter)
        yield _finished(session, tuple(_ranked(best, options.prefer)), budget)

    async def _shorten(self, proof: Proof, session: Session, seconds: float) -> Proof | None:
        """Return a more readable proof if time permits and one is found."""
        options = session.terms
        latest: list[Verdict] = [proof.verdict]

        async def holds(text: str) -> bool:
            candidate = replace(proof.candidate, text=text)
            try:
                verdict = await self._checker.check(session.theorem, candidate, options.terms)
            except PoolBusyError:
                return False  # other work waits, so the longer proof is good enough
            if verdict.verified and verdict.trust >= options.trust:
                latest[0] = verdict
                return True
            return False

        if proof.candidate.mode is not Mode.PROOF:
            return None
        others = plain(session.theorem.statement)
        text = await minimise(proof.candidate.text, holds, options.minimise, seconds, others)
        if text == proof.candidate.text:
            return None
        return Proof(replace(proof.candidate, text=text), latest[0], session.ledger.seconds)


def _ranked(proofs: Sequence[Proof], preference: Preference) -> list[Proof]:
    """Sort proofs by the preference, best first."""
    match preference:
        case Preference.FIRST:
            return list(proofs)
        case Preference.FASTEST:
            return sorted(proofs, key=lambda proof: proof.verdict.heartbeats)
        case Preference.SHORTEST:
            return sorted(proofs, key=lambda proof: length(proof.candidate.text))


def _among(proof: Proof, proofs: Sequence[Proof], theorem: Theorem) -> bool:
    keys = identities(theorem, proof.candidate, proof.verdict)
    return any(not keys.isdisjoint(identities(theorem, other.candidate, other.verdict)) for other in proofs)


def _finished(session: Session, proofs: tuple[Proof, ...], budget: Budget) -> Finished:
    ending = session.ending or Ending.SAMPLERS_EXHAUSTED
    if len(proofs) == budget.proofs:
        ending = Ending.PROOFS_FOUND
    return Finished(
        ending,
        session.ledger.progress(),
        dict(session.ledger.verdicts),
        session.last_verdict,
        proofs,
        Diversity.of_proofs((proof.candidate.text, 1) for proof in proofs) if proofs else None,
        session.ledger.spending(),
        session.waste,
    )
