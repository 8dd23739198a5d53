"""Filling the `sorry`s of a file, one after the other, each under what then stands before it."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace

from prover.assistance import closing
from prover.candidate import Candidate
from prover.errors import InputError
from prover.options import CheckOptions, SearchOptions
from prover.requests import Check, Event, LateError, Search, Service, StatementError
from prover.search.search import Finished, Proof
from prover.source import lean_file
from prover.source.lean_file import LeanFile
from prover.source.scanner import FileTheorem
from prover.verdict import Message, Region, Verdict, VerdictKind

_MOST_CLOSINGS = 4  # of a `sorry` within a proof: each is tried in its theorem until one verifies


@dataclass(frozen=True, slots=True)
class Hole:
    """A `sorry` to be filled.

    Attributes:
        number: its place among the holes of the file.
        theorem: the number of its theorem in `LeanFile.theorems`.
        item: that theorem, in the file as it was.
        start, end: offsets in the file as it was of the text to be replaced.
    """

    number: int
    theorem: int
    item: FileTheorem
    start: int
    end: int

    @property
    def whole(self) -> bool:
        """Whether it is the whole proof of its theorem."""
        return self.item.hole


@dataclass(frozen=True, slots=True)
class Begun:
    """A hole is tried now."""

    hole: Hole


@dataclass(frozen=True, slots=True)
class Searched:
    """An event of the search for a hole."""

    hole: Hole
    event: Event


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one hole: a proof, or why there is none.

    Attributes:
        proof: of the hole's whole theorem in the file as it then is; its verdict is INCOMPLETE while the theorem has other holes.
        replacement: what stands in place of the hole.
        finished: what the search came to, if there was one.
        verdict: of the statement, if it does not elaborate.
    """

    hole: Hole
    proof: Proof | None = None
    replacement: str = ""
    finished: Finished | None = None
    verdict: Verdict | None = None

    @property
    def item(self) -> FileTheorem:
        """The hole's theorem, in the file as it was."""
        return self.hole.item

    @property
    def number(self) -> int:
        """The number of that theorem."""
        return self.hole.theorem


@dataclass(frozen=True, slots=True)
class Filled:
    """The last event: the file with what was found, and the holes that do not verify in it after all."""

    file: LeanFile
    outcomes: tuple[Outcome, ...]
    failed: tuple[Hole, ...]


def holes(file: LeanFile) -> list[Hole]:
    """The holes of a file, in its order; a `sorry` outside proofs is none."""
    found: list[Hole] = []
    for number, item in enumerate(file.theorems):
        if item.hole:
            found.append(Hole(len(found), number, item, item.proof_start, item.proof_end))
        else:
            for start, end in lean_file.sorries(file.proof(item)):
                found.append(Hole(len(found), number, item, item.proof_start + start, item.proof_start + end))
    return found


async def fill(
    service: Service, file: LeanFile, wanted: Sequence[Hole], options: SearchOptions, ends: float = math.inf
) -> AsyncGenerator[Begun | Searched | Outcome | Filled, None]:
    """Fill `wanted`, in order; what is found goes in at once, so that later theorems may use it.

    Args:
        wanted: some of `holes(file)`.
        options: of the search for each.
        ends: on the clock of `time.monotonic`, the end of the time for all of them together.

    Raises:
        UserError: as `Service.prove`, but for a statement that does not elaborate, which is its outcome.
    """
    now, every = file, await asyncio.to_thread(holes, file)
    outcomes: list[Outcome] = []
    for hole in wanted:
        yield Begun(hole)
        outcome = Outcome(hole)
        left = options.within_seconds(ends - time.monotonic())
        if hole.whole:
            async with contextlib.aclosing(_prove(service, now, hole, left)) as events:
                async for event in events:
                    if isinstance(event, Outcome):
                        outcome = event
                    yield event
        else:
            filled = {one.hole.number for one in outcomes if one.proof}
            before = [one for one in every if one.theorem == hole.theorem and one.number < hole.number]
            open_before = sum(one.number not in filled for one in before)
            outcome = await _close(service, now, hole, open_before, left)
            yield outcome
        outcomes.append(outcome)
        if outcome.proof:
            # Reads the file anew: as much as a second for the largest, in which others are answered.
            now = await asyncio.to_thread(now.filled, now.theorems[hole.theorem], outcome.proof.candidate.text)
    yield Filled(now, tuple(outcomes), tuple(await _recheck(service, now, outcomes, options.check)))


async def search(service: Service, request: Search, report: Callable[[Event], None]) -> tuple[list[Proof], Finished]:
    """Run one search to its end.

    Raises:
        UserError: as `Service.prove`.
    """
    async with contextlib.aclosing(service.prove(request)) as events:
        proofs: list[Proof] = []
        async for event in events:
            report(event)
            if isinstance(event, Proof):
                proofs.append(event)
            elif isinstance(event, Finished):
                return list(event.proofs) or proofs, event
    raise RuntimeError("a search ended without its last event")


async def _prove(
    service: Service, file: LeanFile, hole: Hole, options: SearchOptions
) -> AsyncGenerator[Searched | Outcome, None]:
    """Search a proof of a theorem that has none."""
    found: list[Proof] = []
    item = file.theorems[hole.theorem]
    search = Search(file.theorem(item), options)
    try:
        async with contextlib.aclosing(service.prove(search)) as events:
            async for event in events:
                yield Searched(hole, event)
                if isinstance(event, Proof):
                    found.append(event)
                elif isinstance(event, Finished):
                    best = next(iter(event.proofs or found), None)
                    if best is not None:
                        best = await _indented(service, search, best, lean_file.indentation(file.text, item.keyword))
                    yield Outcome(hole, best, best.candidate.text.strip() if best else "", event)
    except StatementError as error:
        yield Outcome(hole, verdict=error.verdict)


async def _indented(service: Service, search: Search, proof: Proof, columns: int) -> Proof:
    """The proof with its further lines that much to the right, if it verifies so; else as it was."""
    text = proof.candidate.text.strip().replace("\n", "\n" + " " * columns)
    if columns == 0 or "\n" not in text:
        return proof
    candidate = replace(proof.candidate, text=text)
    verdict = await service.check(Check(search.theorem, candidate, search.options.check))
    return replace(proof, candidate=candidate, verdict=verdict) if verdict.verified else proof


async def _close(service: Service, file: LeanFile, hole: Hole, open_before: int, options: SearchOptions) -> Outcome:
    """Find a tactic that closes a `sorry` within a proof, the one behind `open_before` others of its theorem."""
    try:
        looked = await closing.look(service, file, hole.theorem, open_before, options, _MOST_CLOSINGS)
    except StatementError as error:
        return Outcome(hole, verdict=error.verdict)
    except LateError:
        return Outcome(hole)
    except InputError as error:
        if error.field != "place":
            raise
        text = file.proof(file.theorems[hole.theorem])
        at = lean_file.line_and_column(text, lean_file.sorries(text)[open_before][0])
        return Outcome(
            hole, verdict=Verdict(VerdictKind.REJECTED, messages=(Message("error", str(error), Region.CANDIDATE, *at),))
        )
    async with contextlib.aclosing(looked.closings(service)) as closings:
        async for proof, replacement in closings:
            return Outcome(hole, proof, replacement)
    return Outcome(hole)


async def _recheck(service: Service, file: LeanFile, outcomes: Sequence[Outcome], options: CheckOptions) -> list[Hole]:
    """The holes that were filled but do not verify in the completed file, read anew: none, if all is well.

    Raises:
        UserError: as `Service.check`.
    """
    verified: dict[int, bool] = {}
    failed: list[Hole] = []
    for outcome in outcomes:
        if outcome.proof is None:
            continue
        number = outcome.hole.theorem
        if number not in verified:
            item = file.theorems[number]
            candidate = Candidate(file.proof(item), source=outcome.proof.candidate.source)
            verdict = await service.check(Check(file.theorem(item), candidate, options))
            complete = not lean_file.sorries(candidate.text)
            verified[number] = closing.holds(verdict, complete) and item.name == outcome.item.name
        if not verified[number]:
            failed.append(outcome.hole)
    return failed
