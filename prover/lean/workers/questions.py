"""Questions to Lean other than checks: a method for each, independent of the workers that answer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.lean.wire import library, statements
from prover.lean.wire.answers import (
    Elaboration,
    Name,
    Named,
    NegatedStatement,
    ProofSteps,
    Screened,
    SorryGoals,
    TacticStep,
    TermShape,
)
from prover.lean.wire.library import Constant, Declarations, ImportedModule, LibraryPage
from prover.lean.wire.lines import Request
from prover.lean.workers.jobs import Priority
from prover.theorem import Header, Theorem
from prover.verdict import Mode

T = TypeVar("T")

_BATCH_TERMS = Terms(priority=Priority.BATCH)


class StatementQuestions(ABC):
    """Questions about a statement or its proof whose answers are not verdicts on the proof."""

    @abstractmethod
    async def answered(self, make: Callable[[Theorem], Request[T]], theorem: Theorem, terms: Terms) -> T:
        """Return the answer to a request about a theorem; `make` builds it for the canonical theorem.

        Raises PoolBusyError, and the errors of `make`.
        """

    async def elaborate(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> Elaboration:
        """Elaborate the statement alone: its full name, type and goal.

        Raises:
            PoolBusyError: the queue is full.
            InvalidTextError: a text is too long or not Unicode.
            ValueError: a limit is out of range.
        """
        return await self.answered(lambda asked: statements.elaborate(asked, terms), theorem, terms)

    async def goals(
        self, theorem: Theorem, text: str, terms: Terms = DEFAULT_TERMS, mode: Mode = Mode.PROOF
    ) -> SorryGoals:
        """Return the goals at each `sorry` of a proof, or of declarations (`Mode.FILE`). Raises as `elaborate`."""
        return await self.answered(lambda asked: statements.goals(asked, text, terms, mode), theorem, terms)

    async def tactic(
        self, theorem: Theorem, script: Sequence[str], step: str, terms: Terms = DEFAULT_TERMS
    ) -> TacticStep:
        """Run the tactic block `step` after the blocks of `script` and return the goals. Raises as `elaborate`."""
        return await self.answered(lambda asked: statements.tactic(asked, script, step, terms), theorem, terms)

    async def steps(self, theorem: Theorem, proof: str, terms: Terms = DEFAULT_TERMS) -> ProofSteps:
        """Return the steps of a proof with the goals before and after each. Raises as `elaborate`."""
        return await self.answered(lambda asked: statements.steps(asked, proof, terms), theorem, terms)

    async def names(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> tuple[Named, ...]:
        """Return the declarations of a theorem's header and context, in the form its statement can use.

        Raises as `constant`.
        """
        return await self.answered(lambda asked: statements.names(asked, terms), theorem, terms)

    async def screen(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS, values: bool = False) -> Screened:
        """Return facts about a statement that need no proof; on request with the constructors of its binders' types.

        Raises as `elaborate`.
        """
        return await self.answered(lambda asked: statements.screen(asked, terms, values), theorem, terms)

    async def negation(
        self, theorem: Theorem, name: str, written: Sequence[str], terms: Terms = DEFAULT_TERMS
    ) -> NegatedStatement:
        """Return the negation of a statement as the statement of a theorem `name`, see `statements.negation`.

        Raises as `elaborate`.
        """
        return await self.answered(lambda asked: statements.negation(asked, name, written, terms), theorem, terms)

    async def shape(self, theorem: Theorem, pattern: str | None = None, terms: Terms = DEFAULT_TERMS) -> TermShape:
        """Return the shape of a pattern under header and context; without a pattern, of the statement's type.

        Raises as `elaborate`.
        """
        return await self.answered(lambda asked: statements.shape(asked, pattern, terms), theorem, terms)


class LibraryQuestions(StatementQuestions):
    """Questions about the imported library, in addition to those on statements."""

    async def constant(self, name: str, header: Header | None = None, terms: Terms = DEFAULT_TERMS) -> Constant | None:
        """Look up a constant under `header`; None if there is none. Raises as `elaborate`, and:

        Raises:
            NoAnswerError: Lean gave no answer.
        """
        theorem = Theorem("", header or Header())
        return await self.answered(lambda asked: library.constant(asked, name, terms), theorem, terms)

    async def constants(
        self, theorem: Theorem, names: Sequence[str], terms: Terms = DEFAULT_TERMS
    ) -> tuple[Constant, ...]:
        """Look up library constants by name, as written under header and context. Raises as `constant`."""
        return await self.answered(lambda asked: library.constants(asked, names, terms), theorem, terms)

    async def stuck(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> str | None:
        """Return the library constant whose missing body stops evaluation of a statement. Raises as `constant`.

        None: there is none, or the statement cannot be evaluated at all.
        """
        return await self.answered(lambda asked: statements.stuck(asked, terms), theorem, terms)

    async def modules(self, header: Header | None = None, terms: Terms = _BATCH_TERMS) -> tuple[str, ...]:
        """Return the modules that `header` imports, each after its own imports. Raises as `constant`."""
        theorem = Theorem("", header or Header())
        return await self.answered(lambda asked: library.modules(asked, terms), theorem, terms)

    async def library(
        self, module: str, offset: int, limit: int, header: Header | None = None, terms: Terms = _BATCH_TERMS
    ) -> LibraryPage:
        """Return the theorems among `limit` constants of an imported module, from `offset` on. Raises as `constant`."""
        theorem = Theorem("", header or Header())
        return await self.answered(lambda asked: library.library(asked, module, offset, limit, terms), theorem, terms)

    async def index(self, theorem: Theorem, terms: Terms = _BATCH_TERMS) -> tuple[ImportedModule, ...]:
        """Return the modules that a theorem's header imports, with their fingerprints. Raises as `constant`."""
        return await self.answered(lambda asked: library.index(asked, terms), theorem, terms)

    async def declarations(
        self, theorem: Theorem, module: str, offset: int, limit: int, terms: Terms = _BATCH_TERMS
    ) -> Declarations:
        """Return searchable declarations among `limit` constants of an imported module. Raises as `constant`."""
        return await self.answered(
            lambda asked: library.declarations(asked, module, offset, limit, terms), theorem, terms
        )

    async def closure(
        self, theorem: Theorem, names: Sequence[Name], known: Iterable[Name], terms: Terms = DEFAULT_TERMS
    ) -> str:
        """Return library constants with their dependencies, as text for another kernel. Raises as `constant`."""
        return await self.answered(lambda asked: library.closure(asked, names, known, terms), theorem, terms)
