"""Tactics and lemmas explained in words."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class TacticWords:
    """Phrases of hints about a tactic: see `catalogue.toml`."""

    question: str
    direction: str
    kind: str
    does: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Phrases of hints about tactics and lemmas."""

    tactics: dict[str, TacticWords]
    lemmas: dict[str, str]

    def words(self, tactic: str) -> TacticWords:
        """Return the phrases for a tactic; unknown tactics get general ones."""
        return self.tactics.get(tactic, self.tactics[""])


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return the catalogue included in this package."""
    text = resources.files("prover.tutor.wording").joinpath("catalogue.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    entries = data["tactics"]
    tactics = {name: TacticWords(**entries[entry.get("same", name)]) for name, entry in entries.items()}
    return Catalogue(tactics, data["lemmas"])
