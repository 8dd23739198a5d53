"""Tactic scripts that lead from a statement to proof states, for strategies that move between states."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from prover.candidate import Candidate
from prover.lean.wire.checks import InvalidTextError
from prover.search.stepper import Step, StepSession, TacticState
from prover.search.strategies.strategy import SearchContext
from prover.search.tactics.closers import PROBE, PROBED
from prover.search.tactics.goals.goal import Goal, read_goal
from prover.search.tactics.goals.known import ContextDeclarations
from prover.search.tactics.moves.inductions import rule_applications
from prover.search.tactics.moves.invertible import invertible
from prover.search.tactics.moves.steps import flatten
from prover.search.tactics.scripts.layout import Move, laid_out
from prover.search.tactics.scripts.partial import root
from prover.search.tactics.terms.applications import applied, witnessed

SURE = -0.02  # natural logarithm; for a step that loses nothing
_BLOCKS = re.compile(r"^(?:·|\|)|=>$|:= by$", re.MULTILINE)  # cannot be written on one line
_EXHAUSTED = re.compile(r"maximum (?:number of heartbeats|recursion depth)|timeout")
_MOST_TERMS = 3
_PROBED_WITH = ("simp [{definitions}]", "simp_all [{definitions}]", "grind [{all}]")


@dataclass(frozen=True, slots=True)
class Tactic:
    """A proposed tactic block, with its log-probability (natural) and the model that proposed it.

    `step` is the same block with holes where the remaining goals are proved; it determines the layout of the proof.
    """

    text: str
    log_prob: float
    source: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A proof state and the path to it."""

    state: TacticState
    log_prob: float = 0.0
    sources: frozenset[str] = frozenset()  # models that wrote a part of the script
    closed: bool = False  # automation has closed its first goal, so that other branches are less urgent
    moves: tuple[Move, ...] = ()

    @property
    def rank(self) -> float:
        """Minus the mean log-probability of the tactics; lower is better."""
        return -self.log_prob / max(1, len(self.state.script))

    @property
    def goal(self) -> Goal:
        """The first goal."""
        return read_goal(self.state.goals[0])

    def after(self, tactic: Tactic, state: TacticState) -> "Node":
        """Return the node after a tactic with this state."""
        move = Move(tactic.text, tactic.step, len(state.goals) - len(self.state.goals) + 1)
        sources = self.sources | {tactic.source} if tactic.source else self.sources
        return Node(state, self.log_prob + tactic.log_prob, sources, moves=(*self.moves, move))


class Scripts:
    """Runs tactics and submits complete scripts."""

    def __init__(self, context: SearchContext, session: StepSession, known: ContextDeclarations, strategy: str) -> None:
        self._context = context
        self._session = session
        self._known = known
        self._strategy = strategy

    async def run(self, node: Node, tactic: Tactic) -> Node | None:
        """Return the node after a tactic; None if it fails or changes nothing."""
        step = await self._asked(node, tactic.text)
        state = None if step is None else step.state
        return None if state is None or state.goals == node.state.goals else node.after(tactic, state)

    async def simplified(self, node: Node) -> Node | None:
        """Return the node after a step that loses nothing; None if there is no such step."""
        for step in invertible(node.goal, self._known):
            flat = flatten(step)
            if flat and (after := await self.run(node, Tactic(flat, SURE, step=step))) is not None:
                return after
        return None

    async def closed(self, node: Node) -> Node | None:
        """Close the first goal with automation, by the most readable tactic that succeeds; None if none does."""
        goal = node.goal
        definitions, rules = self._known.definitions_in(goal.text), self._known.rules
        unfolding = _PROBED_WITH if definitions or rules else ()
        names = {"definitions": ", ".join(definitions) or "eq_self", "all": ", ".join([*definitions, *rules])}
        lines = [each.format_map(names) for each in unfolding]
        tactics = [*PROBED, *rule_applications(goal, self._known), *lines]
        terms = itertools.chain(applied(goal, goal.target), witnessed(goal))
        named = [f"exact {each}" for each in itertools.islice(terms, _MOST_TERMS)]
        return await self.closed_by(node, [*named, *tactics], PROBE)

    async def closed_by(self, node: Node, tactics: Sequence[str], probe: str = "") -> Node | None:
        """Close the first goal with the first tactic that succeeds; most are tried in one question."""
        one_line = [each for each in tactics if "\n" not in each]
        together = [each for each in tactics if "\n" in each and not _BLOCKS.search(each)]
        alone = [each for each in tactics if "\n" in each and _BLOCKS.search(each)]
        # Multi-line tactics are asked separately: they are slow, and one that uses up the time of a question prevents
        # those after it.
        if (after := await self._first(node, one_line, probe)) is not None:
            return after
        if (after := await self._first(node, together)) is not None:
            return after
        for tactic in alone:
            if after := _closed(node, tactic, await self._asked(node, tactic)):
                return after
        return None

    async def _first(self, node: Node, tactics: Sequence[str], probe: str = "") -> Node | None:
        """Close the first goal with the first tactic that succeeds: all in one question, then one by one."""
        probed = PROBED if probe else ()
        alternatives = [*([probe] if probe else []), *(each for each in tactics if each not in probed)]
        if not alternatives:
            return None
        together = f"first | {' | '.join(f'({_on_one_line(each)}; done)' for each in alternatives)}"
        step = await self._asked(node, together)
        tried = _closed(node, together, step)
        cut_short = step is not None and any(_EXHAUSTED.search(each.text) for each in step.messages)
        for tactic in tactics if tried is not None or cut_short else ():
            if after := _closed(node, tactic, await self._asked(node, tactic)):
                return after
        return tried

    async def _asked(self, node: Node, tactic: str) -> Step | None:
        try:
            return await self._context.ask(partial(self._session.run, node.state, tactic))
        except InvalidTextError:
            return None

    async def submit(self, node: Node) -> None:
        """Submit the proof in a readable layout; if that fails, the script as it was run."""
        source = f"{self._strategy}({'+'.join(sorted(node.sources))})" if node.sources else self._strategy
        if all(move.goals >= 0 for move in node.moves):
            verdict = await self._context.submit(Candidate(root(laid_out(node.moves)), source=source))
            if verdict is not None and (await verdict).verified:
                return
        await self._context.submit(Candidate(node.state.proof, source=source))


def _on_one_line(tactic: str) -> str:
    """Bracket the lines of a multi-line tactic: after a `by`, a `;` would continue the inner proof."""
    return "; ".join(f"({line})" for line in tactic.split("\n")) if "\n" in tactic else tactic


def _closed(node: Node, tactic: str, step: Step | None) -> Node | None:
    """Return the node after a tactic that closed the first goal."""
    state = None if step is None else step.state
    if state is None or len(state.goals) >= len(node.state.goals):
        return None
    return node.after(Tactic(tactic, 0.0), state)


def size(texts: Sequence[str]) -> int:
    """Total number of characters."""
    return sum(map(len, texts))
