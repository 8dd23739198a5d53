"""Whether a theorem is false: its negation, small counterexamples to it, and a search for a proof of it.

A refutation is a verified proof of a theorem of its own, the negation, whose type Lean has compared with that of the theorem: nothing
else is claimed.
"""

import asyncio
import contextlib
import itertools
import re
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from prover.candidate import Candidate
from prover.errors import UserError
from prover.events import Ending, Finished, NoteKind, Progress, Proof, Refutation, StatementNote
from prover.lean.wire.answers import Bound, NegatedStatement, Screened
from prover.options import CheckOptions
from prover.requests import Check, Search
from prover.requests import Event as SearchEvent
from prover.source.binders import signature
from prover.theorem import Theorem
from prover.verdict import Verdict

_VALUES = {
    "Nat": ("0", "1", "2", "3", "5"),
    "Int": ("0", "1", "(-1)", "2", "(-3)"),
    "Bool": ("true", "false"),
    "Prop": ("True", "False"),
    "Type": ("Bool", "Nat"),
    "List Nat": ("[]", "[0]", "[1, 0]"),
    "List Int": ("[]", "[0]", "[1, 0]"),
    "List Bool": ("[]", "[true]", "[false, true]"),
    "Nat → Nat": ("(fun _ => 0)", "(fun x => x)", "(fun x => x + 1)"),
    "Option Nat": ("none", "(some 0)", "(some 1)"),
}
_TYPES = ("PUnit", "(ULift Bool)")
_ELEMENTS = {
    "PUnit": ("⟨⟩",),
    "(ULift Bool)": ("⟨false⟩", "⟨true⟩"),
    "Bool": ("false", "true"),
    "Nat": ("0", "1", "2"),
}
_NUMERAL = re.compile(r"(?<![\w.])\d{1,6}(?![\w.])")
_OPTIONAL = re.compile(r"^optParam (\w+) .+$")  # the type of `(n : Nat := 3)`
_PLAIN = re.compile(r"[A-Za-z_][\w.']*")
_MOST_TRIED = 96  # assignments
_TOGETHER = 12  # in one check
_OPEN = "?_"  # a hypothesis, which is proved apart: inside a term, Lean goes on after a `by` that fails
_INSTANCE = "inferInstance"


class Refuter(Protocol):
    """What refuting asks; beside `Service.check` and `Service.prove`, what Lean makes of the statement itself."""

    async def check(self, request: Check) -> Verdict:
        """See `Service.check`."""
        ...

    def prove(self, request: Search) -> AsyncGenerator[SearchEvent, None]:
        """See `Service.prove`."""
        ...

    async def screen(self, theorem: Theorem, options: CheckOptions) -> Screened:
        """See `LeanPool.screen`."""
        ...

    async def negation(
        self, theorem: Theorem, name: str, written: Sequence[str], options: CheckOptions
    ) -> NegatedStatement:
        """See `LeanPool.negation`."""
        ...


class UndeniableError(UserError):
    """No text was found that Lean reads as the negation of a statement."""


async def negation(refuter: Refuter, theorem: Theorem, options: CheckOptions) -> Theorem:
    """The theorem that says that `theorem` is false, at every universe; its type was compared by Lean.

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
        says = f"∀ {binders},\n    {goal}" if binders else f"({goal})"
        written = [f"theorem {plain}{dot}{universes} :\n  ¬ {says}"]
    found = await refuter.negation(theorem, plain, written, options)
    if not found.negation:
        raise UndeniableError(
            "no negation of this statement was found that Lean reads as just that, so only proofs were looked for: "
            "state the negation yourself to have it proved"
        )
    return replace(theorem, statement=found.negation)


def fresh(name: str, context: str) -> str:
    """The name, or one made from it that the context does not have: an earlier refutation may stand there."""
    names = itertools.chain([name], (f"{name}{number}" for number in itertools.count(2)))
    return next(one for one in names if not re.search(rf"(?<![\w.]){re.escape(one)}(?![\w'])", context))


async def disprove(refuter: Refuter, search: Search) -> Refutation | None:
    """Look for small counterexamples, then search a proof of the negation within the budget of `search`; None if neither is found.

    Raises:
        UndeniableError: there is no negation.
        UserError: as `Service.prove`, of the negation.
    """
    ends = time.monotonic() + search.options.budget.seconds
    check = replace(search.options.check, guard="")
    against = await negation(refuter, search.theorem, check)
    bound = (await refuter.screen(search.theorem, check)).bound
    assignments = list(itertools.islice(_assignments(bound, _numerals(search.theorem.statement)), _MOST_TRIED))
    for start in range(0, len(assignments), _TOGETHER):
        some = assignments[start : start + _TOGETHER]
        if not (await refuter.check(Check(against, _proof(some), check))).verified:
            continue
        for one in some:  # which of them it was
            candidate = _proof([one])
            verdict = await refuter.check(Check(against, candidate, check))
            if verdict.verified:
                shown = tuple((name, value) for name, value in one if value not in (_OPEN, _INSTANCE))
                return Refutation(against.statement, Proof(candidate, verdict, 0.0), shown)
    options = replace(
        search.options.within_seconds(ends - time.monotonic()), check=check, as_found=True, minimise=False
    )
    options = replace(options, budget=replace(options.budget, proofs=1), disprove=False)
    async with contextlib.aclosing(refuter.prove(Search(against, options))) as events:
        async for event in events:
            if isinstance(event, Proof):
                return Refutation(against.statement, event)
    return None


async def beside(
    events: AsyncGenerator[SearchEvent, None], refuter: Refuter, search: Search
) -> AsyncGenerator[SearchEvent, None]:
    """The events of a search, which ends when the theorem is refuted before there is a proof.

    Raises:
        UserError: as the search. Why nothing could be refuted is a note of the last event.
    """
    spent, proved = Progress(), False
    ends = time.monotonic() + search.options.budget.seconds
    async with contextlib.aclosing(events):
        yield await anext(events)  # the statement elaborates
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
    """The next event, or a refutation if that is there first."""
    coming = asyncio.ensure_future(anext(events))
    try:
        if not refuting.done():
            either: set[asyncio.Future[Any]] = {coming, refuting}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        held = refuting.done() and not refuting.cancelled() and refuting.exception() is None
        if not coming.done() and held and (found := refuting.result()) is not None:
            return found
        return await coming
    finally:
        if not coming.done():
            coming.cancel()
            await asyncio.wait([coming])


async def _ended(finished: Finished, refuting: "asyncio.Future[Refutation | None]", ends: float) -> Finished:
    """The end of a search that found no proof, when it is known whether the theorem is refuted."""
    try:
        found = await asyncio.wait_for(refuting, max(0.0, ends - time.monotonic()))
    except TimeoutError:
        return finished
    except UserError as error:
        return replace(finished, notes=(*finished.notes, StatementNote(NoteKind.NOT_NEGATED, str(error))))
    return finished if found is None else replace(finished, ending=Ending.REFUTED, refutation=found)


def _assignments(bound: Sequence[Bound], numerals: Sequence[int]) -> Iterator[list[tuple[str, str]]]:
    """Values for what a theorem is about, small ones first, and proofs for what it assumes; none if a type is not known."""
    if not any(one.kind == "value" for one in bound):
        return
    every = itertools.islice(_chosen(bound, numerals, {}), 20_000)
    for _, values in sorted(every, key=lambda each: each[0]):
        yield [(one.name, value) for one, value in zip(bound, values, strict=True)]


def _chosen(
    bound: Sequence[Bound], numerals: Sequence[int], types: Mapping[str, str]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Every choice of values, with how far from the first ones it is; `types` are those chosen before."""
    if not bound:
        yield 0, ()
        return
    one = bound[0]
    type_ = _OPTIONAL.sub(r"\1", " ".join(one.type.split()))
    match one.kind:
        case "proposition":
            values: Sequence[str] = (_OPEN,)
        case "instance":
            values = (_INSTANCE,)
        case _:
            values = _values(type_, numerals, types)
    for place, value in enumerate(values):
        chosen = {**types, one.name: value} if type_.startswith(("Type", "Sort")) else types
        for cost, rest in _chosen(bound[1:], numerals, chosen):
            yield place + cost, (value, *rest)


def _values(type_: str, numerals: Sequence[int], types: Mapping[str, str]) -> Sequence[str]:
    if type_.startswith(("Type ", "Sort ")):
        return _TYPES
    if type_ in types:
        return _ELEMENTS[types[type_]]
    if type_.startswith("List ") and (elements := _ELEMENTS.get(types.get(type_.removeprefix("List "), ""))):
        return "[]", f"[{elements[0]}]", f"[{', '.join(elements[:2])}]"
    values = _VALUES.get(type_, ())
    return (
        (*values, *(str(each) for each in numerals if str(each) not in values)) if type_ in ("Nat", "Int") else values
    )


def _numerals(statement: str) -> list[int]:
    """The small numbers of a statement and their neighbours: where it is false at all, it is often there."""
    named = {int(each) for each in _NUMERAL.findall(statement)[:8]}
    return sorted({near for each in named for near in (each - 1, each, each + 1) if near >= 0})


def _proof(assignments: list[list[tuple[str, str]]]) -> Candidate:
    """A proof of the negation by any of some assignments."""
    lines = (
        f"  | (refine absurd (@h {' '.join(value for _, value in one)}) ?_ <;> first | decide | omega | (simp; done))"
        for one in assignments
    )
    return Candidate("by\n  intro h\n  first\n" + "\n".join(lines), source="counterexample")
