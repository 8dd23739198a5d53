"""Finds routes: verified proofs that begin with a learner's text."""

import asyncio
import contextlib
import itertools
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from prover.assistance.closing import holds
from prover.assistance.place import as_theorem
from prover.assistance.suggest import PrintedGoal
from prover.candidate import Candidate
from prover.errors import InputError
from prover.events import Minimised, Proof
from prover.lean.checker import Terms
from prover.options import Budget, CheckOptions, SearchOptions, StoreUse
from prover.requests import Event, Search, StatementError
from prover.search.diversity import distinct_key
from prover.search.readability import cost
from prover.search.tactics.closers import AUTOMATION
from prover.search.tactics.goals.goal import read_goal
from prover.search.tactics.plain import plain_terms
from prover.theorem import Theorem
from prover.tutor.proofs.moves import Outline, ProofMove, dedented, outline
from prover.tutor.proofs.reading import Reading, StepReader
from prover.verdict import Trust

_AT_ONCE = ("rfl", "omega", "simp", "decide")
_MOST_TERMS = 6
_PROOFS = 3  # distinct proofs per theorem
_SAMPLES = 48
_MOST_TRIED = 12  # whole texts, each of which costs a check
_MOST_ROUTES = 4
_MOST_CASES = 256
_MOST_CLIENTS = 64
_SECONDS_FOR_MORE = 1.0  # for further proofs, once one is found

Way = tuple[str, str]
"""The digest of a tactic block's first step, if known, and the block."""

Prove = Callable[[Search], AsyncGenerator[Event, None]]


@dataclass(frozen=True, slots=True)
class Route:
    """A verified proof that begins with a learner's text.

    Attributes:
        outline: outline of the whole proof.
        moves: moves after the learner's text; never empty.
        trust: tier at which the kernel accepted it; `ELABORATED` if the learner has left other places open.
    """

    outline: Outline
    moves: tuple[ProofMove, ...]
    trust: Trust

    @property
    def next(self) -> ProofMove:
        """The next step."""
        return self.moves[0]

    @property
    def script(self) -> str:
        """The tactics that close the learner's first goal."""
        first = self.next
        return next((block for _, block in self.outline.closing(first.goal)), first.text)


@dataclass(slots=True)
class Cases:
    """Cache of verified proofs of theorems that one client asked about recently; contains no learner's text."""

    known: OrderedDict[tuple[str, str], tuple[Outline, ...]] = field(default_factory=OrderedDict)

    def get(self, theorem: Theorem) -> tuple[Outline, ...]:
        """Return the cached proofs of a theorem."""
        return self.known.get((theorem.digest, theorem.project), ())

    def put(self, theorem: Theorem, proofs: tuple[Outline, ...]) -> None:
        """Store the proofs of a theorem; the oldest entries are dropped."""
        self.known[theorem.digest, theorem.project] = proofs
        while len(self.known) > _MOST_CASES:
            self.known.popitem(last=False)


@dataclass(slots=True)
class CasesOfClients:
    """Caches by client, for the most recent clients: no client learns what another one asked about."""

    by_client: OrderedDict[str, Cases] = field(default_factory=OrderedDict)

    def of(self, client: str) -> Cases:
        """Return the cache of one client."""
        found = self.by_client.setdefault(client, Cases())
        self.by_client.move_to_end(client)
        while len(self.by_client) > _MOST_CLIENTS:
            self.by_client.popitem(last=False)
        return found


class Guide:
    """Finds the routes of one theorem.

    Attributes:
        closing: tactic blocks of known proofs that close the goal for which routes were last sought.
    """

    def __init__(
        self, lean: StepReader, prove: Prove, theorem: Theorem, terms: Terms, options: CheckOptions, cases: Cases
    ) -> None:
        """Ask `lean` on these terms, search with `prove`, and use the cached proofs in `cases`."""
        self._lean = lean
        self._prove = prove
        self._theorem = theorem
        self._terms = terms
        self._options = options
        self._cases = cases
        self.closing: tuple[str, ...] = ()

    async def verified(self, proofs: Iterable[str]) -> tuple[Outline, ...]:
        """Return those of some proofs of the theorem that Lean verifies."""
        found = [await self._outline(self._theorem, text) for text in proofs]
        return tuple(one for one in found if one is not None)

    async def case(self, seconds: float) -> tuple[Outline, ...]:
        """Return several distinct verified proofs of the theorem."""
        return await self._proofs(self._theorem, seconds)

    async def routes(
        self, reading: Reading, known: Sequence[Outline], hinted: Collection[str], seconds: float
    ) -> tuple[Route, ...]:
        """Return verified proofs that continue from a learner's position, the most readable first.

        Args:
            known: proofs of the theorem that are preferred.
            hinted: steps of earlier hints: a proof that continues with one of them suffices.
            seconds: time for a search if no known proof continues from there.
        """
        ways = [self._known_ways(goal, known) for goal in reading.goals]
        self.closing = tuple(script for _, script in ways[0])
        found: list[Route] = []
        if continued := [way for way in ways[0] if way[0] in hinted]:
            found = await self._through(reading, _together([continued, *ways[1:]]))
        if not found:
            found = await self._through(reading, _together(ways))
        if not found:
            searched = await asyncio.gather(*(self._of_goal(goal, seconds) for goal in reading.goals))
            found = await self._through(reading, _together(searched))
        if not found:
            found = await self._through(reading, [[tactic] * len(reading.goals) for tactic in AUTOMATION])
        return tuple(sorted(found, key=lambda route: cost(route.outline.proof[route.next.start :])))

    def _known_ways(self, goal: str, known: Sequence[Outline]) -> list[Way]:
        """Return blocks of known proofs that close the current goal."""
        proofs = list(known or self._cases.get(self._theorem))
        with contextlib.suppress(InputError):  # goals cannot always be parsed back
            proofs += self._cases.get(goal_theorem(self._theorem, goal))
        return list(dict.fromkeys((move.name, script) for proof in proofs for move, script in proof.closing(goal)))

    async def _through(self, reading: Reading, scripts: Iterable[Sequence[str]]) -> list[Route]:
        """Return the first few of some continuations that Lean verifies."""
        texts = list(dict.fromkeys(_continued(reading, one) for one in scripts))[:_MOST_TRIED]
        found: list[Route] = []
        for start in range(0, len(texts), _MOST_ROUTES):
            some = texts[start : start + _MOST_ROUTES]
            tried = await asyncio.gather(*(self._route(reading, text) for text in some))
            found += [route for route in tried if route is not None]
            if found:
                break
        return found

    async def _route(self, reading: Reading, text: str) -> Route | None:
        open_elsewhere = "sorry" in reading.before + reading.after
        verdict, steps = await asyncio.gather(
            self._lean.check(self._theorem, Candidate(text), self._terms),
            self._lean.steps(self._theorem, text, self._terms),
        )
        read = outline(text, steps)
        behind = len(text) - len(reading.after)
        moves = tuple(move for move in read.moves_from(len(reading.before.rstrip())) if move.start < behind)
        if moves and (verdict.verified or (open_elsewhere and holds(verdict, complete=False))):
            return Route(read, moves, verdict.trust)
        return None

    async def _of_goal(self, goal: str, seconds: float) -> list[Way]:
        """Search for proofs of the goal as a separate theorem."""
        try:
            stated = goal_theorem(self._theorem, goal)
            proofs = self._cases.get(stated) or await self._at_once(stated, goal) or await self._proofs(stated, seconds)
        except (InputError, StatementError):  # goals cannot always be parsed back
            return []
        return [("", _block(proof.proof)) for proof in proofs]

    async def _at_once(self, theorem: Theorem, goal: str) -> tuple[Outline, ...]:
        """Try the proofs that a person would try first."""
        terms = (f"exact {term}" for term in plain_terms(read_goal(goal)) if term not in AUTOMATION)
        tactics = [*itertools.islice(terms, _MOST_TERMS), *_AT_ONCE]
        tried = await asyncio.gather(*(self._outline(theorem, f"by {tactic}") for tactic in tactics))
        found = tuple(one for one in tried if one is not None)[:_PROOFS]
        if found:
            self._cases.put(theorem, found)
        return found

    async def _proofs(self, theorem: Theorem, seconds: float) -> tuple[Outline, ...]:
        if known := self._cases.get(theorem):
            return known
        texts: dict[str, str] = {}
        budget = Budget(_SAMPLES, seconds=max(0.05, seconds), proofs=_PROOFS)
        search = Search(theorem, SearchOptions(budget, self._options, store=StoreUse.READ))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as limit, contextlib.aclosing(self._prove(search)) as events:
                async for event in events:
                    if isinstance(event, Proof | Minimised):
                        proof = event if isinstance(event, Proof) else event.proof
                        texts.setdefault(distinct_key(proof.candidate.text, theorem), proof.candidate.text)
                        if limit.when() is None:  # further proofs are useful, but worth only a short wait
                            limit.reschedule(asyncio.get_running_loop().time() + _SECONDS_FOR_MORE)
        found = [await self._outline(theorem, text) for text in texts.values()]
        proofs = tuple(one for one in found if one is not None)
        if proofs:
            self._cases.put(theorem, proofs)
        return proofs

    async def _outline(self, theorem: Theorem, proof: str) -> Outline | None:
        """Return the outline of a tactic proof; None if it is not verified."""
        text = "by\n  " + _block(proof).replace("\n", "\n  ")
        if not (await self._lean.check(theorem, Candidate(text), self._terms)).verified:
            return None
        return outline(text, await self._lean.steps(theorem, text, self._terms))


def goal_theorem(theorem: Theorem, goal: str) -> Theorem:
    """Return a goal of a proof of `theorem` as a separate theorem.

    Raises:
        InputError: the goal cannot be parsed back.
    """
    return as_theorem(PrintedGoal(goal, theorem.header, theorem.context, theorem.project))


def _together(by_goal: Sequence[Sequence[Way]]) -> list[list[str]]:
    """Combine blocks for all goals: the first block of each, the second of each, …; none if a goal has no block."""
    if not by_goal or not all(by_goal):
        return []
    return [[ways[min(at, len(ways) - 1)][1] for ways in by_goal] for at in range(max(map(len, by_goal)))]


def _block(proof: str) -> str:
    """Return a proof as a dedented tactic block."""
    text = proof.strip()
    if not re.match(r"by\b", text):
        return "exact " + text.replace("\n", "\n  ")
    inside = text[2:].lstrip(" ")
    if not inside.startswith("\n"):
        return inside
    lines = inside.strip("\n")
    return dedented(lines.lstrip(" "), len(lines) - len(lines.lstrip(" ")))


def _continued(reading: Reading, scripts: Sequence[str]) -> str:
    """Return the learner's text with a tactic block for each goal open at the place."""
    column = len(reading.before) - (reading.before.rfind("\n") + 1)
    margin = "\n" + " " * column
    blocks = [script.replace("\n", margin + ("  " if len(scripts) > 1 else "")) for script in scripts]
    nested = margin.join(f"· {block}" for block in blocks) if len(blocks) > 1 else blocks[0]
    return reading.before + nested + reading.after
