"""Whole proofs; failing ones are repaired with Lean's error messages in a limited number of rounds."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from prover.candidate import Candidate
from prover.sampling.sampler import ProofModel, Sampler, SamplingParams
from prover.search.strategies.strategy import SearchContext
from prover.search.strategies.together import run_all_then_raise_first
from prover.search.tactics.closers import PROBE
from prover.search.tactics.moves.steps import fill
from prover.search.tactics.scripts.cut import cut, errors
from prover.theorem import Theorem
from prover.verdict import Message, Mode, Verdict, VerdictKind

_MENDABLE = frozenset({VerdictKind.REJECTED, VerdictKind.INCOMPLETE})
_AT_ONCE = 8  # failing proofs repaired concurrently
_LONGEST_PROOF = 16_000  # characters; longer proofs are not repaired


class Repairer(Protocol):
    """Proposes replacements for a failing proof."""

    def repair(
        self, theorem: Theorem, candidate: Candidate, error: Message, params: SamplingParams
    ) -> AsyncGenerator[Candidate, None]:
        """Yield whole proofs, given a failing one and Lean's first error in it."""
        ...


class ModelRepairer:
    """Shows a model its proof and Lean's error message."""

    def __init__(self, model: ProofModel) -> None:
        self._model = model

    async def repair(
        self, theorem: Theorem, candidate: Candidate, error: Message, params: SamplingParams
    ) -> AsyncGenerator[Candidate, None]:
        """See `Repairer.repair`."""
        proposed = self._model.repair_proof(theorem, candidate.text, error, params)
        async with contextlib.aclosing(proposed) as repaired:
            async for each in repaired:
                yield replace(each, source=f"repair({each.source})")


class ClosingRepairer:
    """Removes the tactics from the first error to the end of their block and lets automation close the remaining
    goal.
    """

    async def repair(
        self, theorem: Theorem, candidate: Candidate, error: Message, params: SamplingParams
    ) -> AsyncGenerator[Candidate, None]:
        """See `Repairer.repair`."""
        if (text := cut(candidate.text, error)) is not None:
            yield Candidate(fill(text, [PROBE]), source=f"repair({candidate.source})")


class Repair:
    """Checks the candidates of samplers; repairs a failing one as long as its first error moves down."""

    name = "repair"

    def __init__(
        self, samplers: Sequence[Sampler], repairers: Sequence[Repairer], rounds: int = 3, attempts: int = 4
    ) -> None:
        """Repair each failing proof in at most `rounds` rounds with `attempts` proposals of each repairer."""
        self._samplers = samplers
        self._repairers = repairers
        self._rounds = rounds
        self._attempts = attempts

    async def run(self, context: SearchContext) -> None:
        """See `Strategy.run`."""
        places = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            await run_all_then_raise_first(*(self._take(context, sampler, places, group) for sampler in self._samplers))

    async def _take(
        self, context: SearchContext, sampler: Sampler, places: asyncio.Semaphore, group: asyncio.TaskGroup
    ) -> None:
        """Check the candidates of a sampler; start a repair task for each that fails."""
        proposed = context.sample(partial(sampler.sample, context.theorem))
        async with contextlib.aclosing(proposed) as candidates:
            async for candidate in candidates:
                if (verdict := await context.submit(candidate)) is not None:
                    await places.acquire()
                    group.create_task(self._mend(context, candidate, verdict, places))

    async def _mend(
        self, context: SearchContext, candidate: Candidate, to_come: asyncio.Future[Verdict], places: asyncio.Semaphore
    ) -> None:
        try:
            verdict = await to_come
            for _ in range(self._rounds):
                error = _first_error(candidate, verdict)
                if error is None:
                    return
                better = await self._round(context, candidate, error)
                if better is None:
                    return
                candidate, verdict = better
        finally:
            places.release()

    async def _round(
        self, context: SearchContext, candidate: Candidate, error: Message
    ) -> tuple[Candidate, Verdict] | None:
        """Return the proposal whose first error is furthest down, if it is further down than before."""
        best: tuple[Candidate, Verdict] | None = None
        furthest = (error.line, error.column)
        for repairer in self._repairers:
            proposed = context.sample(partial(repairer.repair, context.theorem, candidate, error), self._attempts)
            async with contextlib.aclosing(proposed) as repaired:
                async for each in repaired:
                    if (to_come := await context.submit(each)) is None:
                        continue
                    verdict = await to_come
                    if verdict.verified:
                        return None
                    found = _first_error(each, verdict)
                    if found is not None and (found.line, found.column) > furthest:
                        furthest, best = (found.line, found.column), (each, verdict)
        return best


def _first_error(candidate: Candidate, verdict: Verdict) -> Message | None:
    """Return the error to repair, if the proof is repairable."""
    if verdict.kind not in _MENDABLE or candidate.mode is not Mode.PROOF or len(candidate.text) > _LONGEST_PROOF:
        return None
    return next(iter(errors(verdict.messages)), None)
