"""Trains the tutor's policy by GRPO on sessions with simulated learners.

A group is one theorem with one or several learners, whose random choices are equal in all of its sessions; only the
policy's choices differ. A session's decisions are the tokens of a rollout, its rubric is the reward. All random choices
depend on the seed and the step alone, so that a killed run resumes bit for bit from its last checkpoint.
"""

import contextlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Self

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from prover.atomic import atomic_write_text
from prover.tutor.guidance import (
    OPENING_FEATURES,
    OPENINGS,
    ROUTE_FEATURES,
    LearnerState,
    LinearPolicy,
    hinted,
    opening_features,
    policy_data,
    route_features,
    score,
)
from prover.tutor.hints import Level
from prover.tutor.proofs.routes import Route
from training.algorithms.algorithm import Rollouts
from training.algorithms.registry import create_algorithm
from training.corpus.proofs import ProvedTheorem
from training.journal import Journal
from training.trainer.checkpoint import check_identity, load_checkpoint, save_checkpoint
from training.tutoring.evaluation import Report
from training.tutoring.learners.learners import Learner
from training.tutoring.sessions.board import Board
from training.tutoring.sessions.dialogue import Dialogue, Help
from training.tutoring.sessions.sessions import SessionEnvironment, hold

_DIGITS = 4  # of a stored weight
_CLASS = 0.25  # share of groups with several learners
_MOST_TOGETHER = 3


class Learning(BaseModel):
    """Settings of the policy's training."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    steps: int = Field(default=40, ge=1)
    """Number of updates."""
    groups: int = Field(default=12, ge=1)
    """Groups of sessions per step."""
    sessions: int = Field(default=8, ge=2)
    """Sessions per group."""
    learning_rate: float = Field(default=0.08, gt=0)
    """Learning rate of Adam."""
    algorithm: str = "grpo"
    """Name of an algorithm in `training.algorithms.registry`."""
    seed: int = Field(default=0, ge=0)
    """Seed of all random choices."""


@dataclass
class Drawing:
    """A policy that samples its decisions, and records them: the features of each choice, and the one taken."""

    openings: Sequence[Sequence[float]]
    routes: Sequence[float]
    random: Random
    decisions: list[tuple[str, tuple[tuple[float, ...], ...], int]] = field(default_factory=list)

    def route(self, learner: LearnerState) -> Route:
        """See `Guidance.route`."""
        if (kept := hinted(learner)) is not None:
            return kept
        if len(learner.routes) == 1:
            return learner.routes[0]
        seen = tuple(route_features(learner, at) for at in range(len(learner.routes)))
        scores = [score(self.routes, one) for one in seen]
        return learner.routes[self._drawn("route", seen, scores)]

    def opening(self, learner: LearnerState, route: Route) -> Level:
        """See `Guidance.opening`."""
        seen = opening_features(learner, route)
        scores = [score(weights, seen) for weights in self.openings]
        return OPENINGS[self._drawn("opening", (seen,), scores)]

    def _drawn(self, choice: str, seen: tuple[tuple[float, ...], ...], scores: Sequence[float]) -> int:
        highest = max(scores)
        chosen = self.random.choices(range(len(scores)), [math.exp(score - highest) for score in scores])[0]
        self.decisions.append((choice, seen, chosen))
        return chosen


class GuidanceWeights:
    """The weights, as trainable tensors."""

    def __init__(self) -> None:
        """Start with equal probabilities for all choices."""
        self.openings = torch.zeros(len(OPENINGS), len(OPENING_FEATURES), dtype=torch.float64, requires_grad=True)
        self.routes = torch.zeros(len(ROUTE_FEATURES), dtype=torch.float64, requires_grad=True)

    @property
    def all(self) -> list[Tensor]:
        """Return all trainable tensors."""
        return [self.openings, self.routes]

    def drawing(self, random: Random) -> Drawing:
        """Return a policy that samples with these weights."""
        return Drawing(self.openings.tolist(), self.routes.tolist(), random)

    def policy(self) -> LinearPolicy:
        """Return the policy to store: the same weights, rounded."""
        openings = tuple(tuple(round(each, _DIGITS) for each in row) for row in self.openings.tolist())
        return LinearPolicy(openings, tuple(round(each, _DIGITS) for each in self.routes.tolist()))

    def log_probability(self, decision: tuple[str, tuple[tuple[float, ...], ...], int]) -> Tensor:
        """Return the log-probability of a sampled decision."""
        choice, seen, chosen = decision
        features = torch.tensor(seen, dtype=torch.float64)
        scores = features @ self.routes if choice == "route" else self.openings @ features[0]
        return torch.log_softmax(scores, 0)[chosen]


@dataclass
class SessionGroup:
    """The sessions of one group, each with the policy's decisions."""

    theorem: str
    sessions: list[tuple[Drawing, Dialogue]] = field(default_factory=list)


def rollouts_of(weights: GuidanceWeights, groups: Sequence[SessionGroup]) -> Rollouts | None:
    """Convert groups of sessions for the algorithms; None if no decision was made in any."""
    longest = max((len(one.decisions) for group in groups for one, _ in group.sessions), default=0)
    if not longest:
        return None
    shape = (len(groups), len(groups[0].sessions), longest)
    mask = torch.zeros(shape, dtype=torch.bool)
    rows = []
    for at, group in enumerate(groups):
        for which, (one, _) in enumerate(group.sessions):
            mask[at, which, : len(one.decisions)] = True
            known = [weights.log_probability(decision) for decision in one.decisions]
            rows.append(torch.stack([*known, *[torch.zeros((), dtype=torch.float64)] * (longest - len(known))]))
    log_probs = torch.stack(rows).reshape(shape)
    rewards = [[dialogue.rubric.reward for _, dialogue in group.sessions] for group in groups]
    names = tuple(group.theorem for group in groups)
    return Rollouts(names, log_probs, log_probs.detach(), mask, torch.tensor(rewards, dtype=torch.float64))


class SessionGroups:
    """Holds the groups of each step, with the boards of their theorems; as an async context manager, which closes these."""

    def __init__(
        self,
        school: SessionEnvironment,
        cases: Sequence[ProvedTheorem],
        kinds: Sequence[Learner],
        config: Learning,
        report: Report,
    ) -> None:
        """Create the object; `report` receives false statements and leaks."""
        self._school = school
        self._cases = cases
        self._kinds = list(kinds)
        self._config = config
        self._report = report
        self._boards: dict[str, Board] = {}
        self._open = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open no board yet."""
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close the boards."""
        await self._open.aclose()

    async def of_step(self, step: int, weights: GuidanceWeights) -> list[SessionGroup]:
        """Hold all groups of a step; random choices depend on the seed and the step alone."""
        random = Random(f"{self._config.seed}/{step}")
        groups = []
        for group in range(self._config.groups):
            case = random.choice(self._cases)
            together = random.randint(2, _MOST_TOGETHER) if random.random() < _CLASS else 1
            learners = random.sample(self._kinds, min(together, len(self._kinds)))
            groups.append(await self._held(step, group, case, learners, weights))
        return groups

    async def _held(
        self, step: int, group: int, case: ProvedTheorem, learners: Sequence[Learner], weights: GuidanceWeights
    ) -> SessionGroup:
        config, name = self._config, case.theorem.name
        if name not in self._boards:
            self._boards[name] = await self._open.enter_async_context(self._school.board(case))
        held = SessionGroup(name)
        for which in range(config.sessions):
            drawing = weights.drawing(Random(f"{config.seed}/{step}/{group}/{which}"))
            seed = config.seed + 1000 * step + group
            dialogue, _ = await hold(self._boards[name], learners, Help.LEARNT, drawing, seed)
            held.sessions.append((drawing, dialogue))
            for turn in dialogue.turns:
                if turn.false or turn.leak:
                    self._report(f"{name}: {turn.false or 'a leak'}: {turn.text!r}")
        return held


async def learn(
    school: SessionEnvironment,
    cases: Sequence[ProvedTheorem],
    kinds: Sequence[Learner],
    config: Learning,
    folder: Path,
    report: Report,
    command: str = "",
) -> LinearPolicy:
    """Train from the last checkpoint in `folder`, and write the policy to its `policy.json`.

    Raises:
        ValueError: the folder has a run with other settings.
    """
    weights = GuidanceWeights()
    optimizer = torch.optim.Adam(weights.all, lr=config.learning_rate)
    algorithm = create_algorithm(config.algorithm, {}, length=64)
    identity = {
        **config.model_dump(exclude={"steps"}),
        "theorems": [case.theorem.theorem.digest for case in cases],
        "learners": [kind.model_dump(mode="json") for kind in kinds],
    }
    checkpoints = folder / "checkpoints"
    begins = 0
    if (state := load_checkpoint(checkpoints)) is not None:
        check_identity(identity, json.loads(state["identity"]), folder)
        with torch.no_grad():
            for tensor, kept in zip(weights.all, state["weights"], strict=True):
                tensor.copy_(kept)
        optimizer.load_state_dict(state["optimizer"])
        begins = state["step"]
        report(f"resumes from step {begins}")
    async with SessionGroups(school, cases, kinds, config, report) as sessions:
        with Journal(folder / "metrics.jsonl") as metrics:
            logged = sum(1 for _ in metrics.lines())
            for step in range(begins + 1, config.steps + 1):
                groups = await sessions.of_step(step, weights)
                if (rollouts := rollouts_of(weights, groups)) is not None:
                    optimizer.zero_grad()
                    loss = algorithm.loss(rollouts, algorithm.advantages(rollouts).values)
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
                row = {"step": step, **_figures([dialogue for group in groups for _, dialogue in group.sessions])}
                if step > logged:
                    metrics.append(json.dumps(row))
                kept = {
                    "identity": json.dumps(identity),
                    "weights": [tensor.detach().clone() for tensor in weights.all],
                    "optimizer": optimizer.state_dict(),
                }
                save_checkpoint(checkpoints, step, kept, keep=2)
                report(f"step {step} of {config.steps}: {json.dumps(row)}")
    policy = weights.policy()
    learners = [learner.kind for learner in kinds]
    origin = {"command": command, "steps": config.steps, "theorems": len(cases), "learners": learners}
    atomic_write_text(folder / "policy.json", json.dumps({**policy_data(policy), "made": origin}, indent=1) + "\n")
    return policy


def _figures(held: Sequence[Dialogue]) -> dict[str, float]:
    hints = [turn for dialogue in held for turn in dialogue.hints]
    return {
        "reward": round(sum(dialogue.rubric.reward for dialogue in held) / len(held), 4),
        "finished": round(sum(dialogue.finished for dialogue in held) / len(held), 4),
        "hints": round(len(hints) / len(held), 4),
        "own": round(sum(dialogue.own for dialogue in held) / max(1, sum(dialogue.steps for dialogue in held)), 4),
        "vetoed": sum(dialogue.rubric.veto for dialogue in held),
    }
