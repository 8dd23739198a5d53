"""Guidance of a tutor: chooses which of several verified proofs to follow, and how much the first hint at a step
reveals.

The choice is made by rules, or by a small policy learnt from simulated learners (`training.tutoring`): two softmax
choices, linear in features of a request. The policy uses only the partial proof and the hints that the learner has
kept.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Protocol

from prover.errors import UserError
from prover.tutor.hints import GivenHint, Level
from prover.tutor.proofs.moves import ProofMove
from prover.tutor.proofs.routes import Route

OPENINGS = (Level.QUESTION, Level.DIRECTION, Level.NAME, Level.NEXT_STEP)
"""Possible levels of a first hint at a step: the full step is revealed only on a second request."""

OPENING_FEATURES = (
    "bias",
    "steps_hinted",
    "mean_level",
    "last_level",
    "refused",
    "own_steps",
    "moves_left",
    "closes",
    "holds",
    "names_lemma",
    "tactic_used",
    "several_proofs",
)
ROUTE_FEATURES = ("rank", "moves_left", "hinted", "tactic_used", "names_lemma", "holds", "closes")

_LEVELS = {level: at / (len(Level) - 1) for at, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class LearnerState:
    """The state of a learner at a request for a hint.

    Attributes:
        routes: verified proofs that continue from there, the most readable first; never empty.
        accepted: the learner's steps that Lean accepts.
        refused: whether Lean rejects a later step.
        earlier: hints given before.
    """

    routes: Sequence[Route]
    accepted: Sequence[ProofMove]
    refused: bool
    earlier: Sequence[GivenHint]


class Guidance(Protocol):
    """Decides on route and level of a hint."""

    def route(self, learner: LearnerState) -> Route:
        """Choose one of the routes; preferably that of the last hint."""
        ...

    def opening(self, learner: LearnerState, route: Route) -> Level:
        """Choose the level of the first hint about the route's next step: one of `OPENINGS`."""
        ...


class Rules:
    """Guidance by rules: follows the proof of the last hint if it still continues from there, otherwise the most
    readable one; starts with a question.
    """

    def route(self, learner: LearnerState) -> Route:
        """See `Guidance.route`."""
        return hinted(learner) or learner.routes[0]

    def opening(self, learner: LearnerState, route: Route) -> Level:
        """See `Guidance.opening`."""
        return Level.QUESTION


def hinted(learner: LearnerState) -> Route | None:
    """Return the route that continues with the step of the last hint that still applies."""
    for hint in reversed(learner.earlier):
        for route in learner.routes:
            if route.next.name == hint.step:
                return route
    return None


@dataclass(frozen=True, slots=True)
class LinearPolicy:
    """Guidance by linear scores: weights for `OPENING_FEATURES` of each opening and `ROUTE_FEATURES` of each route. The
    highest score wins.
    """

    openings: tuple[tuple[float, ...], ...]
    routes: tuple[float, ...]

    def route(self, learner: LearnerState) -> Route:
        """See `Guidance.route`."""
        if (kept := hinted(learner)) is not None:
            return kept
        scores = [score(self.routes, route_features(learner, at)) for at in range(len(learner.routes))]
        return learner.routes[scores.index(max(scores))]

    def opening(self, learner: LearnerState, route: Route) -> Level:
        """See `Guidance.opening`."""
        seen = opening_features(learner, route)
        scores = [score(weights, seen) for weights in self.openings]
        return OPENINGS[scores.index(max(scores))]


def opening_features(learner: LearnerState, route: Route) -> tuple[float, ...]:
    """Return the features for the choice of a first level, each between 0 and 1."""
    reached: dict[str, float] = {}
    for hint in learner.earlier:
        reached[hint.step] = max(reached.get(hint.step, 0.0), _LEVELS[hint.level])
    step = route.next
    levels = list(reached.values())
    unmatched = max(0, len(learner.accepted) - len(reached))
    return (
        1.0,
        min(1.0, len(reached) / 4),
        sum(levels) / len(levels) if levels else 0.5,
        levels[-1] if levels else 0.5,
        float(learner.refused),
        unmatched / (unmatched + len(reached) + 1),
        min(1.0, len(route.moves) / 8),
        float(step.closes),
        float(step.holds),
        float(any(name.kind == "theorem" for name in step.names)),
        float(any(move.tactic == step.tactic for move in learner.accepted)),
        float(len(learner.routes) > 1),
    )


def route_features(learner: LearnerState, at: int) -> tuple[float, ...]:
    """Return the features for the choice of a route, each between 0 and 1."""
    route = learner.routes[at]
    step = route.next
    return (
        at / max(1, len(learner.routes) - 1),
        min(1.0, len(route.moves) / 8),
        float(any(hint.step == step.name for hint in learner.earlier)),
        float(any(move.tactic == step.tactic for move in learner.accepted)),
        float(any(name.kind == "theorem" for name in step.names)),
        float(step.holds),
        float(step.closes),
    )


def parse_policy(text: str, source: str) -> LinearPolicy:
    """Parse a policy written by `training.tutoring`.

    Raises:
        UserError: it is invalid, or was trained with other features.
    """
    try:
        data = json.loads(text)
        openings, routes = data["openings"], data["routes"]
        _same(data["opening_features"], OPENING_FEATURES)
        _same(data["route_features"], ROUTE_FEATURES)
        policy = LinearPolicy(
            tuple(tuple(float(openings[level.value][name]) for name in OPENING_FEATURES) for level in OPENINGS),
            tuple(float(routes[name]) for name in ROUTE_FEATURES),
        )
        weights = [*policy.routes, *(weight for row in policy.openings for weight in row)]
        if not all(map(math.isfinite, weights)):
            raise ValueError("a weight is not finite")
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{source} is not a policy of the tutor for this version: {error}") from None
    return policy


def load_guidance(name: str) -> Guidance:
    """Return the guidance for `rules`, `learnt` (the policy in this package), or a file with a policy.

    Raises:
        UserError: the file cannot be read, or is not a policy.
    """
    match name:
        case "rules":
            return Rules()
        case "learnt":
            return shipped_policy()
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the tutor's policy cannot be read from {name}: {error}") from None
    return parse_policy(text, name)


@lru_cache(maxsize=1)
def shipped_policy() -> LinearPolicy:
    """Return the policy included in this package."""
    text = resources.files("prover.tutor").joinpath("policy.json").read_text(encoding="utf-8")
    return parse_policy(text, "policy.json")


def policy_data(policy: LinearPolicy) -> Mapping[str, object]:
    """Return a policy in the form that `parse_policy` reads."""
    return {
        "opening_features": list(OPENING_FEATURES),
        "route_features": list(ROUTE_FEATURES),
        "openings": {
            level.value: dict(zip(OPENING_FEATURES, row, strict=True))
            for level, row in zip(OPENINGS, policy.openings, strict=True)
        },
        "routes": dict(zip(ROUTE_FEATURES, policy.routes, strict=True)),
    }


def _same(found: object, wanted: Sequence[str]) -> None:
    if found != list(wanted):
        raise ValueError("it looks at other features")


def score(weights: Sequence[float], features: Sequence[float]) -> float:
    """Return the score of features under weights: the sum of products, rounded once."""
    return math.fsum(a * b for a, b in zip(weights, features, strict=True))
