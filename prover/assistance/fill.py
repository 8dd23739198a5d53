"""Fills the `sorry`s of a file one after the other, each in the file as completed so far."""

import asyncio
import contextlib
import math
import re
import textwrap
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from prover.assistance import closing, commands
from prover.assistance.holes import (
    CommandRejected,
    Filled,
    FillEvent,
    Hole,
    HoleOutcome,
    HoleStarted,
    Searched,
    holes_of,
)
from prover.assistance.place import of_hole
from prover.candidate import Candidate
from prover.errors import InputError
from prover.options import CheckOptions, SearchOptions
from prover.requests import Check, LateError, Search, Service, StatementError
from prover.requests import Event as SearchEvent
from prover.search.search import Ending, Finished, Proof
from prover.source import lean_file, showing
from prover.source.faults import below_faults
from prover.source.lean_file import LeanFile
from prover.theorem import Theorem
from prover.verdict import Message, Mode, Region, Verdict, VerdictKind

_MOST_CLOSINGS = 4  # for a `sorry` within a proof: each is tried in its theorem until one verifies


async def fill(
    service: Service,
    file: LeanFile,
    wanted: Sequence[Hole],
    options: SearchOptions,
    ends: float = math.inf,
    judge_file: bool = True,
    known: Mapping[Hole, Proof] = MappingProxyType({}),
) -> AsyncGenerator[FillEvent, None]:
    """Fill the holes `wanted` in order; each proof is inserted at once, so that later theorems may use it.

    Args:
        wanted: some of `holes_of(file)`.
        options: options of each search.
        ends: deadline for all holes together, on the clock of `time.monotonic`.
        judge_file: whether to check the whole file at the end.
        known: existing proofs for some of them, see `put_in`.

    Raises:
        UserError: as `Service.prove`; a statement that does not elaborate is reported as its outcome instead.
    """
    filling = _Filling(service, file, options.check, await asyncio.to_thread(holes_of, file))
    for hole in wanted:
        if hole in known:
            await filling.put(hole, known[hole])
            yield filling.outcomes[-1]
            continue
        yield HoleStarted(hole)
        remaining = options.within_seconds(ends - time.monotonic())
        async with contextlib.aclosing(filling.fill(hole, remaining)) as events:
            async for event in events:
                yield event
    failed = await filling.recheck()
    verdict = await whole_verdict(service, filling.now, options.check) if judge_file else None
    yield Filled(filling.now, tuple(filling.outcomes), tuple(failed), verdict)


async def put_in(service: Service, file: LeanFile, found: Mapping[Hole, Proof], options: CheckOptions) -> Filled:
    """Insert existing proofs into holes, each checked in place. For a hole within a proof, the candidate is the text
    that replaces it.

    Raises:
        UserError: as `Service.check`.
    """
    filling = _Filling(service, file, options, await asyncio.to_thread(holes_of, file))
    for hole, proof in found.items():
        await filling.put(hole, proof)
    return Filled(filling.now, tuple(filling.outcomes), tuple(await filling.recheck()))


async def whole_verdict(service: Service, file: LeanFile, options: CheckOptions) -> Verdict:
    """Check a file as it is; positions refer to the text after its imports. The last messages name the commands that are not run
    because they only display something.

    Raises:
        UserError: as `Service.check`.
    """
    nothing = Theorem("", file.header, project=file.project)
    verdict = await service.check(Check(nothing, Candidate(file.whole(), Mode.FILE, "given"), options))
    first, _ = lean_file.line_and_column(file.text, file.body)
    return replace(verdict, messages=(*verdict.messages, *showing.left_out(showing.showing(file.commands), first)))


class _Filling:
    """A file whose holes are being filled."""

    def __init__(self, service: Service, file: LeanFile, options: CheckOptions, every: Sequence[Hole]) -> None:
        self.now = self._was = file
        self.outcomes: list[HoleOutcome] = []
        self._service = service
        self._options = options
        self._every = every

    async def fill(
        self, hole: Hole, options: SearchOptions
    ) -> AsyncGenerator[Searched | CommandRejected | HoleOutcome, None]:
        """Fill one hole; failing commands above it are detected on the way and weakened from then on."""
        while True:
            outcome = HoleOutcome(hole)
            async with contextlib.aclosing(
                self._prove(hole, options) if hole.whole else self._close(hole, options)
            ) as events:
                async for event in events:
                    if isinstance(event, HoleOutcome):
                        outcome = event
                    else:
                        yield event
            below = below_faults(self.now, outcome.verdict) if outcome.verdict is not None else None
            if below is None:
                break
            self.now, faults = below
            reported = {one.hole.command for one in self.outcomes if one.verdict is not None}
            for fault in (one for one in faults if one.number not in reported):
                yield CommandRejected(replace(fault, line=self.now.line_in(self._was, fault.number, fault.line)))
        await self._take(outcome)
        yield outcome

    async def put(self, hole: Hole, proof: Proof) -> None:
        """Fill a hole with an existing proof."""
        await self._take(await (self._fitted(hole, proof) if hole.whole else self._replaced(hole, proof)))

    async def _replaced(self, hole: Hole, proof: Proof) -> HoleOutcome:
        """Replace a hole within a proof, and check the result in place."""
        item = self.now.commands[hole.command]
        spots = self.now.sorries(item)
        spot = of_hole(self.now, item, *spots[self._open_before(hole)])
        replacement = proof.candidate.text
        candidate = replace(proof.candidate, text=spot.before + replacement + spot.after, mode=spot.mode)
        verdict = await self._service.check(Check(spot.theorem, candidate, self._options))
        if not closing.holds(verdict, complete=len(spots) == 1):
            return HoleOutcome(hole, verdict=verdict)
        return HoleOutcome(hole, replace(proof, candidate=candidate, verdict=verdict), replacement)

    def _open_before(self, hole: Hole) -> int:
        """Return the number of unfilled holes before it in its command."""
        filled = {one.hole.number for one in self.outcomes if one.proof}
        before = [one for one in self._every if one.command == hole.command and one.number < hole.number]
        return sum(one.number not in filled for one in before)

    async def _take(self, outcome: HoleOutcome) -> None:
        self.outcomes.append(outcome)
        if outcome.proof:
            # Parses the file again, which takes up to a second for the largest, in a thread so that other requests
            # proceed.
            item = self.now.commands[outcome.hole.command]
            self.now = await asyncio.to_thread(self.now.filled, item, outcome.proof.candidate.text)

    async def _prove(self, hole: Hole, options: SearchOptions) -> AsyncGenerator[Searched | HoleOutcome, None]:
        """Search for a proof of a theorem that has none."""
        found: list[Proof] = []
        item = self.now.commands[hole.command]
        try:
            if (unproved := await commands.unproved_above(self._service, self.now, item, self._options)) is not None:
                yield HoleOutcome(hole, verdict=unproved)
                return
            search = Search(self.now.theorem(item), options)
            async with contextlib.aclosing(self._service.prove(search)) as events:
                async for event in events:
                    yield Searched(hole, event)
                    if isinstance(event, Proof):
                        found.append(event)
                    elif isinstance(event, Finished):
                        best = next(iter(event.proofs or found), None)
                        outcome = await self._fitted(hole, best) if best else HoleOutcome(hole)
                        late = best is None and event.ending is Ending.SECONDS_SPENT
                        yield replace(outcome, finished=event, timed_out=late)
        except StatementError as error:
            yield HoleOutcome(hole, verdict=error.verdict)

    async def _fitted(self, hole: Hole, proof: Proof) -> HoleOutcome:
        """Return the proof in its final layout: indented as its theorem, and after existing comments."""
        item = self.now.commands[hole.command]
        if not hole.alone:
            proof = await self._indented(self.now.theorem(item), proof, lean_file.indentation(self.now.text, item.at))
            return HoleOutcome(hole, proof, proof.candidate.text.strip())
        start, end = self.now.sorries(item)[0]
        column = lean_file.line_and_column(self.now.text, start)[1]
        tactics = as_tactics(proof.candidate.text).replace("\n", "\n" + " " * column)
        text = self.now.text[item.proof_start : start] + tactics + self.now.text[end : item.proof_end]
        candidate = replace(proof.candidate, text=text)
        verdict = await self._service.check(Check(self.now.theorem(item), candidate, self._options))
        if not verdict.verified:
            return HoleOutcome(hole, verdict=verdict)
        return HoleOutcome(hole, replace(proof, candidate=candidate, verdict=verdict), tactics)

    async def _indented(self, theorem: Theorem, proof: Proof, columns: int) -> Proof:
        """Return the proof with its further lines indented by so much if that verifies, otherwise unchanged."""
        text = proof.candidate.text.strip().replace("\n", "\n" + " " * columns)
        if columns == 0 or "\n" not in text:
            return proof
        candidate = replace(proof.candidate, text=text)
        verdict = await self._service.check(Check(theorem, candidate, self._options))
        return replace(proof, candidate=candidate, verdict=verdict) if verdict.verified else proof

    async def _close(self, hole: Hole, options: SearchOptions) -> AsyncGenerator[HoleOutcome, None]:
        """Find a tactic that closes a `sorry` within a proof."""
        open_before = self._open_before(hole)
        item = self.now.commands[hole.command]
        try:
            looked = await closing.look(self._service, self.now, hole.command, open_before, options, _MOST_CLOSINGS)
        except StatementError as error:
            yield HoleOutcome(hole, verdict=error.verdict)
            return
        except LateError:
            yield HoleOutcome(hole, timed_out=True)
            return
        except InputError as error:
            if error.field != "place":
                raise
            place = self.now.sorries(item)[open_before][0] - item.proof_start + len(self.now.lead(item))
            at = lean_file.line_and_column(self.now.candidate(item).text, place)
            message = Message("error", str(error), Region.CANDIDATE, *at)
            yield HoleOutcome(
                hole, verdict=Verdict(VerdictKind.INCOMPLETE, messages=(message,))
            )  # Lean reports no error itself
            return
        async with contextlib.aclosing(looked.closings(self._service)) as closings:
            async for proof, replacement in closings:
                yield HoleOutcome(hole, proof, replacement)
                return
        yield HoleOutcome(hole, timed_out=looked.suggestions.timed_out)

    async def recheck(self) -> list[Hole]:
        """Return the filled holes that do not verify in the completed, newly parsed file; empty if all do.

        Raises:
            UserError: as `Service.check`.
        """
        verified: dict[int, bool] = {}
        failed: list[Hole] = []
        for outcome in self.outcomes:
            if outcome.proof is None:
                continue
            number = outcome.hole.command
            if number not in verified:
                verified[number] = await self._holds(number, outcome)
            if not verified[number]:
                failed.append(outcome.hole)
        return failed

    async def _holds(self, number: int, outcome: HoleOutcome) -> bool:
        assert outcome.proof is not None
        if number >= len(self.now.commands):
            return False
        item = self.now.commands[number]
        candidate = self.now.candidate(item, outcome.proof.candidate.source)
        verdict = await self._service.check(Check(self.now.theorem(item), candidate, self._options))
        complete = not self.now.sorries(item)
        same = (item.keyword, item.own_name) == (outcome.item.keyword, outcome.item.own_name)
        return same and closing.holds(verdict, complete)


async def search(
    service: Service, request: Search, report: Callable[[SearchEvent], None]
) -> tuple[list[Proof], Finished]:
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


def as_tactics(proof: str) -> str:
    """Return a proof as a tactic block whose lines begin in the first column."""
    proof = proof.strip()
    if not re.match(r"by\b", proof):
        return "exact " + proof.replace("\n", "\n  ")
    first, _, following = proof.removeprefix("by").partition("\n")
    if not first.strip():
        return textwrap.dedent(following).strip()
    return "\n".join([first.strip(), *textwrap.dedent(following).split("\n")]).strip()
