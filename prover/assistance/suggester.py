"""Finds tactics for a place in a proof: rules and a model propose them, Lean runs each, and the best come first."""

import asyncio
import contextlib
import itertools
import math
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace

from prover.assistance.place import Place, Trial, find
from prover.assistance.suggest import Suggest, Suggestion, Suggestions, TacticOutcome
from prover.candidate import Candidate
from prover.errors import InputError
from prover.lean.checker import Lean, Terms
from prover.lean.wire.answers import SorryGoals
from prover.requests import LateError, StatementError, UnavailableError
from prover.sampling.sampler import PromptTooLongError, ProofModel, SamplingParams
from prover.search.readability import cost
from prover.search.tactics.choices import choices, closers
from prover.search.tactics.closers import AUTOMATION
from prover.search.tactics.goals.goal import read_goal
from prover.search.tactics.goals.known import ContextDeclarations, known_of
from prover.search.tactics.plain import plain_terms
from prover.source.context.declarations import declared
from prover.source.lexer import BRACKETS, tokenize
from prover.verdict import Mode, Trust, Verdict, VerdictKind

_MOST_TRIES = 96
_MOST_TERMS = 8
_MODEL_LINES = 32
_MOST_MESSAGES = 100  # of a trial; if there are more, some may be missing
_HOLE_LINE = re.compile(r"^ *(?:· )?□\n?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed tactic. `score` as in `Suggestion`."""

    tactic: str
    score: float
    source: str


class Suggester:
    """Answers one request for tactics."""

    def __init__(self, lean: Lean, request: Suggest, terms: Terms) -> None:
        """Try tactics in `lean` on the request's terms."""
        self._lean = lean
        self._request = request
        self._terms = terms
        self._looking = replace(terms, limits=replace(terms.limits, messages=_MOST_MESSAGES))
        self._known: frozenset[int | None] = frozenset()  # positions where the proof has errors without any tactic
        self._tried = 0
        self._found: list[Suggestion] = []

    async def suggest(self, rules: bool, model: ProofModel | None, params: SamplingParams) -> Suggestions:
        """Try proposals of the rules and the model until enough tactics close the goal or the time is over.

        Raises:
            StatementError: Lean rejects the theorem, or the proof up to the place.
            InputError: there is no goal at the place.
            LateError: the time was over before the goals there were known.
            UnavailableError: Lean gives no answer.
        """
        deadline = asyncio.get_running_loop().time() + self._request.seconds
        try:
            async with asyncio.timeout_at(deadline):
                place, goals = await self._look(find(self._request.place))
        except TimeoutError:
            raise LateError(
                f"Lean did not show the goals there within {self._request.seconds:g} s: give it more time"
            ) from None
        sources: list[AsyncIterator[Proposal]] = []
        if rules:
            sources.append(_by_rule(goals[0], known_of(place.theorem, await declared(self._lean, place.theorem))))
        if model is not None and place.mode is Mode.PROOF:
            sources.append(_by_model(model, place, params, alone=not rules))
        timed_out = False
        try:
            async with asyncio.timeout_at(deadline):
                await self._try_all(sources, place, goals)
        except TimeoutError:
            timed_out = True  # results so far are the answer
        except BaseExceptionGroup as failures:
            raise _first(failures) from None
        ranked = sorted(self._found, key=_rank)
        return Suggestions(goals, tuple(ranked[: self._request.most]), self._tried, place.term, timed_out)

    async def _look(self, place: Place) -> tuple[Place, tuple[str, ...]]:
        """Read the place and its goals; text after the place is omitted if Lean can do without it."""
        looked: SorryGoals | None = None
        for shape in (place.cut(), place) if not place.ends_proof else (place,):
            trial = shape.with_sorry()
            looked = await self._goals(shape, trial.text)
            goals = next((one.goals for one in looked.sorries if trial.at(one)), ())
            if looked.verdict is VerdictKind.VERIFIED and goals:
                self._known = _errors(trial, looked)
                # A tactic that does nothing is an error where a term is expected.
                skipped = await self._goals(shape, shape.with_skip().text)
                shape = shape if skipped.verdict is VerdictKind.VERIFIED else shape.of_a_term()
                await self._refuse_data(shape)
                return shape, goals
        assert looked is not None
        nothing_left = any(message.text.startswith("No goals to be") for message in looked.messages)
        if looked.verdict is VerdictKind.VERIFIED or nothing_left:
            raise InputError("place", "there is no goal at this place: nothing is left to prove there")
        if looked.verdict is VerdictKind.INFRASTRUCTURE:
            raise UnavailableError("; ".join(message.text for message in looked.messages))
        raise StatementError(Verdict(looked.verdict, policy=self._terms.policy, messages=looked.messages))

    async def _refuse_data(self, place: Place) -> None:
        """Refuse goals that are not propositions: any value of the type would do, but the author must choose it."""
        if place.mode is Mode.FILE and not place.theorem.statement:
            looked = await self._goals(place, place.with_proposition().text)
            if looked.verdict is VerdictKind.REJECTED:
                raise InputError("place", "data is wanted at this place, not a proof: say yourself what it is")

    async def _try_all(self, sources: Sequence[AsyncIterator[Proposal]], place: Place, goals: tuple[str, ...]) -> None:
        seen: set[str] = set()
        slots = asyncio.Semaphore(self._lean.size)
        enough = asyncio.Event()

        async def feed(source: AsyncIterator[Proposal]) -> None:
            async for proposal in source:
                tactic = proposal.tactic.strip()
                if tactic in seen or not tactic.startswith(self._request.prefix) or not _whole(tactic):
                    continue
                if len(seen) == _MOST_TRIES:
                    return
                seen.add(tactic)
                await slots.acquire()
                group.create_task(attempt(replace(proposal, tactic=tactic)))

        async def attempt(proposal: Proposal) -> None:
            try:
                if (suggestion := await self._attempt(proposal, place, goals)) is not None:
                    self._found.append(suggestion)
            finally:
                slots.release()
            if sum(one.outcome is TacticOutcome.CLOSES_GOAL for one in self._found) >= self._request.most:
                enough.set()

        async with asyncio.TaskGroup() as group:
            # All in one group: a feeder that outlived the group's end would add further attempts to it.
            feeders = [group.create_task(feed(source)) for source in sources]
            watching = group.create_task(enough.wait())
            feeding = set(feeders)
            while feeding and not watching.done():
                await asyncio.wait([*feeding, watching], return_when=asyncio.FIRST_COMPLETED)
                feeding = {task for task in feeding if not task.done()}
            for task in (*feeders, watching):
                task.cancel()

    async def _attempt(self, proposal: Proposal, place: Place, goals: tuple[str, ...]) -> Suggestion | None:
        """Try a tactic at the place; None if Lean does not run it, nothing changes, or something other than goals stays
        unproved.
        """
        began = time.monotonic()
        self._tried += 1
        trial = place.trying(proposal.tactic)
        left = self._goals_left(trial, await self._goals(place, trial.text))
        if left is None or left == goals[:1]:
            return None
        trust = Trust.NONE
        if not left and len(goals) == 1 and place.ends_proof:
            verdict = await self._lean.check(
                place.theorem, Candidate(place.with_tactic(proposal.tactic), place.mode), self._terms
            )
            # INCOMPLETE without a `sorry` in the tactic: it uses something unproved, possibly a theorem above.
            if not verdict.verified and verdict.kind is not VerdictKind.INCOMPLETE:
                return None
            trust = verdict.trust if verdict.verified else Trust.NONE
        elif len(goals) > 1 and not place.for_each:
            # In its final form the tactic also sees the other goals.
            written = place.followed(proposal.tactic)
            all_left = self._goals_left(written, await self._goals(place, written.text))
            if all_left is None or all_left[: len(left)] != left:
                return None
        outcome = TacticOutcome.PROGRESS if left else TacticOutcome.CLOSES_GOAL
        seconds = time.monotonic() - began
        return Suggestion(proposal.tactic, outcome, left, proposal.score, proposal.source, seconds, trust)

    def _goals_left(self, trial: Trial, looked: SorryGoals) -> tuple[str, ...] | None:
        """Return the goals at the `sorry`s of a trial; None if it fails, or if something other than a goal there is
        unproved.

        Lean continues after an error inside a tactic, as in `exact ⟨0, by simp⟩` if `simp` leaves a goal.
        """
        if looked.verdict is not VerdictKind.VERIFIED or len(looked.messages) >= _MOST_MESSAGES:
            return None
        if _errors(trial, looked) - self._known or any(map(trial.at, looked.assumed)):
            return None
        return tuple(goal for sorry in looked.sorries if trial.at(sorry) for goal in sorry.goals)

    async def _goals(self, place: Place, proof: str) -> SorryGoals:
        return await self._lean.goals(place.theorem, proof, self._looking, place.mode)


def _errors(trial: Trial, looked: SorryGoals) -> frozenset[int | None]:
    """Return the positions of Lean's errors; None stands for the trial's own text."""
    return frozenset(trial.outside(message) for message in looked.messages if message.severity == "error")


def _rank(one: Suggestion) -> tuple[bool, float, float]:
    """Sort key, best first: among closing tactics the most readable, as in a search's answer."""
    closes = one.outcome is TacticOutcome.CLOSES_GOAL
    return not closes, cost(one.tactic) if closes else 0.0, -one.score


def _whole(tactic: str) -> bool:
    """Whether a tactic contains words and balanced brackets."""
    tokens = list(tokenize(tactic))
    awaited: list[str] = []
    for token in tokens:
        if token.text in BRACKETS:
            awaited.append(BRACKETS[token.text])
        elif token.text in BRACKETS.values() and (not awaited or awaited.pop() != token.text):
            return False
    return bool(tokens) and not awaited


async def _by_rule(goal: str, known: ContextDeclarations) -> AsyncGenerator[Proposal, None]:
    """Propose by rule: automation, terms and tactics for goals of this form, and steps to smaller goals."""
    read = read_goal(goal)
    terms = (f"exact {term}" for term in itertools.islice(plain_terms(read), _MOST_TERMS) if term not in AUTOMATION)
    made = itertools.chain(terms, closers(read, known))
    rounds = itertools.zip_longest(AUTOMATION, made, _openings(choices(read, known)))
    tactics = dict.fromkeys(tactic for one in rounds for tactic in one if tactic)
    for rank, tactic in enumerate(tactics, start=1):
        # The rank determines the score, on the scale of a model's log-probabilities.
        yield Proposal(tactic, -math.log(1 + rank), "rules")


def _openings(proposed: Iterator[str]) -> Iterator[str]:
    """Return steps without the proofs of their remaining goals."""
    for step in proposed:
        opening = _HOLE_LINE.sub("", step).rstrip()
        # A hole between other lines cannot be removed.
        if "□" not in opening and step.startswith(opening):
            yield opening


async def _by_model(
    model: ProofModel, place: Place, params: SamplingParams, alone: bool
) -> AsyncGenerator[Proposal, None]:
    lines = model.continue_proof(place.theorem, place.before.rstrip(), replace(params, samples=_MODEL_LINES))
    try:
        async with contextlib.aclosing(lines) as candidates:
            async for candidate in candidates:
                score = candidate.log_prob if candidate.log_prob is not None else 0.0
                yield Proposal(candidate.text, score, candidate.source)
    except PromptTooLongError:
        if alone:
            raise


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first failure: the other tasks were cancelled because of it."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
