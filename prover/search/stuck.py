"""Finds out why a goal that could be evaluated has no proof: the library lacks the body of a constant that evaluation
needs.
"""

from dataclasses import replace
from typing import Protocol

from prover.lean.checker import Terms
from prover.search.background import Delay
from prover.theorem import Theorem

_SECONDS = 1.0


class Evaluator(Protocol):
    """Finds the constant at which evaluation of a statement stops."""

    async def stuck(self, theorem: Theorem, terms: Terms) -> str | None:
        """Return the constant whose body is missing; None if there is none. Raises as `Checker.names`."""
        ...


async def stuck_at(evaluator: Evaluator, theorem: Theorem, terms: Terms, pause: Delay) -> str:
    """After a pause, ask where evaluation of a statement stops.

    Returns a constant's name or an empty string. Raises as `Evaluator.stuck`.
    """
    limits = replace(terms.limits, seconds=min(terms.limits.seconds, _SECONDS))
    await pause()
    return await evaluator.stuck(theorem, replace(terms, limits=limits)) or ""
