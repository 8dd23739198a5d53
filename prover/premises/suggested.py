"""The library as a prover asks it: which theorems may help with this one."""

from prover.errors import UserError
from prover.lean.checker import Terms
from prover.lean.workers.jobs import Priority
from prover.premises.library import Library, Shapes
from prover.premises.query import Premises, QueryKind
from prover.theorem import Theorem
from prover.verdict import Limits


class SuggestedPremises:
    """Finds theorems of the library by what they have in common with a goal; see `prover.sampling.portfolio.premises`."""

    def __init__(self, library: Library, shapes: Shapes, seconds: float = 10.0) -> None:
        """Ask `library`, and `shapes` for the form of goals, for at most `seconds` each time."""
        self._library, self._shapes, self._seconds = library, shapes, seconds

    async def premises(self, theorem: Theorem, most: int) -> list[str]:
        """See `PremiseFinder.premises`. Where the library is still being read, a later call will find something."""
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
