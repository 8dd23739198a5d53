"""Quarantine: unvetted code runs in elaborators that serve one client alone.

A judge, which elaborates nothing, gives the verdict (docs/trust.md).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar, cast

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.lean.wire import library, quarantine
from prover.lean.wire.answers import Export, Name
from prover.lean.wire.lines import Request
from prover.lean.wire.quarantine import HandedOut, Reference
from prover.lean.workers.questions import StatementQuestions
from prover.theorem import Theorem
from prover.verdict import Path, Verdict, VerdictKind

T = TypeVar("T")

_REMEMBERED = 64
_ASKED_FIRST = ("screen", "negation")


class Processes(Protocol):
    """Lean processes of one role behind a queue; `WorkerPool` implements it."""

    async def ask(self, request: Request[T], theorem: Theorem, terms: Terms) -> T:
        """Send a request to one of the processes, as a job of this theorem."""
        ...

    async def close(self) -> None:
        """End them all."""
        ...


class Quarantine(StatementQuestions):
    """The elaborators of one client, and their references of statements, taken before they saw a candidate.

    A process that has run a candidate may lie about the next statement. References therefore come from a process that
    has run none: it is handed over to candidates when the first one arrives, and another is started for the next
    statement.
    """

    def __init__(self, start: Callable[[], Awaitable[Processes]], judges: Callable[[], Awaitable[Processes]]) -> None:
        """Create the quarantine; nothing is started.

        Args:
            start: starts an elaborator.
            judges: returns the judges; starts them if needed.
        """
        self._start = start
        self._judges = judges
        self._turn = asyncio.Lock()
        self._pristine: Processes | None = None
        self._running: Processes | None = None
        self._references: OrderedDict[tuple[Theorem, int, int], Reference] = OrderedDict()

    async def close(self) -> None:
        """End the elaborators; no process of this client remains."""
        elaborators = [elaborator for elaborator in (self._pristine, self._running) if elaborator]
        self._pristine = self._running = None
        await asyncio.gather(*(elaborator.close() for elaborator in elaborators))

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `Checker.check`."""
        return (await self._judged(theorem, candidate, terms, shown=False))[0]

    async def exported(self, theorem: Theorem, candidate: Candidate, terms: Terms) -> tuple[Verdict, Export | None]:
        """Check as `check` does; also return the constants of a verified proof, as accepted by the judge's kernel, for
        another kernel.
        """
        return await self._judged(theorem, candidate, terms, shown=True)

    async def closure(self, theorem: Theorem, names: Sequence[Name], known: Iterable[Name], terms: Terms) -> str:
        """See `LibraryQuestions.closure`; a judge answers."""
        bare = replace(theorem, header=replace(theorem.header, prelude=""), context="", statement="")
        return await (await self._judges()).ask(library.closure(bare, names, known, terms), theorem, terms)

    async def _judged(
        self, theorem: Theorem, candidate: Candidate, terms: Terms, shown: bool
    ) -> tuple[Verdict, Export | None]:
        fixed = await self._reference(theorem, terms)
        if fixed.elaboration.verdict is not VerdictKind.VERIFIED:
            elaboration = fixed.elaboration
            refused = Verdict(
                elaboration.verdict,
                mode=candidate.mode,
                policy=terms.policy,
                messages=elaboration.messages,
                timing=elaboration.timing,
                path=Path.QUARANTINE,
            )
            return refused, None
        request = quarantine.candidate(theorem, candidate, terms)
        handed: HandedOut = await (await self._elaborator()).ask(request, theorem, terms)
        if not handed.export:
            return handed.verdict, None
        judges = await self._judges()
        return await judges.ask(quarantine.judge(theorem, fixed, handed, terms, shown), theorem, terms)

    async def answered(self, make: Callable[[Theorem], Request[T]], theorem: Theorem, terms: Terms) -> T:
        """Return an elaborator's answer (not trusted).

        Questions about the statement itself, and about a negation that is compared with it, go to an elaborator that
        has run no candidate, so that the answer depends only on the client's own texts.
        """
        request = make(theorem)
        if request.op == "elaborate":
            return cast(T, (await self._reference(theorem, terms)).elaboration)
        if request.op in _ASKED_FIRST:
            async with self._turn:
                self._pristine = self._pristine or await self._start()
                return await self._pristine.ask(request, theorem, terms)
        if theorem.statement:
            await self._reference(theorem, terms)
        return await (await self._elaborator()).ask(request, theorem, terms)

    async def _reference(self, theorem: Theorem, terms: Terms) -> Reference:
        """Return the reference of a theorem. Cached unless the elaborator failed to produce one."""
        key = (theorem, terms.limits.heartbeats, terms.limits.recursion)
        async with self._turn:
            if (known := self._references.get(key)) is not None:
                self._references.move_to_end(key)
                return known
            self._pristine = self._pristine or await self._start()
            fixed: Reference = await self._pristine.ask(quarantine.reference(theorem, terms), theorem, terms)
            if fixed.elaboration.verdict not in (VerdictKind.INFRASTRUCTURE, VerdictKind.TIMEOUT):
                self._references[key] = fixed
                if len(self._references) > _REMEMBERED:
                    self._references.popitem(last=False)
            return fixed

    async def _elaborator(self) -> Processes:
        """Return an elaborator for candidates."""
        async with self._turn:
            if self._running is None:
                self._running, self._pristine = self._pristine or await self._start(), None
            return self._running
