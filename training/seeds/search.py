"""The search for several different proofs of one theorem.

1. Proposals of the portfolio, for a share of the budget.
2. Compositions, one level deeper each round: a step (`prover/search/tactics/moves/steps.py`) leaves goals, as Lean reports them, and each is closed by
   single tactics (`prover/search/tactics/closers.py`) or by further steps. A goal that nothing closes costs one request: all closers are
   tried at once first. The order of automation differs for each goal, so that the proofs differ.
3. Tactics that report another proof (`simp?`, `exact?`), and term proofs made of tactic proofs.
4. The rest of the portfolio.

The kernel has checked every stored proof as a whole. Requests are cached, so that a deeper round repeats none.
"""

import asyncio
import itertools
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from prover.lean.checker import Checker
from prover.sampling.plans.plans import plans
from prover.sampling.plans.statement import Statement
from prover.sampling.portfolio.portfolio import fillings
from prover.search.tactics.closers import AUTOMATION, PROBE, QUESTIONS, particular
from prover.search.tactics.goals.goal import Goal
from prover.search.tactics.moves.steps import fill, holes, steps
from prover.search.tactics.scripts.partial import GoalReader, Place, goals_at, root
from prover.source.context.declarations import scanned
from training.corpus.record import TheoremRecord
from training.seeds.questions import OverError, Questions, SeedBudget, SeedEnding
from training.seeds.shrink import shrink

_SUGGESTION = re.compile(r"Try this:\s*(?:\[apply\]\s*)?(.+)", re.DOTALL)
_TERM = re.compile(r"by\n(?:  intro ([^\n]+)\n)?  exact ([^\n]+)")

_TURNS = ("symm", "rw", "simp", "ext", "have", "apply Classical.byContradiction")
"""Steps that only restate the goal: worthless if a proof succeeds without them."""


@dataclass(frozen=True, slots=True)
class Found:
    """The result of searching one theorem.

    Attributes:
        proofs: texts after `:=`; each verified, no two equal after normalisation.
        origins: for each proof `portfolio`, `composition`, `suggestion` or `term`.
        requests: number of questions to Lean.
    """

    proofs: tuple[str, ...]
    origins: tuple[str, ...]
    ending: SeedEnding
    requests: int
    seconds: float


async def find_proofs(lean: GoalReader, checker: Checker, record: TheoremRecord, budget: SeedBudget) -> Found:
    """Search different proofs of one theorem.

    Args:
        lean: reads goals and elaborates partial proofs.
        checker: checks whole proofs; may be a cache in front of the same pool.

    Raises:
        InfrastructureError: Lean gave no answer.
    """
    return await _Search(lean, checker, record, budget).run()


class _Search:
    def __init__(self, lean: GoalReader, checker: Checker, record: TheoremRecord, budget: SeedBudget) -> None:
        self._lean = Questions(lean, checker, record, budget)
        self._theorem = record.theorem
        self._definitions = scanned(self._theorem).definitions
        self._budget = budget
        self._began = time.monotonic()

    async def run(self) -> Found:
        try:
            async with asyncio.timeout(self._budget.seconds):
                await self._search()
            ending = SeedEnding.EXHAUSTED
        except OverError as over:
            ending = over.ending
        except TimeoutError:
            ending = SeedEnding.SECONDS_SPENT
        proofs = tuple(proof for proof, _ in self._lean.proofs.values())
        origins = tuple(origin for _, origin in self._lean.proofs.values())
        return Found(proofs, origins, ending, self._lean.asked, time.monotonic() - self._began)

    async def _search(self) -> None:
        if not self._budget.only or "plan" in self._budget.only:
            await self._follow_plans()
        if self._budget.only:
            for template, proof in fillings(self._theorem):
                if template.name.startswith(self._budget.only):
                    await self._propose(proof)
            return
        goals = await self._lean.goals(root("sorry"))
        if not goals:
            raise OverError(SeedEnding.INVALID_STATEMENT)
        portfolio = [proof for _, proof in fillings(self._theorem)]
        wanted = self._budget.proofs
        for proof in portfolio[: self._budget.requests // 4]:
            await self._propose(proof)
            if len(self._lean.proofs) >= wanted // 3:
                break
        for depth in range(self._budget.depth + 1):
            await self._solve(goals[0], root, depth, whole=True)
            await self._terms()
        for proof in portfolio:
            await self._propose(proof)

    async def _follow_plans(self) -> None:
        statement = Statement.read(self._theorem)
        for proof in () if statement is None else plans(statement):
            await self._lean.proves(proof, "plan")

    async def _propose(self, proof: str) -> None:
        """Keep a proof of the portfolio, reduced to its needed parts."""
        if await self._lean.holds(proof):
            await self._lean.proves(await shrink(proof, self._lean.holds), "portfolio")

    async def _solve(self, goal: Goal, place: Place, depth: int, whole: bool) -> list[str]:
        """Return blocks that close the goal: as many as wanted for the whole proof, otherwise two."""
        blocks = await self._close(goal, place, whole)
        if depth == 0:
            return blocks
        for step in steps(goal, self._definitions):
            if len(blocks) >= 2 and not whole:
                break
            blocks += await self._take(step, goal, place, depth, whole)
        return blocks

    async def _take(self, step: str, goal: Goal, place: Place, depth: int, whole: bool) -> list[str]:
        """Return blocks that begin with `step`."""
        count = holes(step)
        goals = await self._lean.goals(place(fill(step, ["sorry"] * count)))
        parts: list[list[str]] = []
        subgoals = None if goals is None else goals_at(place, goals, count)
        if subgoals is None or any(each.text == goal.text for each in subgoals):
            return []
        for index, each in enumerate(subgoals):

            def inner(block: str, index: int = index) -> str:
                return place(fill(step, [block if other == index else "sorry" for other in range(count)]))

            turns = step.startswith(_TURNS)
            found = await self._solve(each, inner, depth - 1, whole and count == 1 and not turns)
            if turns and count == 1:
                found = [block for block in found if not await self._lean.holds(place(block))]
            if not found:
                return []
            parts.append(found)
        blocks = [fill(step, chosen) for chosen in _zip_cycled(parts)]
        if not whole:
            return blocks[:2]
        return [block for block in blocks if await self._lean.proves(place(block), "composition")]

    async def _close(self, goal: Goal, place: Place, whole: bool) -> list[str]:
        """Return single tactics that close the goal."""
        automation = list(AUTOMATION)
        random.Random(self._theorem.digest + goal.text).shuffle(automation)
        promising = await self._lean.holds(place(PROBE))
        special = list(dict.fromkeys(particular(goal)))
        # If automation fails, a single lemma or hypothesis rarely succeeds.
        tactics = [*itertools.chain(*itertools.zip_longest(automation, special))] if promising else special[:4]
        blocks: list[str] = []
        for tactic in tactics:
            if tactic is None or tactic in blocks:
                continue
            plain, bracket, _ = tactic.partition(" [")
            if bracket and plain in AUTOMATION and await self._lean.holds(place(plain)):
                continue  # the lemmas change nothing
            if await (self._lean.proves(place(tactic), "composition") if whole else self._lean.holds(place(tactic))):
                blocks.append(tactic)
                if len(blocks) >= (4 if whole else 2):
                    break
        if whole and blocks:
            await self._ask(place)
        return blocks

    async def _ask(self, place: Place) -> None:
        """Check the tactics that Lean suggests at this place."""
        for question in QUESTIONS:
            for message in await self._lean.messages(place(question)):
                if match := _SUGGESTION.match(message.text):
                    await self._lean.proves(place(_dedented(match[1])), "suggestion")

    async def _terms(self) -> None:
        for proof, _ in list(self._lean.proofs.values()):
            if match := _TERM.fullmatch(proof):
                await self._lean.proves(f"fun {match[1]} => {match[2]}" if match[1] else match[2], "term")


def _zip_cycled(parts: list[list[str]]) -> Iterator[list[str]]:
    """Interleave: the first of each, the second of each …; shorter lists are cycled."""
    for index in range(max(map(len, parts))):
        yield [part[index % len(part)] for part in parts]


def _dedented(text: str) -> str:
    """Return a suggestion without the indentation of its further lines and without Lean's remarks."""
    lines = [line for line in text.rstrip().split("\n") if not line.lstrip().startswith("--")]
    margin = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    return "\n".join([lines[0].strip(), *("  " + line[margin:] for line in lines[1:])])
