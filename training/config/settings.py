"""The configuration file: TOML with a table for each class; relative paths are relative to the working directory."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import field_validator, model_validator

from training.config.learning import (
    AlgorithmConfig,
    DevConfig,
    EvaluationConfig,
    GuardConfig,
    PreferenceConfig,
    RolloutConfig,
    SftConfig,
    VerificationConfig,
)
from training.config.model import ModelConfig, OptimizerConfig, RunConfig
from training.config.section import ConfigError, ConfigTable, load_table


class TrainingConfig(ConfigTable):
    """The configuration file.

    At most one of `sft`, `preferences` and `rollouts` is present: it determines the kind of run.
    """

    run: RunConfig
    """Outputs of a run, and conditions of its reproducibility."""
    model: ModelConfig = ModelConfig()
    """The model to train."""
    optimizer: OptimizerConfig = OptimizerConfig()
    """AdamW and its schedule."""
    sft: SftConfig | None = None
    """Supervised fine-tuning on verified proofs."""
    preferences: PreferenceConfig | None = None
    """Learning from preference pairs."""
    rollouts: RolloutConfig | None = None
    """Sampling for each step of reinforcement learning."""
    algorithm: AlgorithmConfig = AlgorithmConfig()
    """The algorithm that turns verdicts into a gradient."""
    verification: VerificationConfig = VerificationConfig()
    """Limits of one check during training."""
    dev: DevConfig = DevConfig()
    """Measurements on held-out theorems during a run that learns from verdicts."""
    guards: GuardConfig = GuardConfig()
    """Guards that end a run when its model collapses."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """Evaluation of a finished model."""

    @model_validator(mode="after")
    def _says_what_to_do(self) -> "TrainingConfig":
        kinds = [name for name in ("sft", "preferences", "rollouts") if getattr(self, name) is not None]
        if len(kinds) > 1:
            raise ValueError(f"the tables {' and '.join(kinds)} are different kinds of run: leave one out")
        form = self.model.prompt_format
        if self.sft is not None and not form.startswith("source"):
            raise ValueError(
                f"fine-tuning writes proofs in the source formats alone, found model.prompt_format {form!r}"
            )
        if self.sft is not None and self.sft.lessons and form != "source-critique":
            raise ValueError(f'sft.lessons need model.prompt_format "source-critique", found {form!r}')
        if self.preferences is not None and self.algorithm.name != "scrpo":
            raise ValueError(f'preferences are learnt by algorithm.name "scrpo", found {self.algorithm.name!r}')
        if self.preferences is not None and self.model.path is None:
            raise ValueError("learning from preferences starts from a model: set model.path")
        if (
            self.sft is not None
            and self.sft.dev_patience is not None
            and not (self.sft.held_out or self.sft.dev_proofs)
        ):
            raise ValueError("sft.dev_patience needs theorems to measure: set sft.held_out or sft.dev_proofs")
        if self.dev.patience is not None and not self.dev.corpora:
            raise ValueError("dev.patience needs theorems to measure: set dev.corpora")
        if self.rollouts is not None:
            if self.rollouts.sampler_hosts > self.rollouts.parts:
                raise ValueError(
                    f"rollouts.sampler_hosts is {self.rollouts.sampler_hosts}, and a batch has {self.rollouts.parts} of rollouts.parts: "
                    "a part is sampled by one host, so set as many parts or more"
                )
            if self.model.path is None:
                raise ValueError("reinforcement learning starts from a model: set model.path")
            if self.rollouts.prompts_per_step < self.rollouts.updates_per_batch:
                raise ValueError(
                    "rollouts.updates_per_batch is larger than prompts_per_step: a mini-batch is one prompt"
                )
        return self

    @field_validator("sft")
    @classmethod
    def _rows_fit(cls, sft: SftConfig | None) -> SftConfig | None:
        if sft is not None and sft.rows % sft.micro_rows:
            raise ValueError(f"rows ({sft.rows}) must be a multiple of micro_rows ({sft.micro_rows})")
        return sft


def load_config(path: Path, changes: Sequence[str] = ()) -> TrainingConfig:
    """Read a TOML file.

    Args:
        changes: settings that override the file's, each as `table.setting=VALUE` with a TOML value; strings may be
            unquoted.

    Raises:
        ConfigError: it cannot be read, is not TOML, or a setting is unknown or out of range.
    """

    def override(content: dict[str, Any]) -> None:
        for change in changes:
            _change(content, change)

    return load_table(path, TrainingConfig, override)


def _change(content: dict[str, Any], change: str) -> None:
    """Apply `table.setting=VALUE` to a file's content."""
    place, equals, text = change.partition("=")
    *tables, name = place.strip().split(".")
    if not equals or not tables or not all((*tables, name)):
        raise ConfigError(f"--set {change}: write table.setting=VALUE, as in optimizer.learning_rate=1e-5.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    for table in tables:
        content = content.setdefault(table, {})
        if not isinstance(content, dict):
            raise ConfigError(f"--set {change}: {table} is a setting, and has none of its own.")
    content[name] = value
