"""Operations of the engine for refuting theorems, with the workers of one client."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from prover.lean.checker import Terms
from prover.lean.wire.answers import NegatedStatement, Screened
from prover.lean.workers.client import PoolClient
from prover.options import CheckOptions
from prover.requests import Check, Event, Search
from prover.theorem import Theorem
from prover.verdict import Verdict
from service.core.checking import as_user_errors


@dataclass(frozen=True, slots=True)
class EngineRefuter:
    """The engine's `Refuter`.

    Attributes:
        client: asks Lean about statements.
        terms: resolves options for a project.
        checking: as `Service.check`.
        proving: as `Service.prove`, for the negation.
    """

    client: PoolClient
    terms: Callable[[CheckOptions, str], Terms]
    checking: Callable[[Check], Awaitable[Verdict]]
    proving: Callable[[Search], AsyncGenerator[Event, None]]

    async def check(self, request: Check) -> Verdict:
        """See `Service.check`."""
        return await self.checking(request)

    def prove(self, request: Search) -> AsyncGenerator[Event, None]:
        """See `Service.prove`."""
        return self.proving(request)

    async def screen(self, theorem: Theorem, options: CheckOptions) -> Screened:
        """See `Refuter.screen`."""
        with as_user_errors():
            return await self.client.screen(theorem, self.terms(options, theorem.project), values=True)

    async def negation(
        self, theorem: Theorem, name: str, written: Sequence[str], options: CheckOptions
    ) -> NegatedStatement:
        """See `Refuter.negation`."""
        with as_user_errors():
            return await self.client.negation(theorem, name, written, self.terms(options, theorem.project))
