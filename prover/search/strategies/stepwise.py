"""Best-first search over tactic states: the best state is expanded with every proposed tactic.

Steps that lose nothing are taken without alternatives; automation is tried when no such step is left.
"""

import asyncio
import contextlib
import hashlib
import heapq
import itertools
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from prover.lean.wire.checks import InvalidTextError
from prover.sampling.sampler import ProofModel
from prover.search.stepper import Stepper, StepSession, TacticState
from prover.search.strategies.scripts import SURE, Node, Scripts, Tactic, size
from prover.search.strategies.strategy import SearchContext, question_terms
from prover.search.tactics.choices import choices, closers
from prover.search.tactics.goals.goal import read_goal
from prover.search.tactics.goals.known import ContextDeclarations, DeclarationReader
from prover.search.tactics.moves.steps import flatten
from prover.source.context.declarations import NameReader
from prover.source.lexer import tokenize

_LONGEST_SCRIPT = 8_000  # characters
_LONGEST_STATE = 16_000  # characters; larger goals rarely lead to a proof
_LONGEST_QUEUE = 500  # states; the worst ones beyond it are dropped
_STEPS_AT_ONCE = 8  # limited, so that a complete proof need not wait for all remaining steps
_CLOSERS_AT_ONCE = 8  # they share the time of one question
_CLOSED_PENALTY = 2.0  # natural logarithm
_SIMPLIFIED_PENALTY = 0.05  # for a state that models are yet to extend: it ranks after steps that lose nothing
_FOUND = re.compile(r"Try this:\n  \[apply\] (exact [^\n]*)")
_LOOKED_UP = 2  # `exact?` is slow, so it is tried only on states after this many tactics or fewer
_UNFINISHED = frozenset({"sorry", "admit", "stop"})


class TacticProposer(Protocol):
    """Proposes tactics for a state."""

    def propose(self, context: SearchContext, state: TacticState) -> AsyncGenerator[Tactic, None]:
        """Yield tactics for the first goal, each as soon as it is known."""
        ...


class ModelTactics:
    """A model's proposals for the next line of the proof so far."""

    def __init__(self, model: ProofModel, width: int = 8) -> None:
        self._model = model
        self._width = width

    async def propose(self, context: SearchContext, state: TacticState) -> AsyncGenerator[Tactic, None]:
        """See `TacticProposer.propose`."""
        proposed = context.sample(partial(self._model.continue_proof, context.theorem, state.proof), self._width)
        async with contextlib.aclosing(proposed) as lines:
            async for line in lines:
                if line.text:
                    yield Tactic(line.text, line.log_prob if line.log_prob is not None else -1.0, line.source)


class RuleTactics:
    """Rule-based steps that take a goal apart; each later rank counts as slightly less likely."""

    def __init__(self, reader: NameReader | None = None, width: int = 16) -> None:
        """Propose at most `width` steps; `reader` reads the declarations of contexts."""
        self._knower = DeclarationReader(reader)
        self._width = width

    async def propose(self, context: SearchContext, state: TacticState) -> AsyncGenerator[Tactic, None]:
        """See `TacticProposer.propose`."""
        goal = read_goal(state.goals[0])
        known = await self._knower.of(context.theorem)
        steps = ((flat, step) for step in choices(goal, known) if (flat := flatten(step)) is not None)
        for rank, (text, step) in enumerate(itertools.islice(dict(steps).items(), self._width)):
            yield Tactic(text, -1.0 - 0.1 * rank, step=step)


class Stepwise:
    """Best-first search. A state that was reached before, on any path, is skipped."""

    name = "stepwise"

    def __init__(
        self,
        stepper: Stepper,
        proposers: Sequence[TacticProposer],
        reader: NameReader | None = None,
        nodes: int = 256,
        depth: int = 16,
        closers: int = 16,
    ) -> None:
        """Search with the given proposers.

        Args:
            stepper: runs tactics.
            proposers: propose tactics for a state.
            reader: reads the declarations of contexts, for the steps tried on every state before a model proposes.
            nodes: maximum number of expanded states.
            depth: maximum number of tactics in a script.
            closers: maximum number of closing tactics built for a goal.
        """
        self._stepper = stepper
        self._proposers = proposers
        self._knower = DeclarationReader(reader)
        self._nodes = nodes
        self._depth = depth
        self._closers = closers

    async def run(self, context: SearchContext) -> None:
        """See `Strategy.run`."""
        async with self._stepper.open(context.theorem, question_terms(context.options)) as session:
            begun = await context.ask(session.begin)
            if begun.state is None:
                return
            known = await self._knower.of(context.theorem)
            scripts = Scripts(context, session, known, self.name)
            search = _Search(context, session, scripts, self._depth)
            search.push(Node(begun.state))
            for _ in range(self._nodes):
                if (node := search.pop()) is None:
                    return
                if not node.closed and (after := await scripts.simplified(node)) is not None:
                    await search.reached(after)
                    if len(self._proposers) > 1:  # models may propose alternatives
                        search.postpone(node, _SIMPLIFIED_PENALTY)
                elif not node.closed and (after := await self._closed(scripts, node, known)) is not None:
                    await search.reached(after)
                    search.postpone(node)
                else:
                    await self._expand(search, node)

    async def _closed(self, scripts: Scripts, node: Node, known: ContextDeclarations) -> Node | None:
        if (after := await scripts.closed(node)) is not None:
            return after
        tactics = itertools.islice(dict.fromkeys(closers(node.goal, known)), self._closers)
        while some := list(itertools.islice(tactics, _CLOSERS_AT_ONCE)):
            if (after := await scripts.closed_by(node, some)) is not None:
                return after
        return None

    async def _expand(self, search: "_Search", node: Node) -> None:
        await search.expand(node, self._proposers)
        if len(node.state.script) <= _LOOKED_UP:
            await search.look_up(node)


class _Search:
    """The queue of states, and the operations on one state."""

    def __init__(self, context: SearchContext, session: StepSession, scripts: Scripts, depth: int) -> None:
        self._context = context
        self._session = session
        self._scripts = scripts
        self._depth = depth
        self._queue: list[tuple[float, int, Node]] = []
        self._order = itertools.count()
        self._met: set[bytes] = set()
        self._steps = asyncio.Semaphore(_STEPS_AT_ONCE)

    def push(self, node: Node) -> None:
        """Queue a state unless it was reached before."""
        key = _key(node.state)
        if key not in self._met:
            self._met.add(key)
            self._put(node)

    def postpone(self, node: Node, penalty: float = _CLOSED_PENALTY) -> None:
        """Queue a state again, after the states that closing or simplifying it led to."""
        behind = penalty * max(1, len(node.state.script))
        self._put(replace(node, log_prob=node.log_prob - behind, closed=True))

    def _put(self, node: Node) -> None:
        heapq.heappush(self._queue, (node.rank, next(self._order), node))
        if len(self._queue) > 2 * _LONGEST_QUEUE:
            self._queue = heapq.nsmallest(_LONGEST_QUEUE, self._queue)  # a sorted list is a heap

    def pop(self) -> Node | None:
        """Remove and return the best state."""
        return heapq.heappop(self._queue)[2] if self._queue else None

    async def expand(self, node: Node, proposers: Sequence[TacticProposer]) -> None:
        """Run all proposed tactics."""
        tried: set[str] = set()

        async def take(proposer: TacticProposer) -> None:
            async with contextlib.aclosing(proposer.propose(self._context, node.state)) as tactics:
                async for tactic in tactics:
                    if tactic.text not in tried and _allowed(tactic.text, node.state):
                        tried.add(tactic.text)
                        await self._steps.acquire()
                        group.create_task(run(tactic))

        async def run(tactic: Tactic) -> None:
            try:
                await self.step(node, tactic)
            finally:
                self._steps.release()

        async with asyncio.TaskGroup() as group:
            for proposer in proposers:
                group.create_task(take(proposer))

    async def step(self, node: Node, tactic: Tactic) -> None:
        """Run one tactic and follow it if it succeeds."""
        if (after := await self._scripts.run(node, tactic)) is not None:
            await self.reached(after)

    async def look_up(self, node: Node) -> None:
        """Try to close the first goal with a lemma of the library."""
        try:
            looked = await self._context.ask(partial(self._session.run, node.state, "exact?"))
        except InvalidTextError:
            return
        found = [match[1] for message in looked.messages if (match := _FOUND.match(message.text))]
        if found:
            await self.step(node, Tactic(found[0], SURE, step=found[0]))

    async def reached(self, node: Node) -> None:
        """Queue a state, or submit its script if it is complete."""
        if not node.state.goals:
            await self._scripts.submit(node)
        elif len(node.state.script) < self._depth and size(node.state.goals) <= _LONGEST_STATE:
            self.push(node)


def _allowed(tactic: str, state: TacticState) -> bool:
    words = {token.text for token in tokenize(tactic)}
    return bool(words) and not words & _UNFINISHED and size(state.script) + len(tactic) <= _LONGEST_SCRIPT


def _key(state: TacticState) -> bytes:
    """Return a key that equal states share: their goals without case names."""
    goals = "\0".join(re.sub(r"^case .*\n", "", goal) for goal in state.goals)
    return hashlib.sha256(goals.encode("utf-8", "surrogatepass")).digest()
