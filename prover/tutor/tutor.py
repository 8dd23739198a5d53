"""Answers a learner: reads the partial proof, finds verified proofs that continue it, and gives the next hint."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, Protocol

from prover.assistance.disprove import Refuter, UndeniableError, disprove
from prover.candidate import Candidate
from prover.errors import InputError
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.lean.wire.checks import NoAnswerError
from prover.lean.wire.library import Constant
from prover.options import Budget, SearchOptions, StoreUse
from prover.requests import LateError, Search, StatementError
from prover.theorem import Theorem
from prover.tutor.answers import Falsehood, falsehood_answer, learner_step, summary
from prover.tutor.guidance import Guidance, LearnerState, Rules
from prover.tutor.hints import (
    MOST_GOALS,
    Checked,
    Fact,
    Hint,
    HintOutcome,
    Level,
    Tutored,
    Tutoring,
    Veto,
)
from prover.tutor.proofs.moves import ProofMove, same_goal
from prover.tutor.proofs.reading import ProofReader, Reading, StepReader, begins_with_tactics
from prover.tutor.proofs.routes import Cases, Guide, Route, goal_theorem
from prover.tutor.wording.phrasing import FIXED, MOST_REVISIONS, LemmaWords, drafts
from prover.tutor.wording.rewording import Phraser, reworded
from prover.tutor.wording.vetoes import Situation, veto
from prover.verdict import Trust, VerdictKind

_PROVED = "Your proof is complete: Lean's kernel has accepted it."
_REFUTING_SHARE = 0.5  # of the time, at most
_MOST_LEMMAS = 2
_IN_TERM = "In place of this `sorry`, write `(by …)` with tactics inside. "
_ANOTHER = "There is another way: "


class LeanInspector(StepReader, Protocol):
    """A Lean that also looks up constants."""

    async def constants(
        self, theorem: Theorem, names: Sequence[str], terms: Terms = DEFAULT_TERMS
    ) -> tuple[Constant, ...]:
        """See `LibraryQuestions.constants`."""
        ...


class Tutor:
    """Answers one request of a learner."""

    def __init__(
        self,
        lean: LeanInspector,
        refuter: Refuter,
        request: Tutoring,
        terms: Terms,
        cases: Cases,
        phraser: Phraser | None = None,
        phrasing_seconds: float = 2.0,
    ) -> None:
        """Ask `lean` on the request's terms; `refuter` searches and refutes, and `phraser`, if given, rewords hints."""
        self._lean = lean
        self._refuter = refuter
        self._request = request
        self._terms = terms
        self._reader = ProofReader(lean, request.theorem, terms)
        self._guide = Guide(lean, refuter.prove, request.theorem, terms, request.check, cases)
        self._phraser = phraser
        self._phrasing_seconds = phrasing_seconds
        self._ends = 0.0

    async def answer(self, guidance: Guidance | None = None) -> Tutored:
        """Answer within the request's time limit, by rules unless another guidance is given.

        Raises:
            StatementError: Lean rejects the theorem.
            LateError: the time was over before the proof was parsed.
            UserError: as `Service.prove`.
        """
        self._ends = asyncio.get_running_loop().time() + self._request.seconds
        if not begins_with_tactics(self._request.proof):
            return await self._of_term()
        try:
            async with asyncio.timeout_at(self._ends):
                reading = await self._reader.read(self._request.proof)
        except TimeoutError:
            raise LateError(
                f"Lean did not read the proof within {self._request.seconds:g} s: give it more time, or make it shorter"
            ) from None
        answer = await self._continued(reading, guidance or Rules())
        return replace(
            answer,
            steps=tuple(learner_step(move, reading.accepted.proof) for move in reading.accepted.moves),
            goals=reading.goals,
            open=reading.open,
            refused=reading.refused,
        )

    async def _of_term(self) -> Tutored:
        """Answer for a proof that does not begin with `by`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._ends):
                candidate = Candidate(self._request.proof)
                if (await self._lean.check(self._request.theorem, candidate, self._terms)).verified:
                    return Tutored(HintOutcome.PROVED, _PROVED)
        sentence = "Hints need tactics: begin your proof with `by`, and write one tactic per line."
        return Tutored(HintOutcome.NO_TACTICS, sentence)

    async def _continued(self, reading: Reading, guidance: Guidance) -> Tutored:
        if reading.verdict is not None and reading.verdict.verified:
            return Tutored(HintOutcome.PROVED, _PROVED)
        if not self._request.wanted:
            return Tutored(HintOutcome.READ, summary(reading))
        if not reading.open:
            return Tutored(HintOutcome.NOT_CONTINUED, summary(reading))
        if reading.missing:
            return Tutored(HintOutcome.CASE_MISSING, f"A case is not written yet: begin it with `{reading.missing}`.")
        if reading.open > MOST_GOALS:
            sentence = (
                f"{reading.open} goals are open here, and hints are made for at most {MOST_GOALS}: "
                "take the last step back, or close some of them first."
            )
            return Tutored(HintOutcome.TOO_MANY_GOALS, sentence)
        found = await self._first(self._routes(reading), self._refuted(reading))
        if isinstance(found, Falsehood):
            return falsehood_answer(reading, found)
        if not found:
            sentence = "No proof that continues from here was found; there may still be one."
            return Tutored(HintOutcome.NOT_CONTINUED, sentence)
        return await self._hint(reading, found, guidance)

    async def _routes(self, reading: Reading) -> tuple[Route, ...]:
        known = await self._guide.verified(self._request.proofs) or (
            await self._guide.case(self._seconds_left) if not reading.accepted.moves else ()
        )
        hinted = {hint.step for hint in self._request.earlier}
        return await self._guide.routes(reading, known, hinted, self._seconds_left)

    @property
    def _seconds_left(self) -> float:
        return max(0.0, self._ends - asyncio.get_running_loop().time())

    async def _refuted(self, reading: Reading) -> Falsehood | None:
        """Refute the theorem, or otherwise one of the learner's goals, if this is possible quickly."""
        ends = asyncio.get_running_loop().time() + self._seconds_left * _REFUTING_SHARE
        goals = ["", *reading.goals] if reading.accepted.moves else [""]
        for at, goal in enumerate(goals):
            seconds = max(0.1, (ends - asyncio.get_running_loop().time()) / min(2, len(goals) - at))
            options = SearchOptions(Budget(samples=8, seconds=seconds), self._request.check, store=StoreUse.NONE)
            try:
                stated = goal_theorem(self._request.theorem, goal) if goal else self._request.theorem
                async with asyncio.timeout(seconds):
                    found = await disprove(self._refuter, Search(stated, options))
            except (InputError, StatementError, UndeniableError, TimeoutError):
                continue  # some goals cannot be parsed back or negated
            if found is not None:
                return Falsehood(found, goal)
        return None

    async def _first(
        self, proving: Coroutine[Any, Any, tuple[Route, ...]], refuting: Coroutine[Any, Any, Falsehood | None]
    ) -> tuple[Route, ...] | Falsehood:
        """Return routes or a refutation, whichever comes first. Errors of the search are raised."""
        search, refutation = asyncio.create_task(proving), asyncio.create_task(self._later(refuting))
        try:
            async with asyncio.timeout_at(self._ends):
                done, _ = await asyncio.wait({search, refutation}, return_when=asyncio.FIRST_COMPLETED)
                if search in done and search.result():
                    return search.result()
                against = await refutation
                return against if against is not None else await search
        except TimeoutError:
            return ()
        finally:
            for task in (search, refutation):
                task.cancel()
            await asyncio.gather(search, refutation, return_exceptions=True)

    async def _later(self, refuting: Coroutine[Any, Any, Falsehood | None]) -> Falsehood | None:
        """Look for a refutation only if no hint is found at once."""
        try:
            await asyncio.sleep(min(1.0, self._seconds_left / 4))
        except asyncio.CancelledError:
            refuting.close()
            raise
        return await refuting

    async def _hint(self, reading: Reading, routes: Sequence[Route], guidance: Guidance) -> Tutored:
        learner = LearnerState(routes, reading.accepted.moves, reading.refused is not None, self._request.earlier)
        route = guidance.route(learner)
        move = route.next
        step = move.name
        levels = [hint.level for hint in self._request.earlier if hint.step == step]
        level = max(levels, key=list(Level).index).next if levels else guidance.opening(learner, route)
        lemmas = await self._lemmas(move) if level is Level.NAME else ()
        theorem = self._request.theorem
        situation = Situation(
            level,
            step,
            route.moves,
            tuple(dict.fromkeys([*(route.script for route in routes), *_closers(routes), *self._guide.closing])),
            (*reading.goals, theorem.statement, theorem.context, *(lemma.says for lemma in lemmas)),
            self._request.earlier,
            self._exists,
            lambda texts: self._closes(reading, texts),
        )
        raised: Counter[Veto] = Counter()
        for draft in _phrased(level, move, lemmas, situation):
            objection = await veto(draft, situation)
            if objection is None:
                checked = _checked(move, route, draft)
                by_phraser = None
                if self._phraser is not None and level is not Level.FULL_STEP:  # a full step consists of code only
                    seconds = min(self._phrasing_seconds, self._seconds_left)
                    by_phraser = await reworded(self._phraser, draft, situation, raised, seconds)
                draft, by_model = by_phraser or draft, by_phraser is not None
                in_term = reading.inside_term and level in (Level.NEXT_STEP, Level.FULL_STEP)
                text = _IN_TERM + draft if in_term else draft
                return self._hinted(Hint(level, text, step, checked, by_model=by_model), raised, routes)
            raised[objection] += 1
        return self._hinted(Hint(level, FIXED, step, (), fixed=True), raised, routes)

    def _hinted(self, hint: Hint, raised: Counter[Veto], routes: Sequence[Route]) -> Tutored:
        return Tutored(
            HintOutcome.HINT, hint.text, hint, vetoes=dict(raised), revisions=raised.total(), proofs=len(routes)
        )

    async def _lemmas(self, move: ProofMove) -> tuple[LemmaWords, ...]:
        """Return the first theorems mentioned by a step, with their statements."""
        names = list(dict.fromkeys(name.name for name in move.names if name.kind == "theorem"))[:_MOST_LEMMAS]
        types = {constant.name: constant.type for constant in await self._known(names)}
        return tuple(LemmaWords(name, types.get(name, "")) for name in names)

    async def _exists(self, name: str) -> bool:
        return bool(await self._known([name]))

    async def _known(self, names: Sequence[str]) -> tuple[Constant, ...]:
        """Look up names in the library."""
        try:
            return await self._lean.constants(self._request.theorem, names, self._terms) if names else ()
        except NoAnswerError:
            return ()

    async def _closes(self, reading: Reading, texts: Sequence[str]) -> bool:
        """Whether Lean closes the first goal with one of some texts."""
        return any(await asyncio.gather(*(self._closed(reading, text) for text in texts)))

    async def _closed(self, reading: Reading, text: str) -> bool:
        margin = "\n" + " " * (len(reading.before) - reading.before.rfind("\n") - 1)
        others = f"{margin}all_goals sorry" if reading.open > 1 else ""
        tried = f"{reading.before}· {text.replace(chr(10), margin + '  ')}{others}{reading.after}"
        found = await self._lean.steps(self._request.theorem, tried, self._terms)
        return found.verdict in (VerdictKind.VERIFIED, VerdictKind.INCOMPLETE) and not any(
            message.severity == "error" for message in found.messages
        )


def _phrased(level: Level, move: ProofMove, lemmas: tuple[LemmaWords, ...], situation: Situation) -> list[str]:
    phrasings = list(drafts(level, move, lemmas))
    goal = situation.step.partition("-")[0]
    if any(one.step.partition("-")[0] == goal and one.step != situation.step for one in situation.earlier):
        phrasings = [_ANOTHER + text[0].lower() + text[1:] for text in phrasings]
    return phrasings[: 1 + MOST_REVISIONS]


def _closers(routes: Sequence[Route]) -> list[str]:
    """Return single steps of verified proofs that close the learner's goal."""
    goal = routes[0].next.goal
    return [move.text for route in routes for move in route.moves[:1] if move.closes and same_goal(move.goal, goal)]


def _checked(move: ProofMove, route: Route, draft: str) -> tuple[Checked, ...]:
    names = [name.name for name in move.names if f"`{name.name}`" in draft or name.name in draft.split()]
    known = [Checked(Fact.NAME_EXISTS, name) for name in dict.fromkeys(names)]
    whole = Fact.PROOF_GOES_ON if route.trust >= Trust.KERNEL_REPLAYED else Fact.GOAL_CLOSED
    goes_on = Checked(whole, route.trust.name)
    return (*known, Checked(Fact.STEP_RAN, move.name), goes_on)
