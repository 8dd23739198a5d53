"""The identity of a run of reinforcement learning."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from training.algorithms.algorithm import Algorithm
from training.config import TrainingConfig
from training.rollouts.prompts import Prompt


def identity_of(
    config: TrainingConfig, algorithm: Algorithm, prompts: Sequence[Prompt], processes: int
) -> dict[str, Any]:
    """Return everything that affects a step, which must be equal for a run to resume."""
    digest = hashlib.sha256()
    for prompt in prompts:
        digest.update(repr((prompt.record.theorem.digest, prompt.record.guard, prompt.tokens)).encode())
    tables = {"model", "optimizer", "rollouts", "algorithm", "verification"}
    apart = {
        "model": {"gradient_checkpointing"},
        "rollouts": {"steps", "max_mismatch", "max_ratio", "sampler_hosts", "weight_transfer", "kept_tokens"},
        "verification": {"verdicts"},
        "algorithm": {"base_samples"},
    }
    if config.rollouts is not None and config.rollouts.parts == 1:  # as in versions without this setting
        apart["rollouts"].add("parts")
    settings = config.model_dump(mode="json", include=tables, exclude=apart)
    flat = {f"{table}.{name}": json.dumps(value) for table in settings for name, value in settings[table].items()}
    if config.algorithm.base_samples:  # a file may change
        flat["algorithm.base_samples"] = hashlib.sha256(repr(algorithm).encode()).hexdigest()
    more = {"run.seed": config.run.seed, "processes": processes}
    return {**flat, **more, "the theorems": digest.hexdigest()}
