"""Best-first search over tactic states: the state that looks best is taken one tactic further, in every way proposed.

Steps that lose nothing are taken without looking for others; automation is tried where there are no more of them.
"""

import asyncio
import contextlib
import hashlib
import heapq
import itertools
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from prover.candidate import Candidate
from prover.lean.wire.protocol import InvalidTextError
from prover.sampling.sampler import ProofModel
from prover.search.stepper import Stepper, StepSession, TacticState
from prover.search.strategies.strategy import SearchContext, question_terms
from prover.search.tactics.choices import choices, closers
from prover.search.tactics.closers import PROBE, PROBED
from prover.search.tactics.goal import read_goal
from prover.search.tactics.invertible import invertible
from prover.search.tactics.known import Knower, Known
from prover.search.tactics.layout import Move, laid_out
from prover.search.tactics.partial import root
from prover.search.tactics.steps import flatten
from prover.source.declarations import NameReader
from prover.source.lexer import tokenize

_LONGEST_SCRIPT = 8_000  # characters
_LONGEST_STATE = 16_000  # characters; goals that grow beyond lead nowhere
_LONGEST_QUEUE = 500  # states; the worst beyond are forgotten
_STEPS_AT_ONCE = 8  # so that a proof that is found does not wait behind all that is still to be tried
_CLOSED_PENALTY = 2.0  # natural logarithm
_FOUND = re.compile(r"Try this:\n  \[apply\] (exact [^\n]*)")
_LOOKED_UP = 2  # states behind so few tactics are put to `exact?`, which is slow
_SURE = -0.02  # of a step that loses nothing
_PROBED_WITH = ("simp [{definitions}]", "simp_all [{definitions}]", "grind [{all}]")
_UNFINISHED = frozenset({"sorry", "admit", "stop"})


@dataclass(frozen=True, slots=True)
class Tactic:
    """A tactic block somebody proposes, with the log-probability (natural) that they give it, and the model they are.

    `step` is the same with holes where the goals that it leaves are proved; it says how the proof is written.
    """

    text: str
    log_prob: float
    source: str = ""
    step: str = ""


class TacticProposer(Protocol):
    """Proposes tactics for a state."""

    def propose(self, context: SearchContext, state: TacticState) -> AsyncGenerator[Tactic, None]:
        """Yield tactics for the first goal, each as soon as it is known."""
        ...


class ModelTactics:
    """Next lines of the proof so far, by a model."""

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
    """Tactics made for the goal, then steps that take it apart; each rank is taken to be a little less likely."""

    def __init__(self, reader: NameReader | None = None, width: int = 16) -> None:
        """Propose at most `width` tactics that close a goal and as many steps; `reader` says what contexts declare."""
        self._knower = Knower(reader)
        self._width = width

    async def propose(self, context: SearchContext, state: TacticState) -> AsyncGenerator[Tactic, None]:
        """See `TacticProposer.propose`."""
        goal = read_goal(state.goals[0])
        known = await self._knower.of(context.theorem)
        closing = ((text, text) for text in itertools.islice(dict.fromkeys(closers(goal, known)), self._width))
        steps = ((flat, step) for step in choices(goal, known) if (flat := flatten(step)) is not None)
        opening = itertools.islice(dict(steps).items(), self._width)
        for rank, (text, step) in enumerate(itertools.chain(closing, opening)):
            yield Tactic(text, -0.1 * (rank + 1), step=step)


@dataclass(frozen=True, slots=True)
class _Node:
    state: TacticState
    log_prob: float = 0.0
    sources: frozenset[str] = frozenset()  # models that wrote part of the script
    closed: bool = False  # whether automation has closed its first goal, which makes other ways less urgent
    moves: tuple[Move, ...] = ()

    @property
    def rank(self) -> float:
        """Lower is better: minus the mean log-probability of its tactics."""
        return -self.log_prob / max(1, len(self.state.script))


class Stepwise:
    """See the module. A state that was met before, whatever led to it, is not taken up again."""

    name = "stepwise"

    def __init__(
        self,
        stepper: Stepper,
        proposers: Sequence[TacticProposer],
        reader: NameReader | None = None,
        nodes: int = 256,
        depth: int = 16,
    ) -> None:
        """Search with these tactics.

        Args:
            stepper: runs tactics.
            proposers: who proposes them.
            reader: says what contexts declare, for the steps that are taken on every state before anybody proposes.
            nodes: most states that are taken further.
            depth: most tactics on top of each other.
        """
        self._stepper = stepper
        self._proposers = proposers
        self._knower = Knower(reader)
        self._nodes = nodes
        self._depth = depth

    async def run(self, context: SearchContext) -> None:
        """See `Strategy.run`."""
        async with self._stepper.open(context.theorem, question_terms(context.options)) as session:
            begun = await context.ask(session.begin)
            if begun.state is None:
                return
            known = await self._knower.of(context.theorem)
            search = _Search(context, session, known, self._depth)
            search.push(_Node(begun.state))
            for _ in range(self._nodes):
                if (node := search.pop()) is None:
                    return
                if not node.closed and await search.simplify(node):
                    if len(self._proposers) > 1:  # models may know other ways
                        search.postpone(node)
                elif not node.closed and await search.close(node):
                    search.postpone(node)
                else:
                    await self._expand(search, node)

    async def _expand(self, search: "_Search", node: "_Node") -> None:
        await search.expand(node, self._proposers)
        if len(node.state.script) <= _LOOKED_UP:
            await search.look_up(node)


class _Search:
    """The queue of states, and what is done with one."""

    def __init__(self, context: SearchContext, session: StepSession, known: Known, depth: int) -> None:
        self._context = context
        self._session = session
        self._known = known
        self._depth = depth
        self._queue: list[tuple[float, int, _Node]] = []
        self._order = itertools.count()
        self._met: set[bytes] = set()
        self._steps = asyncio.Semaphore(_STEPS_AT_ONCE)

    def push(self, node: _Node) -> None:
        """Queue a state unless it was met before."""
        key = _key(node.state)
        if key not in self._met:
            self._met.add(key)
            self._put(node)

    def postpone(self, node: _Node) -> None:
        """Queue a state once more, behind what its closing or its simplifying led to."""
        penalty = _CLOSED_PENALTY * max(1, len(node.state.script))
        self._put(replace(node, log_prob=node.log_prob - penalty, closed=True))

    def _put(self, node: _Node) -> None:
        heapq.heappush(self._queue, (node.rank, next(self._order), node))
        if len(self._queue) > 2 * _LONGEST_QUEUE:
            self._queue = heapq.nsmallest(_LONGEST_QUEUE, self._queue)  # sorted, so a heap

    def pop(self) -> _Node | None:
        """The best state."""
        return heapq.heappop(self._queue)[2] if self._queue else None

    async def simplify(self, node: _Node) -> bool:
        """Take a step that loses nothing; False if there is none."""
        for step in invertible(read_goal(node.state.goals[0]), self._known):
            flat = flatten(step)
            if flat and await self.step(node, Tactic(flat, _SURE, step=step)) is not None:
                return True
        return False

    async def close(self, node: _Node) -> bool:
        """Let automation close the first goal; False if it does not."""
        definitions, rules = self._known.declared.definitions, self._known.rules
        unfolding = _PROBED_WITH if definitions or rules else ()
        names = {"definitions": ", ".join(definitions) or "eq_self", "all": ", ".join([*definitions, *rules])}
        tactics = [*PROBED, *(each.format_map(names) for each in unfolding)]
        probe = " | ".join([PROBE, *(f"({each}; done)" for each in tactics[len(PROBED) :])])
        tried = await self._run(node, Tactic(probe, 0.0))
        if tried is None or len(tried.goals) >= len(node.state.goals):
            return False
        # The shortest that does it alone is what a person would write.
        goal = read_goal(node.state.goals[0])
        named = [f"exact {each.name}" for each in goal.hypotheses if each.type == goal.target]
        for tactic in [*named, *tactics]:
            after = await self._run(node, Tactic(tactic, 0.0))
            if after is not None and len(after.goals) < len(node.state.goals):
                await self._went(node, Tactic(tactic, 0.0), after)
                break
        else:
            await self._went(node, Tactic(probe, 0.0), tried)
        return True

    async def expand(self, node: _Node, proposers: Sequence[TacticProposer]) -> None:
        """Run all that is proposed."""
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

    async def step(self, node: _Node, tactic: Tactic) -> TacticState | None:
        """The state one tactic further, queued, or submitted if it is complete; None if the tactic fails."""
        if (state := await self._run(node, tactic)) is not None:
            await self._went(node, tactic, state)
        return state

    async def _run(self, node: _Node, tactic: Tactic) -> TacticState | None:
        """The state after a tactic; None if it fails, or changes nothing."""
        try:
            state = (await self._context.ask(partial(self._session.run, node.state, tactic.text))).state
        except InvalidTextError:
            return None
        return None if state is None or state.goals == node.state.goals else state

    async def look_up(self, node: _Node) -> bool:
        """Close the first goal with a lemma of the library; False if there is none."""
        try:
            looked = await self._context.ask(partial(self._session.run, node.state, "exact?"))
        except InvalidTextError:
            return False
        found = [match[1] for message in looked.messages if (match := _FOUND.match(message.text))]
        return bool(found) and await self.step(node, Tactic(found[0], _SURE, step=found[0])) is not None

    async def _went(self, node: _Node, tactic: Tactic, state: TacticState) -> None:
        """Queue the state that a tactic led to, or submit it if it is complete."""
        sources = node.sources | {tactic.source} if tactic.source else node.sources
        move = Move(tactic.text, tactic.step, len(state.goals) - len(node.state.goals) + 1)
        moves = (*node.moves, move)
        if not state.goals:
            source = f"{Stepwise.name}({'+'.join(sorted(sources))})" if sources else Stepwise.name
            await self._submit(state, moves, source)
        elif len(state.script) < self._depth and _size(state.goals) <= _LONGEST_STATE:
            self.push(_Node(state, node.log_prob + tactic.log_prob, sources, moves=moves))

    async def _submit(self, state: TacticState, moves: Sequence[Move], source: str) -> None:
        """The proof as a person would lay it out; as it was run, if that does not hold."""
        if all(move.goals >= 0 for move in moves):
            verdict = await self._context.submit(Candidate(root(laid_out(moves)), source=source))
            if verdict is not None and (await verdict).verified:
                return
        await self._context.submit(Candidate(state.proof, source=source))


def _allowed(tactic: str, state: TacticState) -> bool:
    words = {token.text for token in tokenize(tactic)}
    return bool(words) and not words & _UNFINISHED and _size(state.script) + len(tactic) <= _LONGEST_SCRIPT


def _key(state: TacticState) -> bytes:
    """What two states share that are the same: their goals, without the names of cases."""
    goals = "\0".join(re.sub(r"^case .*\n", "", goal) for goal in state.goals)
    return hashlib.sha256(goals.encode("utf-8", "surrogatepass")).digest()


def _size(texts: Sequence[str]) -> int:
    return sum(map(len, texts))
