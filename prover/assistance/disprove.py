"""Refutes false theorems: builds the negation, tries small counterexamples, and searches a proof of the negation.

A refutation is a verified proof of the negation, a separate theorem whose type Lean has compared with the original's.
Nothing else is claimed.
"""

import asyncio
import contextlib
import itertools
import re
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any, Protocol

from prover.assistance import values
from prover.candidate import Candidate
from prover.errors import UserError
from prover.events import Ending, Finished, NoteKind, Progress, Proof, Refutation, StatementNote
from prover.lean.wire.answers import NegatedStatement, Screened
from prover.options import CheckOptions
from prover.requests import Accepted, Check, Search
from prover.requests import Event as SearchEvent
from prover.source.binders import signature
from prover.source.context.declarations import scanned
from prover.theorem import Theorem
from prover.verdict import Verdict

_PLAIN = re.compile(r"[A-Za-z_][\w.']*")
_MOST_TRIED = 96  # assignments
_TOGETHER = 12  # assignments per check
_CLOSERS = ("decide", "omega", "simp")
_MORE_CLOSERS = ("intro c; cases c", "simp_all")  # slower; for types without decidable equality, too
_MOST_UNFOLDED = 8

Assignment = list[tuple[str, str]]
"""Pairs of a binder and the value substituted for it."""


class Refuter(Protocol):
    """The operations that refuting needs: those of `Service` for checks and searches, and Lean's facts about a
    statement.
    """

    async def check(self, request: Check) -> Verdict:
        """See `Service.check`."""
        ...

    def prove(self, request: Search) -> AsyncGenerator[SearchEvent, None]:
        """See `Service.prove`."""
        ...

    async def screen(self, theorem: Theorem, options: CheckOptions) -> Screened:
        """See `StatementQuestions.screen`, with the constructors of types."""
        ...

    async def negation(
        self, theorem: Theorem, name: str, written: Sequence[str], options: CheckOptions
    ) -> NegatedStatement:
        """See `LeanPool.negation`."""
        ...


class UndeniableError(UserError):
    """No text was found that Lean reads as the negation of the statement."""


async def negation(refuter: Refuter, theorem: Theorem, options: CheckOptions) -> Theorem:
    """Return the theorem that `theorem` is false in every universe; Lean has compared its type.

    Raises:
        UndeniableError: it cannot be written down.
        UserError: as `Service.check`.
    """
    parts = signature(theorem.statement)
    name, dot, universes = parts[0].partition(".{") if parts else ("refuted", "", "")
    plain = fresh(f"{name}_refuted" if _PLAIN.fullmatch(name) else "refuted", theorem.context)
    written = []
    if parts:
        _, binders, goal = parts
        statement = f"∀ {binders},\n    {goal}" if binders else f"({goal})"
        written = [f"theorem {plain}{dot}{universes} :\n  ¬ {statement}"]
    found = await refuter.negation(theorem, plain, written, options)
    if not found.negation:
        raise UndeniableError(
            "no negation of this statement was found that Lean reads as just that, so only proofs were looked for: "
            "state the negation yourself to have it proved"
        )
    return replace(theorem, statement=found.negation)


def fresh(name: str, context: str) -> str:
    """Return the name, changed if the context has it already, for instance from an earlier refutation."""
    names = itertools.chain([name], (f"{name}{number}" for number in itertools.count(2)))
    return next(one for one in names if not re.search(rf"(?<![\w.]){re.escape(one)}(?![\w'])", context))


async def disprove(refuter: Refuter, search: Search) -> Refutation | None:
    """Look for small counterexamples, then search for a proof of the negation within the budget of `search`; None if
    neither is found.

    Raises:
        UndeniableError: there is no negation.
        UserError: as `Service.prove`, for the negation.
    """
    ends = time.monotonic() + search.options.budget.seconds
    check = replace(search.options.check, guard="")
    against = await negation(refuter, search.theorem, check)
    screened = await refuter.screen(search.theorem, check)
    found = values.Values(search.theorem.statement, screened.bound, screened.types)
    assignments = list(itertools.islice(found.assignments(), _MOST_TRIED))
    for closers in (_CLOSERS, (*_unfolding(search.theorem), *_MORE_CLOSERS)):
        for start in range(0, len(assignments), _TOGETHER):
            some = assignments[start : start + _TOGETHER]
            if not (await refuter.check(Check(against, _proof(some, closers), check))).verified:
                continue
            for one in some:  # find the one that succeeded
                if (proof := await _proved_by(refuter, against, one, closers, check)) is not None:
                    shown = tuple((name, values.shown(value)) for name, value in one if not values.is_proof(value))
                    return Refutation(against.statement, proof, shown)
    options = replace(
        search.options.within_seconds(ends - time.monotonic()), check=check, as_found=True, minimise=False
    )
    options = replace(options, budget=replace(options.budget, proofs=1), disprove=False)
    async with contextlib.aclosing(refuter.prove(Search(against, options))) as events:
        async for event in events:
            if isinstance(event, Proof):
                return Refutation(against.statement, event)
    return None


async def until_refuted(
    events: AsyncGenerator[SearchEvent, None], refuter: Refuter, search: Search
) -> AsyncGenerator[SearchEvent, None]:
    """Yield the events of a search; a refutation found before a proof ends it.

    Raises:
        UserError: as the search. If no refutation was possible, the last event has a note with the reason.
    """
    spent, proved = Progress(), False
    ends = time.monotonic() + search.options.budget.seconds
    async with contextlib.aclosing(events):
        async for first in events:
            yield first
            if isinstance(first, Finished):  # time was out before the statement had elaborated
                return
            if isinstance(first, Accepted):
                break
        refuting = asyncio.ensure_future(disprove(refuter, search))
        try:
            while True:
                event = await _next(events, refuting)
                match event:
                    case Refutation():
                        yield Finished(Ending.REFUTED, spent, {}, refutation=event)
                        return
                    case Finished() if not (proved or event.proofs):
                        yield await _ended(event, refuting, ends)
                        return
                    case Finished():
                        yield event
                        return
                    case Proof():
                        proved = True
                        refuting.cancel()
                    case Progress():
                        spent = event
                yield event
        finally:
            refuting.cancel()
            await asyncio.wait([refuting])


async def _next(
    events: AsyncGenerator[SearchEvent, None], refuting: "asyncio.Future[Refutation | None]"
) -> SearchEvent | Refutation:
    """Return the next event, or a refutation if it comes first."""
    coming = asyncio.ensure_future(anext(events))
    try:
        if not refuting.done():
            either: set[asyncio.Future[Any]] = {coming, refuting}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        succeeded = refuting.done() and not refuting.cancelled() and refuting.exception() is None
        if not coming.done() and succeeded and (found := refuting.result()) is not None:
            return found
        return await coming
    finally:
        if not coming.done():
            coming.cancel()
            await asyncio.wait([coming])


async def _ended(finished: Finished, refuting: "asyncio.Future[Refutation | None]", ends: float) -> Finished:
    """Return the last event of a search without a proof, once it is known whether the theorem is refuted."""
    try:
        found = await asyncio.wait_for(refuting, max(0.0, ends - time.monotonic()))
    except TimeoutError:
        return finished
    except UserError as error:
        return replace(finished, notes=(*finished.notes, StatementNote(NoteKind.NOT_NEGATED, str(error))))
    return finished if found is None else replace(finished, ending=Ending.REFUTED, refutation=found)


async def _proved_by(
    refuter: Refuter, against: Theorem, one: Assignment, closers: Sequence[str], options: CheckOptions
) -> Proof | None:
    """Prove the negation with one assignment, by a single tactic if possible; None if that fails."""
    any_of_them = _proof([one], closers)
    verdict = await refuter.check(Check(against, any_of_them, options))
    if not verdict.verified:
        return None
    for closer in closers:
        candidate = replace(any_of_them, text=_read(one, closer))
        alone = await refuter.check(Check(against, candidate, options))
        if alone.verified:
            return Proof(candidate, alone, 0.0)
    return Proof(any_of_them, verdict, 0.0)


def _proof(assignments: Sequence[Assignment], closers: Sequence[str]) -> Candidate:
    """Prove the negation with any of some assignments."""
    closing = " | ".join(f"({closer}; done)" for closer in closers)
    lines = (f"  | (refine absurd {_instance(one)} ?_ <;> first | {closing})" for one in assignments)
    return Candidate("by\n  intro h\n  first\n" + "\n".join(lines), source="counterexample")


def _unfolding(theorem: Theorem) -> list[str]:
    """Return a tactic that unfolds the context's definitions, if there are few."""
    names = scanned(theorem).definitions
    return [f"simp [{', '.join(names)}]"] if 0 < len(names) <= _MOST_UNFOLDED else []


def _read(one: Assignment, closer: str) -> str:
    """Return the same proof in a single tactic."""
    if any(value == values.PROOF or f" {values.PROOF}" in value for _, value in one):
        step = f"({closer})" if ";" in closer else closer
        return f"by\n  intro h\n  refine absurd {_instance(one)} ?_ <;> {step}"
    return f"fun h => absurd {_instance(one)} (by {closer})"


def _instance(one: Assignment) -> str:
    return f"(@h {' '.join(value for _, value in one)})"
