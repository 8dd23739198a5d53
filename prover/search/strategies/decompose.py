"""Skeletons with holes: each hole is solved separately, then the whole proof is assembled and checked.

A skeleton is a rule's step (a split of a conjunction, an induction, an intermediate `have`, …) or a model's proof with
holes at Lean's errors.
"""

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from prover.candidate import Candidate
from prover.lean.wire.checks import InvalidTextError
from prover.sampling.sampler import ProofModel, Sampler
from prover.search.strategies.strategy import SearchContext, question_terms
from prover.search.strategies.together import run_all_then_raise_first
from prover.search.tactics.closers import PROBE, particular
from prover.search.tactics.goals.goal import Goal
from prover.search.tactics.moves.steps import fill, holes, steps
from prover.search.tactics.scripts.cut import cut, errors
from prover.search.tactics.scripts.partial import GoalReader, Place, goals_at, goals_left, root
from prover.source.context.declarations import NameReader, declared
from prover.theorem import Theorem
from prover.verdict import Mode, Verdict

_LONGEST_PROOF = 16_000  # characters
_MOST_HOLES = 8
_MOST_SKELETONS = 16  # skeletons of a model that are retried with deeper holes
_AT_ONCE = 4  # skeletons processed concurrently


class Reader(GoalReader, NameReader, Protocol):
    """The questions that this strategy puts to Lean besides checks; `WorkerPool` answers them."""


class Decompose:
    """Proves by skeletons whose holes are solved one by one."""

    name = "decompose"

    def __init__(
        self, reader: Reader, samplers: Sequence[Sampler], depth: int = 3, width: int = 24, attempts: int = 4
    ) -> None:
        """Solve holes with at most `depth` nested skeletons.

        Args:
            reader: reads goals and the declarations of the context.
            samplers: the models among them propose skeletons and proofs of holes.
            depth: maximum nesting of skeletons.
            width: maximum number of skeletons tried per goal.
            attempts: proofs that each model is asked for per hole.
        """
        self._reader = reader
        self._models = [sampler for sampler in samplers if isinstance(sampler, ProofModel)]
        self._depth = depth
        self._width = width
        self._attempts = attempts

    async def run(self, context: SearchContext) -> None:
        """See `Strategy.run`."""
        known = await declared(self._reader, context.theorem)
        search = _Search(context, self._reader, self._models, self._width, self._attempts, known.definitions)
        await run_all_then_raise_first(
            search.by_rules(self._depth), *(search.by_model(model, self._depth) for model in self._models)
        )


@dataclass(frozen=True, slots=True)
class _Block:
    """Tactics, and the models that wrote a part of them."""

    text: str
    sources: frozenset[str] = frozenset()


class _Search:
    def __init__(
        self,
        context: SearchContext,
        reader: GoalReader,
        models: Sequence[ProofModel],
        width: int,
        attempts: int,
        definitions: Sequence[str],
    ) -> None:
        self._context = context
        self._reader = reader
        self._models = models
        self._width = width
        self._attempts = attempts
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._known: dict[str, tuple[Goal, ...] | None] = {}
        self._definitions = definitions

    async def by_rules(self, depth: int) -> None:
        """Try skeletons that follow the shape of the goal, in order of increasing depth."""
        goals = await self._goals(root("sorry"))
        if not goals:
            return
        await self._submit(_Block(PROBE))
        for deep in range(depth):
            async with asyncio.TaskGroup() as group:
                for step in self._steps(goals[0]):
                    await self._places.acquire()
                    group.create_task(self._try(step, goals[0], deep, frozenset()))

    async def by_model(self, model: ProofModel, depth: int) -> None:
        """Try proofs of a model with holes at Lean's errors. Deeper holes follow after all proofs."""
        context = self._context
        skeletons: list[tuple[str, str]] = []

        async def take(candidate: Candidate, to_come: asyncio.Future[Verdict]) -> None:
            try:
                skeleton = _skeleton(candidate, await to_come)
            finally:
                self._places.release()
            if skeleton is not None:
                await self._places.acquire()
                await self._try(skeleton, None, 0, frozenset({candidate.source}))
                if len(skeletons) < _MOST_SKELETONS:
                    skeletons.append((skeleton, candidate.source))

        proposed = context.sample(partial(model.sample, context.theorem))
        async with asyncio.TaskGroup() as group, contextlib.aclosing(proposed) as candidates:
            async for candidate in candidates:
                await self._places.acquire()
                if (to_come := await context.submit(candidate)) is not None:
                    group.create_task(take(candidate, to_come))
                else:
                    self._places.release()
        for deep in range(1, depth):
            for skeleton, source in skeletons:
                await self._places.acquire()
                await self._try(skeleton, None, deep, frozenset({source}))

    async def _try(self, step: str, goal: Goal | None, depth: int, sources: frozenset[str]) -> None:
        """Fill a skeleton of the whole theorem and submit the result; then release the slot in which it started."""
        try:
            if (found := await self._fill(step, goal, root, depth)) is not None:
                await self._submit(_Block(found.text, found.sources | sources))
        finally:
            self._places.release()

    async def _solve(self, goal: Goal, place: Place, depth: int) -> _Block | None:
        """Return a block that closes the goal at a place."""
        for tactic in (PROBE, *itertools.islice(dict.fromkeys(particular(goal)), 3)):
            if await self._holds(place(tactic)):
                return _Block(tactic)
        async with contextlib.aclosing(self._by_models(goal)) as blocks:
            async for block in blocks:
                if await self._holds(place(block.text)):
                    return block
        for step in self._steps(goal) if depth > 0 else ():
            if (filled := await self._fill(step, goal, place, depth - 1)) is not None:
                return filled
        return None

    async def _fill(self, step: str, goal: Goal | None, place: Place, depth: int) -> _Block | None:
        """Return the step with all holes filled; None if a hole cannot be filled or is the goal itself."""
        count = holes(step)
        if not 1 <= count <= _MOST_HOLES:
            return None
        goals = await self._goals(place(fill(step, ["sorry"] * count)))
        if goals is None:
            return None
        subgoals = goals_at(place, goals, count)
        if subgoals is None or any(goal is not None and each.text == goal.text for each in subgoals):
            return None
        blocks = ["sorry"] * count
        sources: frozenset[str] = frozenset()
        for number, each in enumerate(subgoals):

            def inner(block: str, number: int = number) -> str:
                return place(fill(step, [*blocks[:number], block, *blocks[number + 1 :]]))

            found = await self._solve(each, inner, depth)
            if found is None:
                return None
            blocks[number] = found.text
            sources |= found.sources
        return _Block(fill(step, blocks), sources)

    async def _by_models(self, goal: Goal) -> AsyncGenerator[_Block, None]:
        """Yield blocks that models propose for the goal as a separate theorem."""
        theorem = as_theorem(goal, self._context.theorem)
        if theorem is None:
            return
        for model in self._models:
            proposed = self._context.sample(partial(model.sample, theorem), self._attempts)
            async with contextlib.aclosing(proposed) as candidates:
                async for candidate in candidates:
                    if "sorry" not in candidate.text:
                        yield _Block(as_block(candidate.text), frozenset({candidate.source}))

    def _steps(self, goal: Goal) -> list[str]:
        return list(itertools.islice(steps(goal, self._definitions), self._width))

    async def _holds(self, proof: str) -> bool:
        """Whether a proof with holes elsewhere elaborates without errors."""
        return await self._goals(proof) is not None

    async def _goals(self, proof: str) -> tuple[Goal, ...] | None:
        """The goals at the `sorry`s of a proof; None if it does not elaborate."""
        if proof not in self._known:
            self._known[proof] = await self._read(proof)
        return self._known[proof]

    async def _read(self, proof: str) -> tuple[Goal, ...] | None:
        if len(proof) > _LONGEST_PROOF:
            return None
        context, terms = self._context, question_terms(self._context.options)
        try:
            return goals_left(await context.ask(lambda: self._reader.goals(context.theorem, proof, terms)))
        except InvalidTextError:
            return None

    async def _submit(self, block: _Block) -> None:
        source = f"{Decompose.name}({'+'.join(sorted(block.sources))})" if block.sources else Decompose.name
        await self._context.submit(Candidate(root(block.text), source=source))


def as_theorem(goal: Goal, theorem: Theorem) -> Theorem | None:
    """Return the goal as a separate theorem under the same header and context; None if a name in it cannot be
    written.
    """
    if "✝" in goal.text:
        return None
    binders = "".join(f" ({each.name} : {each.type})" for each in goal.hypotheses)
    return replace(theorem, statement=f"theorem hole{binders} : {goal.target}")


def as_block(proof: str) -> str:
    """Turn a proof (the text after `:=`) into a tactic block."""
    if not re.match(r"by\b", proof):
        return f"exact {proof}"
    first, *rest = proof[2:].split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
    lines = [first.strip(), *(line[margin:] for line in rest)]
    return "\n".join(line for line in lines if line.strip())


def _skeleton(candidate: Candidate, verdict: Verdict) -> str | None:
    """Return the tactics of a proof with a hole at each of Lean's errors; None if nothing else would be left."""
    if candidate.mode is not Mode.PROOF or len(candidate.text) > _LONGEST_PROOF or "sorry" in candidate.text:
        return None
    text: str | None = candidate.text
    for error in reversed(errors(verdict.messages)):
        # Cut from the last error to the first, so that earlier positions stay valid.
        if text is None:
            return None
        text = cut(text, error)
    block = None if text is None or text == candidate.text else as_block(text)
    return None if block == "□" else block
