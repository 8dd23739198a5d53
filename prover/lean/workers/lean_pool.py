"""All that Lean workers are asked, independent of the pool."""

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, Self, TypeVar

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.lean.wire import role
from prover.lean.wire.answers import Export
from prover.lean.workers.isolation.isolated import IsolatedChecker
from prover.lean.workers.isolation.quarantine import Quarantine
from prover.lean.workers.isolation.turns import Turns
from prover.lean.workers.questions import LibraryQuestions
from prover.lean.workers.stats import PoolStats, Tally
from prover.theorem import Header, Theorem
from prover.verdict import Limits, Verdict

T = TypeVar("T")


class PoolSite(Protocol):
    """A Lean installation that serves theorems, with the elaborators that clients may have there."""

    def key(self, theorem: Theorem) -> tuple[str, ...]:
        """Return a key; the same processes serve theorems with equal keys."""
        ...

    async def sealable(self, theorem: Theorem) -> None:
        """Check whether unvetted code may run here.

        Raises:
            RuntimeUnavailableError: it may not; the text says what is missing.
        """
        ...

    def quarantine(self, theorem: Theorem) -> Quarantine:
        """Return a client's elaborators for theorems like this one, with their judges."""
        ...


class LeanPool(LibraryQuestions):
    """Lean workers: a single pool, or a router with several.

    Use it as an async context manager, or `start` and `close` it. Cancelling the task that waits for a request cancels
    the request: the caller returns at once, the worker is kept.

    Attributes:
        tally: counts verdicts and how workers ended.
        turns: limits which clients may have their own elaborators.
    """

    tally: Tally
    turns: Turns

    @abstractmethod
    async def start(self) -> None:
        """Start to warm up the workers; returns at once."""

    @abstractmethod
    async def ready(self) -> None:
        """Wait until the first worker is warm.

        Raises:
            PoolUnavailableError: none can be started; the text gives the reason.
        """

    @abstractmethod
    async def close(self) -> None:
        """Fail waiting jobs as `INFRASTRUCTURE` and end all processes."""

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close."""
        await self.close()

    @abstractmethod
    def canonical(self, theorem: Theorem) -> Theorem:
        """Return the theorem with its import set in canonical form."""

    @abstractmethod
    def pointing_back(self, theorem: Theorem, result: T) -> T:
        """Shift the messages of an answer about `canonical(theorem)` so that they refer to the original theorem."""

    @abstractmethod
    def only_contained(self, theorem: Theorem) -> bool:
        """Whether only processes of one client may serve the theorem, because of its imports or because shared workers
        are not trusted.
        """

    @abstractmethod
    def starts_for(self, theorem: Theorem) -> bool:
        """Whether no worker is up for the theorem's imports, so that a question about it waits for a start."""

    @abstractmethod
    async def place(self, theorem: Theorem) -> "PoolSite":
        """Return the pool whose Lean serves the theorem."""

    @abstractmethod
    def isolated(
        self, imports: tuple[str, ...] | None = None, within: Callable[["LeanPool"], Checker] = IsolatedChecker
    ) -> AbstractAsyncContextManager[Checker]:
        """Lend a checker whose worker serves no other request; its verified proofs have `Trust.ISOLATED_REPLAY`.

        Args:
            imports: modules that the worker loads; by default those of the configuration.
            within: wraps the lent workers in a checker.
        """

    @abstractmethod
    def stats(self) -> PoolStats:
        """A snapshot of workers, queue and counters."""

    @property
    @abstractmethod
    def imports(self) -> tuple[str, ...]:
        """Default imports of workers."""

    @property
    @abstractmethod
    def runtime(self) -> str:
        """`embedded` or `native`."""

    @property
    @abstractmethod
    def idle_seconds(self) -> float:
        """Seconds that idle elaborators are kept."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Maximum number of concurrent checks; 0 before `start`."""

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

    @abstractmethod
    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """Decide whether `candidate` proves `theorem`. Time-outs, crashes and refusals are verdicts.

        Raises:
            PoolBusyError: the queue is full.
            ValueError: a limit is out of range.
        """

    @abstractmethod
    async def exported(
        self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS
    ) -> tuple[Verdict, Export | None]:
        """Check as `check` does; also return the constants of a verified proof for another kernel."""

    async def ping(self, seconds: float = 5.0) -> float:
        """Return the milliseconds that a worker takes for an empty request.

        Raises:
            NoAnswerError: no worker answered.
        """
        theorem = Theorem("", Header(self.imports))
        return await self.answered(lambda asked: role.ping(), theorem, Terms(Limits(seconds=seconds)))
