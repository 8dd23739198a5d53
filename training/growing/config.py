"""The configuration file of `leansieve grow`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from training.config import TrainingConfig, load_table


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Arm(_Section):
    """A training method; all arms start with the same base and have equal budgets per round."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    """Name in tables."""
    algorithm: str
    """Name of an algorithm in `training.algorithms`."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """Options of the algorithm."""


class GrowConfig(_Section):
    """The configuration file; relative paths are relative to the working directory."""

    folder: Path
    """Folder of all results."""
    base: Path
    """The base model of every arm, in the format `source`."""
    proofs: tuple[Path, ...] = Field(min_length=1)
    """Proved theorems from which the first round's conjectures are made."""
    dev: Path
    """Evaluation theorems; neither they nor near duplicates become conjectures."""
    arms: tuple[Arm, ...] = Field(min_length=1)
    """Arms in the order in which they are trained."""
    rounds: int = Field(default=3, ge=1)
    """Number of rounds of each arm."""
    conjectures: int = Field(default=80, ge=1)
    """Number of conjectures drawn per round; those that pass the filters are solved."""
    solve_samples: int = Field(default=8, ge=2)
    """Answers per conjecture."""
    window: float = Field(default=0.75, gt=0, le=1)
    """A theorem is within reach if the share of correct answers is positive and at most this: then it is learnt from,
    and used for the next round's conjectures.
    """
    steps: int = Field(default=6, ge=1)
    """Training steps per round."""
    prompts_per_step: int = Field(default=12, ge=1)
    """Theorems per step."""
    rollouts_per_prompt: int = Field(default=8, ge=2)
    """Answers per theorem."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Learning rate after the warm-up."""
    max_tokens: int = Field(default=96, ge=1)
    """Maximum length of an answer."""
    dev_samples: int = Field(default=16, ge=1)
    """Answers per theorem of dev after each round."""
    seconds: float = Field(default=5.0, gt=0)
    """Deadline of one check in seconds."""
    heartbeats: int = Field(default=40_000, ge=1)
    """Lean's `maxHeartbeats` for a check."""
    seed: int = Field(default=0, ge=0)
    """Seed of all random choices."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads of torch."""

    @model_validator(mode="after")
    def _arms_can_learn(self) -> "GrowConfig":
        names = [arm.name for arm in self.arms]
        if doubled := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two arms are called {doubled[0]}")
        for arm in self.arms:
            self.training(arm, 1)
        return self

    def model(self, arm: Arm | None, number: int) -> Path:
        """Return an arm's model after a round; after round 0, the base."""
        return self.base if arm is None or number == 0 else self.run(arm, number) / "model"

    def run(self, arm: Arm, number: int) -> Path:
        """Return the folder of an arm's training in a round."""
        return self.folder / "runs" / f"{arm.name}-{number}"

    def file(self, kind: str, arm: Arm | None, number: int, suffix: str) -> Path:
        """Return a round's file; without an arm, that of all arms together."""
        return self.folder / kind / f"{'all' if arm is None else arm.name}-{number}{suffix}"

    def training(self, arm: Arm, number: int) -> TrainingConfig:
        """Return the training configuration of an arm in a round."""
        return TrainingConfig.model_validate(
            {
                "run": {
                    "folder": self.run(arm, number),
                    "seed": self.seed + number,
                    "threads": self.threads,
                    "checkpoint_every": 2,
                },
                "model": {"path": self.model(arm, number - 1)},
                "optimizer": {"learning_rate": self.learning_rate},
                "rollouts": {
                    "prompts": (self.file("prompts", arm, number, ".jsonl"),),
                    "steps": self.steps,
                    "prompts_per_step": self.prompts_per_step,
                    "rollouts_per_prompt": self.rollouts_per_prompt,
                    "max_response_tokens": self.max_tokens,
                },
                "algorithm": {"name": arm.algorithm, "options": arm.options},
                "verification": {
                    "seconds": self.seconds,
                    "heartbeats": self.heartbeats,
                    "verdicts": self.folder / "verdicts.jsonl",
                },
            }
        )


def load_grow(path: Path) -> GrowConfig:
    """Read the file.

    Raises:
        ConfigError: it cannot be read or is invalid.
    """
    return load_table(path, GrowConfig)
