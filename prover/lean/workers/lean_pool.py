"""What can be asked of workers of Lean, whichever of them answer."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, Self, TypeVar

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.lean.wire import protocol
from prover.lean.wire.answers import (
    Constant,
    Declarations,
    Elaboration,
    Export,
    ImportedModule,
    LibraryPage,
    Name,
    Named,
    NegatedStatement,
    ProofSteps,
    Screened,
    SorryGoals,
    TacticStep,
    TermShape,
)
from prover.lean.wire.building import InvalidTextError
from prover.lean.wire.lines import Request
from prover.lean.workers.isolation.isolated import IsolatedChecker
from prover.lean.workers.isolation.quarantine import Quarantine
from prover.lean.workers.isolation.turns import Turns
from prover.lean.workers.jobs import Priority
from prover.lean.workers.stats import PoolStats, Tally
from prover.theorem import Header, Theorem
from prover.verdict import Limits, Mode, Verdict

T = TypeVar("T")

_BATCH_TERMS = Terms(priority=Priority.BATCH)


class PoolSite(Protocol):
    """One Lean that theorems stand under, with the elaborators that clients may have there."""

    def key(self, theorem: Theorem) -> tuple[str, ...]:
        """Theorems with the same key are served by the same processes."""
        ...

    async def sealable(self, theorem: Theorem) -> None:
        """Look whether code that was not vetted may run here.

        Raises:
            RuntimeUnavailableError: it may not; the text says what is missing.
        """
        ...

    def quarantine(self, theorem: Theorem) -> Quarantine:
        """Elaborators of one client for theorems like this one, with the judges behind them."""
        ...


class LeanPool(ABC):
    """Workers of Lean: one pool of them, or a router that has several.

    Use it as an async context manager, or `start` and `close` it. Every request may be cancelled by cancelling the
    task that waits for it: the caller returns at once, the worker is kept.

    Attributes:
        tally: counts verdicts and how workers ended.
        turns: who may have elaborators of their own.
    """

    tally: Tally
    turns: Turns

    @abstractmethod
    async def start(self) -> None:
        """Begin to warm up the workers; returns at once."""

    @abstractmethod
    async def ready(self) -> None:
        """Wait until a first worker is warm.

        Raises:
            PoolUnavailableError: none can be started; the text says why.
        """

    @abstractmethod
    async def close(self) -> None:
        """Fail what waits as `INFRASTRUCTURE` and end every process."""

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close."""
        await self.close()

    @abstractmethod
    async def ask(self, request: Request[T], theorem: Theorem, terms: Terms) -> T:
        """Send any request, as a job of this theorem. Raises PoolBusyError."""

    @abstractmethod
    def canonical(self, theorem: Theorem) -> Theorem:
        """The theorem under the import set as its worker knows it."""

    @abstractmethod
    def pointing_back(self, theorem: Theorem, result: T) -> T:
        """An answer about `canonical(theorem)`, with messages that point into the theorem as it was given."""

    @abstractmethod
    def only_contained(self, theorem: Theorem) -> bool:
        """Whether the theorem is for processes of one client alone: for what it imports, or as shared workers are not believed."""

    @abstractmethod
    async def place(self, theorem: Theorem) -> "PoolSite":
        """The pool whose Lean the theorem stands under."""

    @abstractmethod
    def isolated(
        self, imports: tuple[str, ...] | None = None, within: Callable[["LeanPool"], Checker] = IsolatedChecker
    ) -> AbstractAsyncContextManager[Checker]:
        """Lend a checker whose worker serves no other request; what it verifies has `Trust.ISOLATED_REPLAY`.

        Args:
            imports: modules that the worker loads; by default those of the configuration.
            within: makes a checker of the workers that are lent.
        """

    @abstractmethod
    def stats(self) -> PoolStats:
        """A snapshot of workers, queue and counters."""

    @property
    @abstractmethod
    def imports(self) -> tuple[str, ...]:
        """What workers load where nothing else is asked for."""

    @property
    @abstractmethod
    def runtime(self) -> str:
        """`embedded` or `native`."""

    @property
    @abstractmethod
    def idle_seconds(self) -> float:
        """How long idle elaborators stay."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Most checks at once; 0 before `start`."""

    @property
    @abstractmethod
    def lean_version(self) -> str:
        """Version of Lean; empty until a first worker is warm."""

    @property
    @abstractmethod
    def worker_version(self) -> str:
        """Version of the worker program; empty until a first worker is warm."""

    def tell(self, verdict: Verdict) -> None:
        """Count a verdict that was given elsewhere."""
        self.tally.verdicts[verdict.kind] += 1

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """Say whether `candidate` proves `theorem`. Time-outs, crashes and refusals are verdicts.

        Raises:
            PoolBusyError: the queue is full.
            ValueError: a limit is out of range.
        """
        theorem = self.canonical(theorem)
        try:
            request = protocol.check(theorem, candidate, terms)
        except InvalidTextError as error:
            verdict = protocol.invalid_text_verdict(error, candidate.mode, terms.policy)
        else:
            verdict = await self._counted(request, theorem, terms)
        self.tally.verdicts[verdict.kind] += 1
        return verdict

    async def exported(
        self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS
    ) -> tuple[Verdict, Export | None]:
        """As `check`, and the constants of a verified proof for another kernel."""
        theorem = self.canonical(theorem)
        try:
            request = protocol.exported(theorem, candidate, terms)
        except InvalidTextError as error:
            verdict, export = protocol.invalid_text_verdict(error, candidate.mode, terms.policy), None
        else:
            verdict, export = await self._counted(request, theorem, terms)
        self.tally.verdicts[verdict.kind] += 1
        return verdict, export

    async def closure(
        self, theorem: Theorem, names: Sequence[Name], known: Iterable[Name], terms: Terms = DEFAULT_TERMS
    ) -> str:
        """Library constants with what they rest on, as text for another kernel. Raises as `constant`."""
        theorem = self.canonical(theorem)
        return await self.ask(protocol.closure(theorem, names, known, terms), theorem, terms)

    async def _counted(self, request: Request[T], theorem: Theorem, terms: Terms) -> T:
        try:
            return await self.ask(request, theorem, terms)
        except asyncio.CancelledError:
            self.tally.abandoned += 1
            raise

    async def elaborate(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> Elaboration:
        """Elaborate the statement alone: its full name, type and goal.

        Raises:
            PoolBusyError: the queue is full.
            InvalidTextError: a text is too long or not Unicode.
            ValueError: a limit is out of range.
        """
        theorem = self.canonical(theorem)
        return await self.ask(protocol.elaborate(theorem, terms), theorem, terms)

    async def goals(
        self, theorem: Theorem, text: str, terms: Terms = DEFAULT_TERMS, mode: Mode = Mode.PROOF
    ) -> SorryGoals:
        """The goals at each `sorry` of a proof, or of declarations (`Mode.FILE`). Raises as `elaborate`."""
        theorem = self.canonical(theorem)
        return await self.ask(protocol.goals(theorem, text, terms, mode), theorem, terms)

    async def tactic(
        self, theorem: Theorem, script: Sequence[str], step: str, terms: Terms = DEFAULT_TERMS
    ) -> TacticStep:
        """The goals after the tactic block `step`, run after the blocks of `script`. Raises as `elaborate`."""
        theorem = self.canonical(theorem)
        return await self.ask(protocol.tactic(theorem, script, step, terms), theorem, terms)

    async def steps(self, theorem: Theorem, proof: str, terms: Terms = DEFAULT_TERMS) -> ProofSteps:
        """The steps of a proof, with the goals around each. Raises as `elaborate`."""
        theorem = self.canonical(theorem)
        return await self.ask(protocol.steps(theorem, proof, terms), theorem, terms)

    async def constant(self, name: str, header: Header | None = None, terms: Terms = DEFAULT_TERMS) -> Constant | None:
        """Look a constant up under `header`; None if there is none of that name. Raises as `elaborate`, and:

        Raises:
            NoAnswerError: the look-up came to nothing.
        """
        theorem = self.canonical(Theorem("", header or Header()))
        return await self.ask(protocol.constant(theorem, name, terms), theorem, terms)

    async def names(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> tuple[Named, ...]:
        """What header and context of a theorem declare, as its statement can name it. Raises as `constant`."""
        theorem = self.canonical(theorem)
        return await self.ask(protocol.names(theorem, terms), theorem, terms)

    async def stuck(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> str | None:
        """At which constant of the library evaluating a statement stops, as its body is absent. Raises as `constant`.

        None: it does not stop there, or cannot be evaluated at all.
        """
        theorem = self.canonical(theorem)
        return await self.ask(protocol.stuck(theorem, terms), theorem, terms)

    async def screen(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS, values: bool = False) -> Screened:
        """What can be said of a statement without a proof; on request, how values of what it binds are made. Raises as `elaborate`."""
        theorem = self.canonical(theorem)
        return await self.ask(protocol.screen(theorem, terms, values), theorem, terms)

    async def negation(
        self, theorem: Theorem, name: str, written: Sequence[str], terms: Terms = DEFAULT_TERMS
    ) -> NegatedStatement:
        """The negation of a statement as the statement of a theorem `name`, see `protocol.negation`. Raises as `elaborate`."""
        theorem = self.canonical(theorem)
        return await self.ask(protocol.negation(theorem, name, written, terms), theorem, terms)

    async def modules(self, header: Header | None = None, terms: Terms = _BATCH_TERMS) -> tuple[str, ...]:
        """The modules that `header` imports, each behind all that it imports itself. Raises as `constant`."""
        theorem = self.canonical(Theorem("", header or Header()))
        return await self.ask(protocol.modules(theorem, terms), theorem, terms)

    async def library(
        self, module: str, offset: int, limit: int, header: Header | None = None, terms: Terms = _BATCH_TERMS
    ) -> LibraryPage:
        """The theorems among `limit` constants of an imported module, from `offset` on. Raises as `constant`."""
        theorem = self.canonical(Theorem("", header or Header()))
        return await self.ask(protocol.library(theorem, module, offset, limit, terms), theorem, terms)

    async def index(self, theorem: Theorem, terms: Terms = _BATCH_TERMS) -> tuple[ImportedModule, ...]:
        """The modules that a theorem's header imports, with what tells their states apart. Raises as `constant`."""
        theorem = self.canonical(theorem)
        return await self.ask(protocol.index(theorem, terms), theorem, terms)

    async def declarations(
        self, theorem: Theorem, module: str, offset: int, limit: int, terms: Terms = _BATCH_TERMS
    ) -> Declarations:
        """What may be looked for among `limit` constants of an imported module. Raises as `constant`."""
        theorem = self.canonical(theorem)
        return await self.ask(protocol.declarations(theorem, module, offset, limit, terms), theorem, terms)

    async def shape(self, theorem: Theorem, pattern: str | None = None, terms: Terms = DEFAULT_TERMS) -> TermShape:
        """The shape of a pattern under header and context, or else of the statement's type. Raises as `elaborate`."""
        theorem = self.canonical(theorem)
        return await self.ask(protocol.shape(theorem, pattern, terms), theorem, terms)

    async def constants(
        self, theorem: Theorem, names: Sequence[str], terms: Terms = DEFAULT_TERMS
    ) -> tuple[Constant, ...]:
        """What the library knows under some names, as it is written below header and context. Raises as `constant`."""
        theorem = self.canonical(theorem)
        return await self.ask(protocol.constants(theorem, names, terms), theorem, terms)

    async def ping(self, seconds: float = 5.0) -> float:
        """Milliseconds that some worker takes for an empty request.

        Raises:
            NoAnswerError: none answered.
        """
        theorem = self.canonical(Theorem("", Header(self.imports)))
        return await self.ask(protocol.ping(), theorem, Terms(Limits(seconds=seconds)))
