"""Verified proofs that begin with what a learner has written: how the proof goes on from there."""

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
_PROOFS = 3  # distinct ones of a theorem
_SAMPLES = 48
_MOST_TRIED = 12  # whole texts, each of them one check
_MOST_ROUTES = 4
_MOST_CASES = 256
_MOST_CLIENTS = 64
_SECONDS_FOR_MORE = 1.0  # proofs, once there is one

Way = tuple[str, str]
"""The name of the first step of a tactic block, where it is known, and the block."""

Prove = Callable[[Search], AsyncGenerator[Event, None]]


@dataclass(frozen=True, slots=True)
class Route:
    """A verified proof that begins with a learner's text.

    Attributes:
        outline: of all of it.
        moves: those behind the learner's text; never empty.
        trust: to which the kernel accepted it; `ELABORATED` where the learner has left other places open.
    """

    outline: Outline
    moves: tuple[ProofMove, ...]
    trust: Trust

    @property
    def next(self) -> ProofMove:
        """The step that comes next."""
        return self.moves[0]

    @property
    def script(self) -> str:
        """What closes the learner's first goal."""
        first = self.next
        return next((block for _, block in self.outline.closing(first.goal)), first.text)


@dataclass(slots=True)
class Cases:
    """Verified proofs of theorems that one client asked about a while ago, by theorem; no text of a learner's proof is among them."""

    known: OrderedDict[tuple[str, str], tuple[Outline, ...]] = field(default_factory=OrderedDict)

    def get(self, theorem: Theorem) -> tuple[Outline, ...]:
        """What is known of a theorem."""
        return self.known.get((theorem.digest, theorem.project), ())

    def put(self, theorem: Theorem, proofs: tuple[Outline, ...]) -> None:
        """Keep the proofs of a theorem in place of those that were kept for longest."""
        self.known[theorem.digest, theorem.project] = proofs
        while len(self.known) > _MOST_CASES:
            self.known.popitem(last=False)


@dataclass(slots=True)
class CasesOfClients:
    """Cases by client, of those that asked last: nobody learns what another one asked about."""

    by_client: OrderedDict[str, Cases] = field(default_factory=OrderedDict)

    def of(self, client: str) -> Cases:
        """Those of one client."""
        found = self.by_client.setdefault(client, Cases())
        self.by_client.move_to_end(client)
        while len(self.by_client) > _MOST_CLIENTS:
            self.by_client.popitem(last=False)
        return found


class Guide:
    """Finds the routes of one theorem.

    Attributes:
        closing: tactic blocks of known proofs that close the goal that routes were last looked for.
    """

    def __init__(
        self, lean: StepReader, prove: Prove, theorem: Theorem, terms: Terms, options: CheckOptions, cases: Cases
    ) -> None:
        """Ask `lean` on these terms, search by `prove`, and know what `cases` hold."""
        self._lean = lean
        self._prove = prove
        self._theorem = theorem
        self._terms = terms
        self._options = options
        self._cases = cases
        self.closing: tuple[str, ...] = ()

    async def verified(self, proofs: Iterable[str]) -> tuple[Outline, ...]:
        """Those of some proofs of the theorem that Lean verifies."""
        found = [await self._outline(self._theorem, text) for text in proofs]
        return tuple(one for one in found if one is not None)

    async def case(self, seconds: float) -> tuple[Outline, ...]:
        """Several distinct verified proofs of the theorem."""
        return await self._proofs(self._theorem, seconds)

    async def routes(
        self, reading: Reading, known: Sequence[Outline], hinted: Collection[str], seconds: float
    ) -> tuple[Route, ...]:
        """Verified proofs that go on from where a learner is; those that read best first.

        Args:
            known: proofs of the theorem that are followed before others.
            hinted: steps that hints were given for: a proof that goes on with one of them is enough.
            seconds: for a search, where no known proof goes on from there.
        """
        ways = [self._known_ways(goal, known) for goal in reading.goals]
        self.closing = tuple(script for _, script in ways[0])
        found: list[Route] = []
        if begun := [way for way in ways[0] if way[0] in hinted]:
            found = await self._through(reading, _together([begun, *ways[1:]]))
        if not found:
            found = await self._through(reading, _together(ways))
        if not found:
            searched = await asyncio.gather(*(self._of_goal(goal, seconds) for goal in reading.goals))
            found = await self._through(reading, _together(searched))
        if not found:
            found = await self._through(reading, [[tactic] * len(reading.goals) for tactic in AUTOMATION])
        return tuple(sorted(found, key=lambda route: cost(route.outline.proof[route.next.start :])))

    def _known_ways(self, goal: str, known: Sequence[Outline]) -> list[Way]:
        """How known proofs that come by a goal close it."""
        proofs = list(known or self._cases.get(self._theorem))
        with contextlib.suppress(InputError):  # goals do not always read back
            proofs += self._cases.get(goal_theorem(self._theorem, goal))
        return list(dict.fromkeys((move.name, script) for proof in proofs for move, script in proof.closing(goal)))

    async def _through(self, reading: Reading, scripts: Iterable[Sequence[str]]) -> list[Route]:
        """Those of some ways to go on that Lean verifies, the first few of them."""
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
        moves = tuple(move for move in read.behind(len(reading.before.rstrip())) if move.start < behind)
        if moves and (verdict.verified or (open_elsewhere and holds(verdict, complete=False))):
            return Route(read, moves, verdict.trust)
        return None

    async def _of_goal(self, goal: str, seconds: float) -> list[Way]:
        """Ways to close a goal, found by a search for the theorem that says the same."""
        try:
            stated = goal_theorem(self._theorem, goal)
            proofs = self._cases.get(stated) or await self._at_once(stated, goal) or await self._proofs(stated, seconds)
        except (InputError, StatementError):  # goals do not always read back
            return []
        return [("", _block(proof.proof)) for proof in proofs]

    async def _at_once(self, theorem: Theorem, goal: str) -> tuple[Outline, ...]:
        """Proofs by what a person would try first."""
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
                        if limit.when() is None:  # others than the first are welcome, but nobody waits long for them
                            limit.reschedule(asyncio.get_running_loop().time() + _SECONDS_FOR_MORE)
        found = [await self._outline(theorem, text) for text in texts.values()]
        proofs = tuple(one for one in found if one is not None)
        if proofs:
            self._cases.put(theorem, proofs)
        return proofs

    async def _outline(self, theorem: Theorem, proof: str) -> Outline | None:
        """A proof by tactics as Lean reads it; None if it is not verified."""
        text = "by\n  " + _block(proof).replace("\n", "\n  ")
        if not (await self._lean.check(theorem, Candidate(text), self._terms)).verified:
            return None
        return outline(text, await self._lean.steps(theorem, text, self._terms))


def goal_theorem(theorem: Theorem, goal: str) -> Theorem:
    """The theorem that says what a goal of a proof of `theorem` says.

    Raises:
        InputError: the goal cannot be read back.
    """
    return as_theorem(PrintedGoal(goal, theorem.header, theorem.context, theorem.project))


def _together(by_goal: Sequence[Sequence[Way]]) -> list[list[str]]:
    """Ways to close all goals: the first way to close each, the second, …; none if one of them has none."""
    if not by_goal or not all(by_goal):
        return []
    return [[ways[min(at, len(ways) - 1)][1] for ways in by_goal] for at in range(max(map(len, by_goal)))]


def _block(proof: str) -> str:
    """A proof as a tactic block at the margin."""
    text = proof.strip()
    if not re.match(r"by\b", text):
        return "exact " + text.replace("\n", "\n  ")
    inside = text[2:].lstrip(" ")
    if not inside.startswith("\n"):
        return inside
    lines = inside.strip("\n")
    return dedented(lines.lstrip(" "), len(lines) - len(lines.lstrip(" ")))


def _continued(reading: Reading, scripts: Sequence[str]) -> str:
    """The learner's text with a tactic block for each goal that is open at the place."""
    column = len(reading.before) - (reading.before.rfind("\n") + 1)
    margin = "\n" + " " * column
    blocks = [script.replace("\n", margin + ("  " if len(scripts) > 1 else "")) for script in scripts]
    put = margin.join(f"· {block}" for block in blocks) if len(blocks) > 1 else blocks[0]
    return reading.before + put + reading.after
