"""Suggests library theorems to a prover."""

from prover.errors import UserError
from prover.lean.checker import Terms
from prover.lean.workers.jobs import Priority
from prover.premises.library import Library, Shapes
from prover.premises.query import Premises, QueryKind
from prover.theorem import Theorem
from prover.verdict import Limits


class SuggestedPremises:
    """Finds library theorems by features shared with a goal; see `prover.sampling.portfolio.premises`."""

    def __init__(self, library: Library, shapes: Shapes, seconds: float = 10.0) -> None:
        """Use `library`, and `shapes` for the form of goals, for at most `seconds` per call."""
        self._library, self._shapes, self._seconds = library, shapes, seconds

    async def premises(self, theorem: Theorem, most: int) -> list[str]:
        """See `PremiseFinder.premises`. Returns nothing while the index is being built; a later call will succeed."""
        request = Premises(
            QueryKind.GOAL,
            theorem.statement,
            theorem.header,
            theorem.context,
            theorem.project,
            most=2 * most,
            seconds=self._seconds,
            priority=Priority.BATCH,
        )
        try:
            found = await self._library.find(request, self._shapes, Terms(Limits(seconds=self._seconds)))
        except UserError:
            return []
        return [one.name for one in found.premises if one.kind == "theorem"][:most]
