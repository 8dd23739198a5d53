"""The search for several different proofs of one theorem.

1. What the portfolio proposes, for a share of the budget.
2. Compositions, one level deeper each round: a step (`prover/tactics/steps.py`) leaves goals, Lean says which, and each is closed by
   single tactics (`prover/tactics/closers.py`) or by further steps. A goal that nothing closes costs one request: all closers are
   tried at once first. Automation is tried in another order for each goal, so that the proofs kept differ.
3. Tactics that answer with another proof (`simp?`, `exact?`), and term proofs made of tactic proofs.
4. The rest of the portfolio.

Every proof kept was checked whole by the kernel. Requests are remembered, so that a deeper round repeats none.
"""

import asyncio
import itertools
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from prover.binders import read_shape
from prover.candidate import Candidate
from prover.diversity import normalise
from prover.lean.answers import SorryGoals
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.sampling.portfolio import fillings
from prover.sampling.templates import KINDS
from prover.tactics.closers import AUTOMATION, PROBE, QUESTIONS, particular
from prover.tactics.goal import Goal, read_goal
from prover.tactics.steps import fill, holes, steps
from prover.theorem import Theorem
from prover.verdict import Limits, Message, VerdictKind
from training.corpus.record import TheoremRecord
from training.seeds.shrink import shrink

_SUGGESTION = re.compile(r"Try this:\s*(?:\[apply\]\s*)?(.+)", re.DOTALL)
_TERM = re.compile(r"by\n(?:  intro ([^\n]+)\n)?  exact ([^\n]+)")

_TURNS = ("symm", "rw", "simp", "ext", "have", "apply Classical.byContradiction")
"""Steps that say the same in other words: worthless before a proof that goes through without."""

Place = Callable[[str], str]
"""Puts a tactic block where a goal stands in a proof of the whole theorem; elsewhere that may have `sorry`."""


class GoalReader(Protocol):
    """Says what is left to prove; implemented by `WorkerPool`."""

    async def goals(self, theorem: Theorem, proof: str, terms: Terms = DEFAULT_TERMS) -> SorryGoals:
        """The goals at each `sorry` of `proof`."""
        ...


class InfrastructureError(RuntimeError):
    """Lean could not be asked; the text says why. Nothing was found out about the theorem."""


@dataclass(frozen=True, slots=True)
class SeedBudget:
    """What the search may spend on a theorem.

    Attributes:
        proofs: different proofs wanted.
        requests: most questions to Lean: checks of whole proofs and of partial ones.
        seconds: most wall-clock time.
        depth: most steps on top of each other.
        limits: of each request.
    """

    proofs: int = 12
    requests: int = 200
    seconds: float = 90.0
    depth: int = 3
    limits: Limits = field(default_factory=lambda: Limits(seconds=8.0))

    def __post_init__(self) -> None:
        """Raise ValueError if a part makes no sense."""
        if min(self.proofs, self.requests, self.depth + 1) < 1 or self.seconds <= 0:
            raise ValueError("proofs, requests and seconds must be positive, depth not negative")


class Ending(StrEnum):
    """Why the search of a theorem ended."""

    PROOFS_FOUND = "proofs_found"
    EXHAUSTED = "exhausted"
    REQUESTS_SPENT = "requests_spent"
    SECONDS_SPENT = "seconds_spent"
    INVALID_STATEMENT = "invalid_statement"


@dataclass(frozen=True, slots=True)
class Found:
    """What the search of one theorem came to.

    Attributes:
        proofs: what follows `:=`; each verified, no two the same after normalisation.
        origins: for each proof `portfolio`, `composition`, `suggestion` or `term`.
        requests: questions asked of Lean.
    """

    proofs: tuple[str, ...]
    origins: tuple[str, ...]
    ending: Ending
    requests: int
    seconds: float


class _OverError(Exception):
    def __init__(self, ending: Ending) -> None:
        self.ending = ending


async def find_proofs(lean: GoalReader, checker: Checker, record: TheoremRecord, budget: SeedBudget) -> Found:
    """Search different proofs of one theorem.

    Args:
        lean: reads goals and says whether a partial proof goes through.
        checker: has the last word; may be a cache in front of the same pool.

    Raises:
        InfrastructureError: Lean could not be asked.
    """
    return await _Search(lean, checker, record, budget).run()


class _Search:
    def __init__(self, lean: GoalReader, checker: Checker, record: TheoremRecord, budget: SeedBudget) -> None:
        self._lean = lean
        self._checker = checker
        self._theorem = record.theorem
        self._asked_on = Terms(budget.limits, record.policy)
        defined = KINDS["definitions"](self._theorem, read_shape(self._theorem.statement))
        self._definitions = [name for names in defined for name in names.split(", ")]
        self._budget = budget
        self._began = time.monotonic()
        self._requests = 0
        self._proofs: dict[str, tuple[str, str]] = {}  # normalised → the proof, its origin
        self._checked: dict[str, bool] = {}
        self._read: dict[str, tuple[tuple[Goal, ...] | None, tuple[Message, ...]]] = {}

    async def run(self) -> Found:
        try:
            async with asyncio.timeout(self._budget.seconds):
                await self._search()
            ending = Ending.EXHAUSTED
        except _OverError as over:
            ending = over.ending
        except TimeoutError:
            ending = Ending.SECONDS_SPENT
        proofs = tuple(proof for proof, _ in self._proofs.values())
        origins = tuple(origin for _, origin in self._proofs.values())
        return Found(proofs, origins, ending, self._requests, time.monotonic() - self._began)

    async def _search(self) -> None:
        goals = await self._goals(_root("sorry"))
        if not goals:
            raise _OverError(Ending.INVALID_STATEMENT)
        portfolio = [proof for _, proof in fillings(self._theorem)]
        wanted = self._budget.proofs
        for proof in portfolio[: self._budget.requests // 4]:
            await self._propose(proof)
            if len(self._proofs) >= wanted // 3:
                break
        for depth in range(self._budget.depth + 1):
            await self._solve(goals[0], _root, depth, whole=True)
            await self._terms()
        for proof in portfolio:
            await self._propose(proof)

    async def _propose(self, proof: str) -> None:
        """Keep a proof of the portfolio, cut down to what is needed."""
        if await self._holds(proof):
            await self._proves(await shrink(proof, self._holds), "portfolio")

    async def _solve(self, goal: Goal, place: Place, depth: int, whole: bool) -> list[str]:
        """Blocks that close the goal: as many as there are of a whole proof, else two."""
        blocks = await self._close(goal, place, whole)
        if depth == 0:
            return blocks
        for step in steps(goal, self._definitions):
            if len(blocks) >= 2 and not whole:
                break
            blocks += await self._take(step, goal, place, depth, whole)
        return blocks

    async def _take(self, step: str, goal: Goal, place: Place, depth: int, whole: bool) -> list[str]:
        """Blocks that begin with `step`."""
        count = holes(step)
        left = await self._goals(place(fill(step, ["sorry"] * count)))
        # The goals of this step are those of the whole proof's `sorry`s that were not there before.
        parts: list[list[str]] = []
        own = None if left is None else self._own(place, left, count)
        if own is None or any(each.text == goal.text for each in own):
            return []
        for index, each in enumerate(own):

            def inner(block: str, index: int = index) -> str:
                return place(fill(step, [block if other == index else "sorry" for other in range(count)]))

            turns = step.startswith(_TURNS)
            found = await self._solve(each, inner, depth - 1, whole and count == 1 and not turns)
            if turns and count == 1:
                found = [block for block in found if not await self._holds(place(block))]
            if not found:
                return []
            parts.append(found)
        blocks = [fill(step, chosen) for chosen in _zip_cycled(parts)]
        if not whole:
            return blocks[:2]
        return [block for block in blocks if await self._proves(place(block), "composition")]

    def _own(self, place: Place, goals: tuple[Goal, ...], count: int) -> tuple[Goal, ...] | None:
        """Which of all open goals stand at the place: those behind the `sorry`s in front of it."""
        before = place("□").partition("□")[0].count("sorry")
        own = goals[before : before + count]
        return own if len(own) == count else None

    async def _close(self, goal: Goal, place: Place, whole: bool) -> list[str]:
        """Single tactics that close the goal."""
        automation = list(AUTOMATION)
        random.Random(self._theorem.digest + goal.text).shuffle(automation)
        promising = await self._holds(place(PROBE))
        own = list(dict.fromkeys(particular(goal)))
        # What automation cannot do, a lemma or a hypothesis seldom does alone.
        tactics = [*itertools.chain(*itertools.zip_longest(automation, own))] if promising else own[:4]
        blocks: list[str] = []
        for tactic in tactics:
            if tactic is None or tactic in blocks:
                continue
            plain, bracket, _ = tactic.partition(" [")
            if bracket and plain in AUTOMATION and await self._holds(place(plain)):
                continue  # the lemmas do nothing
            if await (self._proves(place(tactic), "composition") if whole else self._holds(place(tactic))):
                blocks.append(tactic)
                if len(blocks) >= (4 if whole else 2):
                    break
        if whole and blocks:
            await self._ask(place)
        return blocks

    async def _ask(self, place: Place) -> None:
        """Check what Lean suggests at this place."""
        for question in QUESTIONS:
            _, messages = await self._request(place(question))
            for message in messages:
                if match := _SUGGESTION.match(message.text):
                    await self._proves(place(_dedented(match[1])), "suggestion")

    async def _terms(self) -> None:
        for proof, _ in list(self._proofs.values()):
            if match := _TERM.fullmatch(proof):
                await self._proves(f"fun {match[1]} => {match[2]}" if match[1] else match[2], "term")

    async def _holds(self, proof: str) -> bool:
        """Whether a partial proof elaborates without an error."""
        goals, _ = await self._request(proof)
        return goals is not None

    async def _goals(self, proof: str) -> tuple[Goal, ...] | None:
        """The goals at the `sorry`s of a partial proof; None if it does not elaborate."""
        goals, _ = await self._request(proof)
        return goals

    async def _request(self, proof: str) -> tuple[tuple[Goal, ...] | None, tuple[Message, ...]]:
        if proof in self._read:
            return self._read[proof]
        self._spend()
        answer = await self._lean.goals(self._theorem, proof, self._asked_on)
        if answer.verdict is VerdictKind.INFRASTRUCTURE:
            raise InfrastructureError("; ".join(message.text for message in answer.messages))
        failed = answer.verdict is not VerdictKind.VERIFIED or any(
            message.severity == "error" for message in answer.messages
        )
        goals = None if failed else tuple(read_goal(text) for sorry in answer.sorries for text in sorry.goals[:1])
        self._read[proof] = (goals, answer.messages)
        return self._read[proof]

    async def _proves(self, proof: str, origin: str) -> bool:
        """Check a whole proof, and keep it if it is one and no other is the same."""
        key = normalise(proof)
        if key not in self._checked:
            self._spend()
            candidate = Candidate(proof, source="seeds")
            verdict = await self._checker.check(self._theorem, candidate, self._asked_on)
            if verdict.kind is VerdictKind.INFRASTRUCTURE:
                raise InfrastructureError("; ".join(message.text for message in verdict.messages))
            if verdict.kind is VerdictKind.INVALID_STATEMENT:
                raise _OverError(Ending.INVALID_STATEMENT)
            self._checked[key] = verdict.verified
            if verdict.verified:
                self._proofs[key] = (proof, origin)
                if len(self._proofs) >= self._budget.proofs:
                    raise _OverError(Ending.PROOFS_FOUND)
        return self._checked[key]

    def _spend(self) -> None:
        if self._requests >= self._budget.requests:
            raise _OverError(Ending.REQUESTS_SPENT)
        self._requests += 1


def _root(block: str) -> str:
    """A proof of the whole theorem."""
    return "by\n" + "\n".join(f"  {line}" for line in block.split("\n"))


def _zip_cycled(parts: list[list[str]]) -> Iterator[list[str]]:
    """The first of each, the second of each …; shorter lists begin again."""
    for index in range(max(map(len, parts))):
        yield [part[index % len(part)] for part in parts]


def _dedented(text: str) -> str:
    """A suggestion, without the indentation of its further lines and what Lean remarks on it."""
    lines = [line for line in text.rstrip().split("\n") if not line.lstrip().startswith("--")]
    margin = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    return "\n".join([lines[0].strip(), *("  " + line[margin:] for line in lines[1:])])
