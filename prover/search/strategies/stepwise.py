"""Best-first search over tactic states: the state that looks best is taken one tactic further, in every way proposed."""

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
from prover.search.tactics.closers import PROBE, particular
from prover.search.tactics.goal import read_goal
from prover.search.tactics.steps import steps
from prover.source.lexer import tokenize

_LONGEST_SCRIPT = 8_000  # characters
_LONGEST_STATE = 16_000  # characters; goals that grow beyond lead nowhere
_LONGEST_QUEUE = 500  # states; the worst beyond are forgotten
_STEPS_AT_ONCE = 8  # so that a proof that is found does not wait behind all that is still to be tried
_CLOSED_PENALTY = 2.0  # natural logarithm
_UNFINISHED = frozenset({"sorry", "admit", "stop"})


@dataclass(frozen=True, slots=True)
class Tactic:
    """A tactic block somebody proposes, with the log-probability (natural) that they give it, and the model they are."""

    text: str
    log_prob: float
    source: str = ""


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

    def __init__(self, width: int = 16) -> None:
        self._width = width

    async def propose(self, context: SearchContext, state: TacticState) -> AsyncGenerator[Tactic, None]:
        """See `TacticProposer.propose`."""
        goal = read_goal(state.goals[0])
        taken_apart = (flat for step in steps(goal) if (flat := flatten(step)) is not None)
        found = itertools.chain(itertools.islice(particular(goal), 4), taken_apart)
        for rank, text in enumerate(itertools.islice(dict.fromkeys(found), self._width)):
            yield Tactic(text, -0.2 * (rank + 1))


@dataclass(frozen=True, slots=True)
class _Node:
    state: TacticState
    log_prob: float = 0.0
    sources: frozenset[str] = frozenset()  # models that wrote part of the script
    closed: bool = False  # whether automation has closed its first goal, which makes other ways less urgent

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
        closer: str = PROBE,
        nodes: int = 256,
        depth: int = 16,
    ) -> None:
        """Search with these tactics.

        Args:
            stepper: runs tactics.
            proposers: who proposes them.
            closer: automation that is tried on every state before anybody proposes.
            nodes: most states that are taken further.
            depth: most tactics on top of each other.
        """
        self._stepper = stepper
        self._proposers = proposers
        self._closer = closer
        self._nodes = nodes
        self._depth = depth

    async def run(self, context: SearchContext) -> None:
        """See `Strategy.run`."""
        async with self._stepper.open(context.theorem, question_terms(context.options)) as session:
            begun = await context.ask(session.begin)
            if begun.state is None:
                return
            search = _Search(context, session, self._depth)
            search.push(_Node(begun.state))
            for _ in range(self._nodes):
                if (node := search.pop()) is None:
                    return
                if not node.closed:
                    after = await search.step(node, Tactic(self._closer, 0.0))
                    if after is not None and len(after.goals) < len(node.state.goals):
                        search.postpone(node)
                        continue
                await search.expand(node, self._proposers)


class _Search:
    """The queue of states, and what is done with one."""

    def __init__(self, context: SearchContext, session: StepSession, depth: int) -> None:
        self._context = context
        self._session = session
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
        """Queue a state once more, behind what its closing led to."""
        penalty = _CLOSED_PENALTY * max(1, len(node.state.script))
        later = replace(node, log_prob=node.log_prob - penalty, closed=True)
        self._put(later)

    def _put(self, node: _Node) -> None:
        heapq.heappush(self._queue, (node.rank, next(self._order), node))
        if len(self._queue) > 2 * _LONGEST_QUEUE:
            self._queue = heapq.nsmallest(_LONGEST_QUEUE, self._queue)  # sorted, so a heap

    def pop(self) -> _Node | None:
        """The best state."""
        return heapq.heappop(self._queue)[2] if self._queue else None

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
        try:
            result = await self._context.ask(partial(self._session.run, node.state, tactic.text))
        except InvalidTextError:
            return None
        if (state := result.state) is not None:
            sources = node.sources | {tactic.source} if tactic.source else node.sources
            if not state.goals:
                source = f"{Stepwise.name}({'+'.join(sorted(sources))})" if sources else Stepwise.name
                await self._context.submit(Candidate(state.proof, source=source))
            elif len(state.script) < self._depth and _size(state.goals) <= _LONGEST_STATE:
                self.push(_Node(state, node.log_prob + tactic.log_prob, sources))
        return state


def flatten(step: str) -> str | None:
    """A step (see `prover.search.tactics.steps`) without its holes: the goals stay behind it; None if that cannot be written."""
    flat = re.sub(r"=>\n +□", "=> ?_", step)
    flat = re.sub(r"\n(?:· )?□$", "", flat, flags=re.MULTILINE)
    return None if "□" in flat else flat


def _allowed(tactic: str, state: TacticState) -> bool:
    words = {token.text for token in tokenize(tactic)}
    return bool(words) and not words & _UNFINISHED and _size(state.script) + len(tactic) <= _LONGEST_SCRIPT


def _key(state: TacticState) -> bytes:
    """What two states share that are the same: their goals, without the names of cases."""
    goals = "\0".join(re.sub(r"^case .*\n", "", goal) for goal in state.goals)
    return hashlib.sha256(goals.encode("utf-8", "surrogatepass")).digest()


def _size(texts: Sequence[str]) -> int:
    return sum(map(len, texts))
