"""Learns which recipes prove theorems of a kind while they are tried: the recipe with most new proofs per time is tried
first.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import islice
from random import Random

from prover.sampling.portfolio.templates import Template
from prover.source.binders import read_shape
from prover.source.context.declarations import scanned
from prover.theorem import Theorem

_TRIALS = 2.0
"""Weight of the results over all kinds of theorems, as a number of trials."""
_MILLISECONDS = 150.0
"""Assumed duration of a trial without data."""
_EXPLORED = 0.15
"""Share of theorems for which a recipe other than the best is tried first."""


@dataclass(slots=True)
class _Tally:
    trials: float = 0.0
    gained: float = 0.0
    milliseconds: float = 0.0

    def add(self, gained: bool, milliseconds: float) -> None:
        self.trials += 1
        self.gained += gained
        self.milliseconds += milliseconds


@cache
def recipes() -> dict[str, Template]:
    """Return the recipes: those templates of the portfolio that make proofs worth learning, without broad alternatives,
    and those of recipes.json.
    """
    found: dict[str, Template] = {}
    for package, name in (("prover.sampling.portfolio", "portfolio.json"), (__package__, "recipes.json")):
        content = json.loads(files(package).joinpath(name).read_text(encoding="utf-8"))
        for entry in content["templates"]:
            template = Template(entry["name"], entry["tactics"])
            if "first" not in template.tactics:
                found[template.name] = template
    return found


class Experience:
    """Counts results and costs of each recipe, by kind of theorem and in total."""

    def __init__(self) -> None:
        """Start without trials."""
        self._all: defaultdict[str, _Tally] = defaultdict(_Tally)
        self._kinds: defaultdict[tuple[str, str], _Tally] = defaultdict(_Tally)

    def proofs(self, kind: str, theorem: Theorem, random: Random) -> Iterator[tuple[str, str]]:
        """Yield candidate proofs with the names of their recipes, the most promising first."""
        names = sorted(recipes(), key=lambda name: self._promise(kind, name), reverse=True)
        if random.random() < _EXPLORED:
            names.insert(0, names.pop(random.randrange(len(names))))
        shape = read_shape(theorem.statement)
        if theorem.context:
            shape = replace(shape, declared=scanned(theorem))
        seen: set[str] = set()
        for name in names:
            for proof in islice(recipes()[name].fill(theorem, shape), 2):
                if proof not in seen:
                    seen.add(proof)
                    yield name, proof

    def learn(self, kind: str, recipe: str, gained: bool, milliseconds: float) -> None:
        """Record that a recipe was tried on a theorem of a kind, and whether it gave a new proof."""
        self._all[recipe].add(gained, milliseconds)
        self._kinds[kind, recipe].add(gained, milliseconds)

    def _promise(self, kind: str, recipe: str) -> float:
        """Return the expected new proofs per millisecond: from this kind, with `_TRIALS` additional trials at the
        average success over all kinds.
        """
        whole, own = self._all[recipe], self._kinds[kind, recipe]
        share = (whole.gained + 1) / (whole.trials + 3)
        mean = (whole.milliseconds + 3 * _MILLISECONDS) / (whole.trials + 3)
        return (own.gained + _TRIALS * share) / (own.milliseconds + _TRIALS * mean)
