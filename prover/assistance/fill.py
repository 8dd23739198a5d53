"""Filling the `sorry`s of a file, one after the other, each under what then stands before it."""

import asyncio
import contextlib
import math
import re
import textwrap
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from prover.assistance import closing
from prover.assistance.place import of_hole
from prover.candidate import Candidate
from prover.errors import InputError
from prover.options import CheckOptions, SearchOptions
from prover.requests import Check, LateError, Search, Service, StatementError
from prover.requests import Event as SearchEvent
from prover.search.search import Finished, Proof
from prover.source import lean_file
from prover.source.lean_file import Fault, LeanFile
from prover.source.scanner import Command
from prover.theorem import Theorem
from prover.verdict import Message, Mode, Region, Verdict, VerdictKind

_MOST_CLOSINGS = 4  # of a `sorry` within a proof: each is tried in its theorem until one verifies


@dataclass(frozen=True, slots=True)
class Hole:
    """A `sorry` or `admit` to be filled.

    Attributes:
        number: its place among the holes of the file.
        command: the number of its command in `LeanFile.commands`.
        item: that command, in the file as it was.
        start, end: offsets in the file as it was of the text to be replaced.
    """

    number: int
    command: int
    item: Command
    start: int
    end: int

    @property
    def whole(self) -> bool:
        """Whether it is the whole proof of its theorem."""
        return self.item.hole

    @property
    def alone(self) -> bool:
        """Whether only the word is replaced although it is the whole proof: remarks stand between it and its `by`."""
        return self.whole and self.start > self.item.proof_start


@dataclass(frozen=True, slots=True)
class Begun:
    """A hole is tried now."""

    hole: Hole


@dataclass(frozen=True, slots=True)
class Searched:
    """An event of the search for a hole."""

    hole: Hole
    event: SearchEvent


@dataclass(frozen=True, slots=True)
class Fell:
    """Lean does not take something that stands above a hole: a theorem is used below as if it were proved, the rest is not."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class HoleOutcome:
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
    def item(self) -> Command:
        """The hole's theorem, in the file as it was."""
        return self.hole.item


@dataclass(frozen=True, slots=True)
class Filled:
    """The last event.

    Attributes:
        file: with what was found.
        failed: holes that do not verify in it after all.
        verdict: on the whole file as it then stands: VERIFIED if it rests on no `sorry` and no axiom of its own; None if that
            was not asked.
    """

    file: LeanFile
    outcomes: tuple[HoleOutcome, ...]
    failed: tuple[Hole, ...]
    verdict: Verdict | None = None


Event = Begun | Searched | Fell | HoleOutcome | Filled


def holes(file: LeanFile) -> list[Hole]:
    """The holes of a file, in its order."""
    found: list[Hole] = []
    for number, item in enumerate(file.commands):
        for start, end in file.sorries(item):
            if item.hole:
                remarks = file.code[item.proof_start : start] != file.text[item.proof_start : start]
                start = start if remarks else item.proof_start
            found.append(Hole(len(found), number, item, start, end))
    return found


async def fill(
    service: Service,
    file: LeanFile,
    wanted: Sequence[Hole],
    options: SearchOptions,
    ends: float = math.inf,
    judge_file: bool = True,
    known: Mapping[Hole, Proof] = MappingProxyType({}),
) -> AsyncGenerator[Event, None]:
    """Fill `wanted`, in order; what is found goes in at once, so that later theorems may use it.

    Args:
        wanted: some of `holes(file)`.
        options: of the search for each.
        ends: on the clock of `time.monotonic`, the end of the time for all of them together.
        judge_file: say at the end what the whole file rests on.
        known: what was found elsewhere for some of them, see `put_in`.

    Raises:
        UserError: as `Service.prove`, but for a statement that does not elaborate, which is its outcome.
    """
    filling = _Filling(service, file, options.check, await asyncio.to_thread(holes, file))
    for hole in wanted:
        if hole in known:
            await filling.put(hole, known[hole])
            yield filling.outcomes[-1]
            continue
        yield Begun(hole)
        left = options.within_seconds(ends - time.monotonic())
        async with contextlib.aclosing(filling.fill(hole, left)) as events:
            async for event in events:
                yield event
    failed = await filling.recheck()
    verdict = await whole_verdict(service, filling.now, options.check) if judge_file else None
    yield Filled(filling.now, tuple(filling.outcomes), tuple(failed), verdict)


async def put_in(service: Service, file: LeanFile, found: Mapping[Hole, Proof], options: CheckOptions) -> Filled:
    """Put proofs that were found elsewhere in place of holes, each checked in its place. The candidate of one that is not whole is
    what replaces it.

    Raises:
        UserError: as `Service.check`.
    """
    filling = _Filling(service, file, options, await asyncio.to_thread(holes, file))
    for hole, proof in found.items():
        await filling.put(hole, proof)
    return Filled(filling.now, tuple(filling.outcomes), tuple(await filling.recheck()))


async def whole_verdict(service: Service, file: LeanFile, options: CheckOptions) -> Verdict:
    """The verdict on a file as it stands; positions are in what stands after its imports.

    Raises:
        UserError: as `Service.check`.
    """
    nothing = Theorem("", file.header, project=file.project)
    return await service.check(Check(nothing, Candidate(file.whole(), Mode.FILE, "given"), options))


class _Filling:
    """A file while its holes are filled."""

    def __init__(self, service: Service, file: LeanFile, options: CheckOptions, every: Sequence[Hole]) -> None:
        self.now = self._was = file
        self.outcomes: list[HoleOutcome] = []
        self._service = service
        self._options = options
        self._every = every

    async def fill(self, hole: Hole, options: SearchOptions) -> AsyncGenerator[Searched | Fell | HoleOutcome, None]:
        """Fill one hole; what stands above it and does not hold is found on the way, and stands for less from then on."""
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
            below = self.now.below_faults(outcome.verdict) if outcome.verdict is not None else None
            if below is None:
                break
            self.now, faults = below
            for fault in faults:
                yield Fell(replace(fault, line=self.now.line_in(self._was, fault.number, fault.line)))
        await self._take(outcome)
        yield outcome

    async def put(self, hole: Hole, proof: Proof) -> None:
        """Fill a hole with what is known."""
        await self._take(await (self._fitted(hole, proof) if hole.whole else self._replaced(hole, proof)))

    async def _replaced(self, hole: Hole, proof: Proof) -> HoleOutcome:
        """A hole that is not whole with what goes there, checked in its place."""
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
        """How many holes of its command are left before it."""
        filled = {one.hole.number for one in self.outcomes if one.proof}
        before = [one for one in self._every if one.command == hole.command and one.number < hole.number]
        return sum(one.number not in filled for one in before)

    async def _take(self, outcome: HoleOutcome) -> None:
        self.outcomes.append(outcome)
        if outcome.proof:
            # Reads the file anew: as much as a second for the largest, in which others are answered.
            item = self.now.commands[outcome.hole.command]
            self.now = await asyncio.to_thread(self.now.filled, item, outcome.proof.candidate.text)

    async def _prove(self, hole: Hole, options: SearchOptions) -> AsyncGenerator[Searched | HoleOutcome, None]:
        """Search a proof of a theorem that has none."""
        found: list[Proof] = []
        item = self.now.commands[hole.command]
        try:
            search = Search(self.now.theorem(item), options)
            async with contextlib.aclosing(self._service.prove(search)) as events:
                async for event in events:
                    yield Searched(hole, event)
                    if isinstance(event, Proof):
                        found.append(event)
                    elif isinstance(event, Finished):
                        best = next(iter(event.proofs or found), None)
                        outcome = await self._fitted(hole, best) if best else HoleOutcome(hole)
                        yield replace(outcome, finished=event)
        except StatementError as error:
            yield HoleOutcome(hole, verdict=error.verdict)

    async def _fitted(self, hole: Hole, proof: Proof) -> HoleOutcome:
        """The proof as it stands in its place: as far to the right as its theorem, and after the remarks that are there."""
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
        """The proof with its further lines that much to the right, if it verifies so; else as it was."""
        text = proof.candidate.text.strip().replace("\n", "\n" + " " * columns)
        if columns == 0 or "\n" not in text:
            return proof
        candidate = replace(proof.candidate, text=text)
        verdict = await self._service.check(Check(theorem, candidate, self._options))
        return replace(proof, candidate=candidate, verdict=verdict) if verdict.verified else proof

    async def _close(self, hole: Hole, options: SearchOptions) -> AsyncGenerator[HoleOutcome, None]:
        """Find a tactic that closes a `sorry` that is not the whole proof of a theorem."""
        open_before = self._open_before(hole)
        item = self.now.commands[hole.command]
        try:
            looked = await closing.look(self._service, self.now, hole.command, open_before, options, _MOST_CLOSINGS)
        except StatementError as error:
            yield HoleOutcome(hole, verdict=error.verdict)
            return
        except LateError:
            yield HoleOutcome(hole)
            return
        except InputError as error:
            if error.field != "place":
                raise
            place = self.now.sorries(item)[open_before][0] - item.proof_start + len(self.now.lead(item))
            at = lean_file.line_and_column(self.now.candidate(item).text, place)
            message = Message("error", str(error), Region.CANDIDATE, *at)
            yield HoleOutcome(hole, verdict=Verdict(VerdictKind.REJECTED, messages=(message,)))
            return
        async with contextlib.aclosing(looked.closings(self._service)) as closings:
            async for proof, replacement in closings:
                yield HoleOutcome(hole, proof, replacement)
                return
        yield HoleOutcome(hole)

    async def recheck(self) -> list[Hole]:
        """The holes that were filled but do not verify in the completed file, read anew: none, if all is well.

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
    """A proof as a block of tactics whose lines begin in the first column."""
    proof = proof.strip()
    if not re.match(r"by\b", proof):
        return "exact " + proof.replace("\n", "\n  ")
    first, _, rest = proof.removeprefix("by").partition("\n")
    if not first.strip():
        return textwrap.dedent(rest).strip()
    return "\n".join([first.strip(), *textwrap.dedent(rest).split("\n")]).strip()
