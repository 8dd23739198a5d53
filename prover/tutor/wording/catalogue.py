"""Tactics and lemmas in words of our own."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class TacticWords:
    """What hints say of a tactic: see `catalogue.toml`."""

    question: str
    direction: str
    kind: str
    does: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What hints say of tactics and lemmas."""

    tactics: dict[str, TacticWords]
    lemmas: dict[str, str]

    def words(self, tactic: str) -> TacticWords:
        """Of a tactic, or what can be said of any."""
        return self.tactics.get(tactic, self.tactics[""])


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The catalogue that comes with this package."""
    text = resources.files("prover.tutor.wording").joinpath("catalogue.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    entries = data["tactics"]
    tactics = {name: TacticWords(**entries[entry.get("same", name)]) for name, entry in entries.items()}
    return Catalogue(tactics, data["lemmas"])
