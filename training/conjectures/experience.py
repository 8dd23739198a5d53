"""Learns which recipes prove theorems of a kind while they are tried: the recipe with most new proofs per time is tried
first.
"""

import json
import math
import re
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

_OWN = "own:"
_TACTIC = re.compile(
    r"\b(apply|assumption|cases|congr|constructor|decide|exact|exists|grind|induction|left|obtain|omega|rcases|refine|rfl|right|rw"
    r"|simp|simp_all|subst|subst_vars|trivial|unfold)\b"
)
_TRIALS = 2.0
"""Weight of the results of the next wider kind of theorems, as a number of trials."""
_FIRST_SHARE = 0.4
"""Assumed share of trials that give a proof, without data."""
_MILLISECONDS = 150.0
"""Assumed duration of a trial without data."""
_FIRST_RATE = (30.0, 15_000.0)
"""Assumed number of proofs, and the milliseconds that they took, before there are data."""
_FORGOTTEN = 0.998
"""Weight of the earlier trials in this rate after each further trial."""
_LONGEST = 3_000.0
"""Longest time that one trial counts for, in milliseconds: on a busy machine, more of it was waiting."""
_LEAST = 0.4
"""Smallest factor by which chance lowers what is expected of a recipe."""
_EXPLORED = 0.08
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


@dataclass(slots=True)
class DecayingRate:
    """Proofs per millisecond, in which earlier trials weigh less after each further one.

    Attributes:
        gained: proofs, so weighed; the first value is assumed before there are data.
        milliseconds: time that they took.
        decay: weight of all earlier trials after a further one.
        longest: longest time that one trial counts for, in milliseconds: on a busy machine, more of it was waiting.
    """

    gained: float
    milliseconds: float
    decay: float
    longest: float

    @property
    def rate(self) -> float:
        """Proofs per millisecond."""
        return self.gained / self.milliseconds

    def add(self, gained: int, milliseconds: float, overhead: float = 0.0) -> None:
        """Record a trial; `overhead` is time added to the limited time."""
        self.gained = self.decay * self.gained + gained
        self.milliseconds = self.decay * self.milliseconds + min(milliseconds, self.longest) + overhead


def own_recipe(proof: str) -> str:
    """Return the name, in place of a recipe's, of a proof that came with a conjecture: its tactics, each once."""
    return " ".join((_OWN, *dict.fromkeys(_TACTIC.findall(proof))))


def is_own(recipe: str) -> bool:
    """Whether this is the name of a proof that came with a conjecture."""
    return recipe.startswith(_OWN)


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
    """Counts results and costs of each recipe by kind of theorem. Kinds are paths: `arithmetic/expansion` without trials
    is expected to behave like `arithmetic`, and that like all theorems.
    """

    def __init__(self) -> None:
        """Start without trials."""
        self._tallies: defaultdict[tuple[str, str], _Tally] = defaultdict(_Tally)
        self._recent = DecayingRate(*_FIRST_RATE, _FORGOTTEN, _LONGEST)

    @property
    def rate(self) -> float:
        """Proofs per millisecond of late: what Lean's time is worth elsewhere."""
        return self._recent.rate

    def proofs(self, kind: str, theorem: Theorem, random: Random) -> Iterator[tuple[str, str, float]]:
        """Yield candidate proofs with the names of their recipes and the new proofs expected per millisecond, the most
        promising first, though not always, so that not all theorems of a kind have the same; in some cases a random one
        before them, of which everything is expected.
        """
        promises = {name: self.promise(kind, name) * random.uniform(_LEAST, 1) for name in recipes()}
        if random.random() < _EXPLORED:
            promises[random.choice(list(promises))] = math.inf
        shape = read_shape(theorem.statement)
        if theorem.context:
            shape = replace(shape, declared=scanned(theorem))
        seen: set[str] = set()
        if not any("=" in binder.type for binder in shape.binders):  # `subst_vars; grind` would be `grind`
            promises = {name: promise for name, promise in promises.items() if "subst" not in recipes()[name].tactics}
        for name in sorted(promises, key=lambda name: promises[name], reverse=True):
            for proof in islice(recipes()[name].fill(theorem, shape), 2):
                if proof not in seen:
                    seen.add(proof)
                    yield name, proof, promises[name]

    def learn(self, kind: str, recipe: str, gained: bool, milliseconds: float) -> None:
        """Record that a recipe was tried on a theorem of a kind, and whether it gave a new proof."""
        for path in _paths(kind):
            self._tallies[path, recipe].add(gained, min(milliseconds, _LONGEST))
        self.add(gained, milliseconds)

    def add(self, gained: int, milliseconds: float) -> None:
        """Record proofs beside those learnt (negative: that they were not kept), and time for other questions."""
        self._recent.add(gained, milliseconds)

    def promise(self, kind: str, recipe: str) -> float:
        """Return the expected new proofs per millisecond."""
        share, mean = _FIRST_SHARE, _MILLISECONDS
        for path in _paths(kind):
            tally = self._tallies[path, recipe]
            share = (tally.gained + _TRIALS * share) / (tally.trials + _TRIALS)
            mean = (tally.milliseconds + _TRIALS * mean) / (tally.trials + _TRIALS)
        return share / mean


def _paths(kind: str) -> list[str]:
    """Return the path and those above it, from the root on."""
    parts = kind.split("/")
    return ["", *("/".join(parts[:end]) for end in range(1, len(parts) + 1))]
