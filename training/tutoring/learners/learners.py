"""Simulated learners: their knowledge, the effect of hints, and their typical mistakes."""

import hashlib
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

from pydantic import BaseModel, ConfigDict, Field

from prover.tutor.hints import Level

_Chance = Field(ge=0, le=1)
_THINKING = 0.04  # increase of the probability to find a step with each attempt at a goal
_SAME = {
    "intros": "intro",
    "rintro": "intro",
    "rcases": "cases",
    "obtain": "cases",
    "match": "cases",
    "simp_all": "simp",
}


class Learner(BaseModel):
    """One kind of learner; `learners.toml` describes the numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    style: str
    held_out: bool = False
    knows: Mapping[str, float]
    gains: tuple[float, float, float, float, float]
    slips: float = _Chance
    skips: float = _Chance
    copies: float = _Chance
    ignores: float = _Chance
    wanders: float = _Chance
    notices: float = _Chance
    asks_after: int = Field(ge=0)
    patience: int = Field(ge=1)
    talks: float = Field(gt=0)

    def familiarity(self, tactic: str) -> float:
        """Return the probability that a step of this tactic is found without help."""
        return self.knows.get(_SAME.get(tactic, tactic), self.knows["other"])

    def finds(self, tactic: str, level: Level | None, tries: int, needed: float) -> bool:
        """Whether the learner finds a step, given how much of it was revealed.

        Args:
            needed: the amount that this learner needs here, from 0 to 1: see `need`.
        """
        gain = self.gains[list(Level).index(level)] if level is not None else 0.0
        return needed < 1 - (1 - self.familiarity(tactic)) * (1 - gain) + _THINKING * tries


def need(seed: str, goal: str, step: str) -> float:
    """Return how much must be revealed for a learner to find a step at a goal: uniform from 0 to 1, the same at each
    attempt.
    """
    digest = hashlib.sha256("\0".join((seed, goal, step)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


@lru_cache(maxsize=1)
def learners() -> Mapping[str, Learner]:
    """Return all kinds of learners, by name."""
    text = resources.files("training.tutoring.learners").joinpath("learners.toml").read_text(encoding="utf-8")
    return {kind: Learner(kind=kind, **entry) for kind, entry in tomllib.loads(text).items()}
