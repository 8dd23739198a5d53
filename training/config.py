"""Every setting of training, read from one TOML file with a table for each class below.

Relative paths are relative to the working directory. `leansieve train` and `python -m training.model.sft` take the file.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from prover.atomic import atomic_write_text
from training.algorithms.algorithm import Algorithm
from training.algorithms.registry import create_algorithm
from training.evaluation.samples import rollout_pass_rates

_SERVED_HEADS = (32, 64, 80, 96, 112, 128, 192, 256)
"""Sizes of attention heads that vLLM has kernels for."""


class ConfigError(ValueError):
    """A configuration file cannot be used; the text is one sentence that says where and why."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class RunConfig(_Section):
    """What a run writes, and what makes it repeat."""

    folder: Path
    """Checkpoints, logs and the finished model go here; the same folder resumes."""
    seed: int = Field(default=0, ge=0)
    """Of initial weights, order of data and sampling."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the trained model lives; `auto` takes a GPU if there is one."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads of torch; part of what makes a run repeat bit for bit. None leaves torch's choice."""
    sharded: bool = False
    """Share weights, gradients and optimiser states out over the processes that torchrun started (FSDP2), for a model that is
    too large for one GPU to train; else each process holds all of them."""
    checkpoint_every: int = Field(default=50, ge=1)
    """Steps between checkpoints."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """How many of the newest checkpoints stay."""
    log_every: int = Field(default=1, ge=1)
    """Steps between lines of progress."""


class LlamaShape(_Section):
    """The sizes of a Llama."""

    layers: int = Field(default=6, ge=1)
    """Transformer blocks."""
    width: int = Field(default=256, ge=32)
    """Size of the residual stream."""
    heads: int = Field(default=4, ge=1)
    """Attention heads; width / heads must be a head size that vLLM has a kernel for, 32 or 64 for small models."""
    key_value_heads: int = Field(default=2, ge=1)
    """Heads that keys and values are shared between; divides `heads`."""
    hidden: int = Field(default=704, ge=32)
    """Size of the gated hidden layer of each block."""
    context: int = Field(default=1024, ge=16)
    """Longest sequence, prompt and answer together, in tokens."""

    @model_validator(mode="after")
    def _is_served(self) -> "LlamaShape":
        if self.width % self.heads or self.width // self.heads not in _SERVED_HEADS:
            sizes = ", ".join(map(str, _SERVED_HEADS))
            raise ValueError(f"width / heads is {self.width / self.heads:g}, but vLLM serves head sizes {sizes}")
        if self.heads % self.key_value_heads:
            raise ValueError(f"{self.heads} heads cannot share {self.key_value_heads} key-value heads evenly")
        return self


class LoraConfig(_Section):
    """Low-rank adapters instead of full weights."""

    rank: int = Field(default=16, ge=1)
    """Rank of each adapter."""
    alpha: int = Field(default=32, ge=1)
    """Adapters are scaled by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Of the adapters' input, in training."""
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Names of the layers that get one."""


class ModelConfig(_Section):
    """The model that is trained."""

    path: Path | None = None
    """A Hugging Face causal language model to go on from: a folder, a GGUF file, or `package:NAME` for the GGUF file of an
    installed package. None trains `shape` from scratch."""
    shape: LlamaShape = LlamaShape()
    """Sizes of a model from scratch."""
    vocabulary: int = Field(default=2048, ge=258)
    """Tokens of a tokenizer from scratch."""
    prompt_format: Literal[
        "source", "deepseek-prover-v1.5", "deepseek-prover-v2", "goedel-prover-v2", "kimina-prover"
    ] = "source"
    """How a theorem is put to the model."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the weights; bfloat16 is slow on CPUs."""
    lora: LoraConfig | None = None
    """Train adapters on `path` instead of all weights."""

    @model_validator(mode="after")
    def _adapters_need_a_base(self) -> "ModelConfig":
        if self.lora is not None and self.path is None:
            raise ValueError("lora needs a model to adapt: set path")
        return self


class OptimizerConfig(_Section):
    """AdamW and its schedule."""

    learning_rate: float = Field(default=2e-6, gt=0)
    """The largest learning rate."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """What follows the warm-up; linear and cosine end at a tenth."""
    warmup_fraction: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps over which the learning rate rises from 0."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Of matrices; vectors such as norms are not decayed."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Decay of the mean of gradients."""
    beta2: float = Field(default=0.95, ge=0, lt=1)
    """Decay of the mean of squared gradients."""
    epsilon: float = Field(default=1e-8, gt=0)
    """Added to the root of the mean square."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient; a longer one is scaled down."""


class SftConfig(_Section):
    """Supervised fine-tuning on verified proofs."""

    proofs: tuple[Path, ...] = Field(min_length=1)
    """JSONL files of theorems with their proofs."""
    held_out: float = Field(default=0.0, ge=0, lt=1)
    """Share of these theorems that are not trained on; the loss of their proofs is logged."""
    dev_proofs: tuple[Path, ...] = ()
    """More proofs whose loss is logged."""
    proofs_per_theorem: int = Field(default=16, ge=1)
    """At most so many proofs of one theorem, the first in the file."""
    steps: int = Field(default=1000, ge=1)
    """Optimiser steps."""
    row_length: int = Field(default=512, ge=16)
    """Tokens of a row into which examples are packed; longer examples are left out."""
    rows: int = Field(default=16, ge=1)
    """Rows of one optimiser step."""
    micro_rows: int = Field(default=4, ge=1)
    """Rows of one forward pass; less takes less memory and gives the same gradient."""
    dev_every: int = Field(default=50, ge=1)
    """Steps between evaluations on `dev_proofs`."""


class RolloutConfig(_Section):
    """What is sampled for each step of reinforcement learning."""

    prompts: tuple[Path, ...] = Field(min_length=1)
    """JSONL files of theorems."""
    steps: int = Field(default=200, ge=1)
    """Rollout batches."""
    prompts_per_step: int = Field(default=128, ge=1)
    """Theorems of a batch."""
    rollouts_per_prompt: int = Field(default=4, ge=2)
    """Samples of each; 2 or more, because baselines are means over the others."""
    max_response_tokens: int = Field(default=1024, ge=1)
    """Longest response; the constant divisor L of the losses that have one."""
    updates_per_batch: int = Field(default=1, ge=1)
    """Mini-batches, each one optimiser step, that a batch is cut into; with 1 every ratio is 1 and no clip ever binds."""
    micro_tokens: int = Field(default=2048, ge=16)
    """Tokens of one forward pass; a larger group is one pass of its own. Less takes less memory."""
    sequences: int = Field(default=64, ge=1)
    """Most sequences that the sampling engine works on at once."""
    gpu_memory: float = Field(default=0.4, gt=0, lt=1)
    """Share of a GPU's memory for the sampling engine, which shares it with the trainer."""
    max_mismatch: float | None = Field(default=None, gt=0)
    """The run stops when trainer and engine disagree on log-probabilities by more, mean over a batch's tokens, since
    then the engine has other weights. None: 1e-4 for float32, 0.05 for bfloat16."""
    max_ratio: float = Field(default=1e4, gt=1)
    """The run stops when a token becomes so many times likelier within one batch."""


class AlgorithmConfig(_Section):
    """How verdicts become a gradient."""

    name: str = "alpha_dpg"
    """Which algorithm; the registry lists them."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """Its options, such as alpha."""
    base_samples: tuple[Path, ...] = ()
    """What `leansieve evaluate run` drew from the base for the theorems to train on, at temperature 1, top_p 1 and the
    rollouts' longest response: the share of right answers is alpha_dpg's Z, for `partition = "precomputed"`."""

    @model_validator(mode="after")
    def _exists(self) -> "AlgorithmConfig":
        precomputed = self.options.get("partition") == "precomputed"
        if self.base_samples and (not precomputed or "partitions" in self.options):
            raise ValueError('base_samples are for the option partition = "precomputed" without partitions')
        self._create(self.options, length=1)
        return self

    def create(self, length: int) -> Algorithm:
        """The algorithm; `length` is the longest response allowed, in tokens.

        Raises:
            ValueError, OSError: a file of `base_samples` cannot be used, or read.
        """
        if not self.base_samples:
            return self._create(self.options, length)
        rates = {name: rate for path in self.base_samples for name, rate in rollout_pass_rates(path, length).items()}
        return self._create({**self.options, "partitions": rates}, length)

    def _create(self, options: Mapping[str, Any], length: int) -> Algorithm:
        try:
            return create_algorithm(self.name, options, length)
        except ValidationError as error:
            raise ValueError(first_mistake(error)) from None


class VerificationConfig(_Section):
    """Limits of one check while training."""

    seconds: float = Field(default=10.0, gt=0)
    """Wall-clock deadline."""
    heartbeats: int = Field(default=100_000, ge=1)
    """Lean's `maxHeartbeats`."""
    verdicts: Path | None = None
    """File of verdicts that runs and evaluations share, one at a time; None: one in the run's folder."""


class EvaluationConfig(_Section):
    """How a finished model is measured."""

    corpora: tuple[Path, ...] = ()
    """JSONL files of theorems."""
    samples: int = Field(default=256, ge=1)
    """Samples a theorem."""
    temperature: float = Field(default=1.0, ge=0)
    """Softmax temperature."""
    top_p: float = Field(default=0.99, gt=0, le=1)
    """Nucleus mass."""
    max_tokens: int = Field(default=1024, ge=1)
    """Longest response."""


class TrainingConfig(_Section):
    """The whole file. `sft` and `rollouts` are there for the kind of run that needs them."""

    run: RunConfig
    """What a run writes, and what makes it repeat."""
    model: ModelConfig = ModelConfig()
    """The model that is trained."""
    optimizer: OptimizerConfig = OptimizerConfig()
    """AdamW and its schedule."""
    sft: SftConfig | None = None
    """Supervised fine-tuning on verified proofs."""
    rollouts: RolloutConfig | None = None
    """What is sampled for each step of reinforcement learning."""
    algorithm: AlgorithmConfig = AlgorithmConfig()
    """How verdicts become a gradient."""
    verification: VerificationConfig = VerificationConfig()
    """Limits of one check while training."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """How a finished model is measured."""

    @model_validator(mode="after")
    def _says_what_to_do(self) -> "TrainingConfig":
        if self.rollouts is not None:
            if self.sft is not None:
                raise ValueError("the tables sft and rollouts are different kinds of run: leave one out")
            if self.model.path is None:
                raise ValueError("reinforcement learning goes on from a model: set model.path")
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


def load_config(path: Path) -> TrainingConfig:
    """Read a TOML file.

    Raises:
        ConfigError: it cannot be read, is not TOML, or a setting is unknown or out of range.
    """
    try:
        with path.open("rb") as file:
            return TrainingConfig.model_validate(tomllib.load(file))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from None
    except ValidationError as error:
        more = error.error_count() - 1
        raise ConfigError(f"{path}: {first_mistake(error)}{f' (and {more} more)' if more else ''}.") from None


def write_config(config: TrainingConfig) -> None:
    """Write the settings into the run's folder as `config.json`, for whoever asks later what made the model."""
    config.run.folder.mkdir(parents=True, exist_ok=True)
    text = config.model_dump_json(indent=1) + "\n"
    atomic_write_text(config.run.folder / "config.json", text)


def first_mistake(error: ValidationError) -> str:
    """The first mistake as `table.setting: what is wrong, found value`."""
    first = error.errors()[0]
    setting = ".".join(map(str, first["loc"]))
    match first["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            return f"{setting}: there is no such setting"
        case "missing":
            return f"{setting}: this setting is missing"
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    found = "" if isinstance(first["input"], dict | BaseModel) else f", found {first['input']!r}"
    return f"{setting}: {message}{found}" if setting else message
