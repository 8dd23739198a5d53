"""Proofs by automation with library theorems that a search suggests for the goal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from prover.theorem import Theorem

MOST = 8
"""Maximum number of theorems given to a form."""


class PremiseFinder(Protocol):
    """Finds theorems of the library that may help to prove a theorem."""

    async def premises(self, theorem: Theorem, most: int) -> list[str]:
        """Return their names, the most relevant first; none if the library cannot be searched in time."""
        ...


def _facts(names: Sequence[str]) -> str:
    return "\n  ".join([*(f"have fact{number} := @{name}" for number, name in enumerate(names, start=1)), "grind"])


def _apply_one(names: Sequence[str]) -> str:
    return "first " + " ".join(f"| (apply {name} <;> first | assumption | omega | simp_all)" for name in names)


FORMS: Mapping[str, tuple[int, Callable[[Sequence[str]], str]]] = {
    "premises-grind": (4, lambda names: f"grind [{', '.join(names)}]"),
    "premises-apply": (MOST, _apply_one),
    "premises-simp_all": (MOST, lambda names: f"simp_all [{', '.join(names)}]"),
    "premises-simp": (MOST, lambda names: f"simp [{', '.join(names)}]"),
    "premises-facts": (4, _facts),
}
"""For each form the number of theorems and the resulting tactics; benchmarks/search/premise_sets.py measures them."""


def with_premises(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return proofs of all forms by name; none without theorems."""
    if names:
        for form, (most, tactics) in FORMS.items():
            yield form, f"by\n  intros\n  {tactics(names[:most])}"
