"""What a tutor decides: which of several verified proofs a learner is led along, and how much the first hint at a step gives away.

By rules, or by a small policy that was learnt from simulated learners (`training.tutoring`): two softmax choices that are linear in what a
request shows. The learnt one looks at the half proof and at the hints that the learner has kept, at nothing else.
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
"""Levels that a first hint at a step may have: the full step is there only for who asks again."""

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
class Scene:
    """What is known of a learner when a hint is asked for.

    Attributes:
        routes: verified proofs that go on from there, those that read best first; never empty.
        accepted: steps of the learner that Lean accepts.
        refused: whether something behind them was not accepted.
        earlier: hints that were given.
    """

    routes: Sequence[Route]
    accepted: Sequence[ProofMove]
    refused: bool
    earlier: Sequence[GivenHint]


class Guidance(Protocol):
    """Decides."""

    def route(self, scene: Scene) -> Route:
        """One of the routes. One that the last hint was about should be kept to."""
        ...

    def opening(self, scene: Scene, route: Route) -> Level:
        """The level of the first hint about the route's next step: one of `OPENINGS`."""
        ...


class Rules:
    """The proof that the last hint was about, if it still goes on from there, else the one that reads best; a question first."""

    def route(self, scene: Scene) -> Route:
        """See `Guidance.route`."""
        return hinted(scene) or scene.routes[0]

    def opening(self, scene: Scene, route: Route) -> Level:
        """See `Guidance.opening`."""
        return Level.QUESTION


def hinted(scene: Scene) -> Route | None:
    """The route that goes on with the step of the last hint that is still of use."""
    for hint in reversed(scene.earlier):
        for route in scene.routes:
            if route.next.name == hint.step:
                return route
    return None


@dataclass(frozen=True, slots=True)
class LinearPolicy:
    """Scores by weights: of each opening, `OPENING_FEATURES`; of each route, `ROUTE_FEATURES`. The highest is chosen."""

    openings: tuple[tuple[float, ...], ...]
    routes: tuple[float, ...]

    def route(self, scene: Scene) -> Route:
        """See `Guidance.route`."""
        if (kept := hinted(scene)) is not None:
            return kept
        scores = [score(self.routes, route_features(scene, at)) for at in range(len(scene.routes))]
        return scene.routes[scores.index(max(scores))]

    def opening(self, scene: Scene, route: Route) -> Level:
        """See `Guidance.opening`."""
        seen = opening_features(scene, route)
        scores = [score(weights, seen) for weights in self.openings]
        return OPENINGS[scores.index(max(scores))]


def opening_features(scene: Scene, route: Route) -> tuple[float, ...]:
    """What the choice of a first level looks at, each between 0 and 1."""
    reached: dict[str, float] = {}
    for hint in scene.earlier:
        reached[hint.step] = max(reached.get(hint.step, 0.0), _LEVELS[hint.level])
    step = route.next
    levels = list(reached.values())
    own = max(0, len(scene.accepted) - len(reached))
    return (
        1.0,
        min(1.0, len(reached) / 4),
        sum(levels) / len(levels) if levels else 0.5,
        levels[-1] if levels else 0.5,
        float(scene.refused),
        own / (own + len(reached) + 1),
        min(1.0, len(route.moves) / 8),
        float(step.closes),
        float(step.holds),
        float(any(name.kind == "theorem" for name in step.names)),
        float(any(move.tactic == step.tactic for move in scene.accepted)),
        float(len(scene.routes) > 1),
    )


def route_features(scene: Scene, at: int) -> tuple[float, ...]:
    """What the choice of a route looks at, each between 0 and 1."""
    route = scene.routes[at]
    step = route.next
    return (
        at / max(1, len(scene.routes) - 1),
        min(1.0, len(route.moves) / 8),
        float(any(hint.step == step.name for hint in scene.earlier)),
        float(any(move.tactic == step.tactic for move in scene.accepted)),
        float(any(name.kind == "theorem" for name in step.names)),
        float(step.holds),
        float(step.closes),
    )


def parse_policy(text: str, source: str) -> LinearPolicy:
    """A policy as `training.tutoring` writes it.

    Raises:
        UserError: it is none, or was made for other features.
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
        raise UserError(f"{source} is no policy of the tutor that this version can use: {error}") from None
    return policy


def load_guidance(name: str) -> Guidance:
    """`rules`, `learnt` (the policy that comes with this package), or the policy in a file.

    Raises:
        UserError: the file cannot be read, or is no policy.
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
    """The policy that comes with this package."""
    text = resources.files("prover.tutor").joinpath("policy.json").read_text(encoding="utf-8")
    return parse_policy(text, "policy.json")


def policy_data(policy: LinearPolicy) -> Mapping[str, object]:
    """As `parse_policy` reads it."""
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
    """What features come to under weights: the sum of the products, rounded once."""
    return math.fsum(a * b for a, b in zip(weights, features, strict=True))
