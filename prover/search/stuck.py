"""Why no proof can be found of a goal that could be evaluated: the library does not hold a body that evaluating needs."""

from dataclasses import replace
from typing import Protocol

from prover.lean.checker import Terms
from prover.search.beside import Pause
from prover.theorem import Theorem

_SECONDS = 1.0


class Evaluator(Protocol):
    """What can be asked where evaluating a statement stops."""

    async def stuck(self, theorem: Theorem, terms: Terms) -> str | None:
        """The constant whose body is absent; None: there is none. Raises as `Checker.names`."""
        ...


async def stuck_at(evaluator: Evaluator, theorem: Theorem, terms: Terms, pause: Pause) -> str:
    """Ask, behind a pause, where evaluating a statement stops: a constant's name, or nothing. Raises as `Evaluator.stuck`."""
    limits = replace(terms.limits, seconds=min(terms.limits.seconds, _SECONDS))
    await pause()
    return await evaluator.stuck(theorem, replace(terms, limits=limits)) or ""
