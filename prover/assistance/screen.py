"""Notes on peculiarities of a statement, found without proving it: it may not say what was meant.

They are independent of any candidate: Lean analyses the statement, and a proof of ours is checked like any other.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from prover.candidate import Candidate
from prover.events import Finished, NoteKind, StatementNote
from prover.lean.checker import Terms
from prover.lean.wire.answers import Bound, Screened
from prover.requests import Accepted, Event
from prover.search.background import Delay, asked_meanwhile
from prover.theorem import Theorem
from prover.verdict import Verdict, VerdictKind

_CONTRADICTION = "by\n  intros\n  exfalso\n  first | contradiction | omega | (simp_all; done)"
_NO_NOTES: tuple[StatementNote, ...] = ()
_LONGEST_WAIT = 1.5  # seconds for an outstanding answer when the search is over
_READY = 0.01  # for an answer that is available
_SECONDS = 1.0  # nine of ten failing attempts take less than a quarter of it


class Screener(Protocol):
    """The questions to Lean that screening needs; `PoolClient` answers them."""

    async def screen(self, theorem: Theorem, terms: Terms) -> Screened:
        """See `StatementQuestions.screen`."""
        ...

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms) -> Verdict:
        """See `Checker.check`."""
        ...


def contradiction(thorough: bool = False) -> str:
    """Return a proof of a theorem from its hypotheses alone, for any goal: it holds if they are plainly
    contradictory.
    """
    return f"{_CONTRADICTION} | grind" if thorough else _CONTRADICTION


async def notes(screener: Screener, theorem: Theorem, terms: Terms, pause: Delay) -> tuple[StatementNote, ...]:
    """Return the peculiarities of a statement that elaborates; the list need not be complete.

    Lean analyses the statement at once, which takes milliseconds; after the pause, it checks whether the hypotheses
    contradict each other.

    Raises:
        PoolBusyError: other requests are waiting.
    """
    limits = replace(terms.limits, seconds=min(terms.limits.seconds, _SECONDS))
    # A guarded library theorem may be used here: the note is on the statement, not a proof of it.
    terms = replace(terms, limits=limits, policy=replace(terms.policy, guard=""))
    screened = await screener.screen(theorem, terms)
    if screened.verdict is not VerdictKind.VERIFIED or screened.absurd:
        return ()  # `… : False` states just that the hypotheses contradict each other
    found = [note for note in (_trivial(screened),) if note is not None]
    idle = [one for one in screened.bound if not one.matters and one.kind != "instance"]
    assumed = [one for one in screened.bound if one.kind == "proposition"]
    if assumed or idle:
        await pause()
        if (await screener.check(theorem, Candidate(contradiction(), source="screen"), terms)).verified:
            # A contradiction need not involve the goal's variables.
            return (*found, _contradictory(assumed or idle))
    return (*found, *([_unused(idle)] if idle else []))


async def screened(
    events: AsyncGenerator[Event, None], screener: Screener, theorem: Theorem, terms: Terms, seconds: float
) -> AsyncGenerator[Event, None]:
    """Yield the events of a search, with notes on the statement in the last one; waits for them within the search's
    `seconds`.
    """
    ends = time.monotonic() + seconds
    async with contextlib.aclosing(events):
        async for event in events:
            yield event
            if isinstance(event, Finished):  # time was out before the statement had elaborated
                return
            if isinstance(event, Accepted):
                break
        async with asked_meanwhile(partial(notes, screener, theorem, terms), _NO_NOTES) as pending_notes:
            async for event in events:
                if isinstance(event, Finished):
                    remaining = min(_LONGEST_WAIT, ends - time.monotonic())
                    with contextlib.suppress(TimeoutError):
                        event = replace(
                            event,
                            notes=(*event.notes, *await asyncio.wait_for(pending_notes(), max(remaining, _READY))),
                        )
                yield event


def _trivial(screened: Screened) -> StatementNote | None:
    match screened.glance:
        case "assumed":
            return StatementNote(NoteKind.TRIVIAL, "the goal is one of the hypotheses")
        case "same":
            return StatementNote(NoteKind.TRIVIAL, "both sides of the goal are the same term")
        case "true":
            return StatementNote(NoteKind.TRIVIAL, "the goal is `True`")
        case _:
            return None


def _contradictory(assumed: Sequence[Bound]) -> StatementNote:
    text = (
        "the hypotheses contradict each other, so that the statement holds for any goal"
        if len(assumed) > 1
        else f"the hypothesis {_listed(assumed)} is false, so that the statement holds for any goal"
        if assumed[0].kind == "proposition"
        else f"there is no {_listed(assumed)}, so that the statement holds for any goal"
    )
    return StatementNote(NoteKind.CONTRADICTORY, text, _names(assumed))


def _unused(idle: Sequence[Bound]) -> StatementNote:
    text = (
        f"the goal mentions neither {_listed(idle)} nor anything connected with it"
        if len(idle) == 1
        else f"the goal mentions none of {_listed(idle)}, nor anything connected with them"
    )
    return StatementNote(NoteKind.UNUSED, text, _names(idle))


def _listed(bound: Sequence[Bound]) -> str:
    shown = [f"`{one.name or ' '.join(one.type.split())}`" for one in bound]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _names(bound: Sequence[Bound]) -> tuple[str, ...]:
    return tuple(one.name for one in bound if one.name)
