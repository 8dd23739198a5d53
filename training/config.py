"""Every setting of training, read from one TOML file with a table for each class below.

Relative paths are relative to the working directory. docs/training-settings.md is made from these classes.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

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
    wandb: str | None = Field(default=None, min_length=1)
    """Project of Weights & Biases that gets the metrics too, by the package wandb; None sends nothing anywhere."""


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
    """A Hugging Face causal language model to go on from: a folder, a GGUF file, `package:NAME` for the GGUF file of an
    installed package, or `hub:OWNER/NAME` to download one; nothing else asks the network. None trains `shape` from scratch."""
    shape: LlamaShape = LlamaShape()
    """Sizes of a model from scratch."""
    vocabulary: int = Field(default=2048, ge=258)
    """Tokens of a tokenizer from scratch."""
    prompt_format: Literal[
        "source", "deepseek-prover-v1.5", "deepseek-prover-v2", "goedel-prover-v2", "kimina-prover"
    ] = "source"
    """How a theorem is put to the model."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the computation and of the finished weights; bfloat16 is slow on CPUs. What is trained is kept in float32 either way,
    so that small steps are not rounded away."""
    gradient_checkpointing: bool = False
    """Compute activations a second time in the backward pass instead of keeping them: less memory, about a third more time."""
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
    """Steps between evaluations on `dev_proofs` and what is held out."""
    dev_patience: int | None = Field(default=None, ge=1)
    """End after so many evaluations in a row without a smaller loss, with the weights of the smallest. None: no early end, and
    the last weights."""


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
    """The run stops when a token becomes so many times likelier within one batch; seen on the first `micro_tokens` tokens
    after the last update, and on all of a mini-batch before each."""
    max_staleness: int = Field(default=0, ge=0)
    """How many updates older than the policy that learns the weights that sample may be. 0 samples, then learns, and repeats
    bit for bit on a CPU; with 1 the next batch is sampled and checked while this one is learned from."""
    max_importance: float = Field(default=2.0, ge=1)
    """Answers of older weights count by how much likelier they are now, at most so many times."""


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


class DevConfig(_Section):
    """Measuring on theorems that are not trained on, while a run learns from verdicts."""

    corpora: tuple[Path, ...] = ()
    """Files of theorems; none: nothing is measured."""
    every: int = Field(default=10, ge=1)
    """Steps between measurements."""
    samples: int = Field(default=4, ge=1)
    """Samples a theorem, always from the same seeds."""
    patience: int | None = Field(default=None, ge=1)
    """End after so many measurements in a row without a larger share of right answers, with the weights of the largest.
    None: no early end, and the last weights."""


class GuardConfig(_Section):
    """When a run is ended because its model collapses; `inf`, or 0 for the least ones, turns a guard off."""

    patience: int = Field(default=3, ge=1)
    """Steps in a row at which a guard must object."""
    max_kl: float = Field(default=50.0, gt=0)
    """Largest KL divergence to the base, nats an answer."""
    min_entropy: float = Field(default=1e-3, ge=0)
    """Smallest entropy of the policy, nats a token."""
    min_verified: float = Field(default=0.2, ge=0, le=1)
    """Smallest share of verified rollouts, as a part of the first step's share."""
    max_gradient_norm: float = Field(default=1e3, gt=0)
    """Largest norm of the gradient, before it is clipped."""
    max_loss: float = Field(default=1.5, gt=0)
    """Largest loss in fine-tuning, as a multiple of that of a guess among all tokens."""


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
    dev: DevConfig = DevConfig()
    """Measuring on theorems that are not trained on, while a run learns from verdicts."""
    guards: GuardConfig = GuardConfig()
    """When a run is ended because its model collapses."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """How a finished model is measured."""

    @model_validator(mode="after")
    def _says_what_to_do(self) -> "TrainingConfig":
        if self.sft is not None and self.model.prompt_format != "source":
            raise ValueError(
                f"fine-tuning writes proofs in the source format alone, found model.prompt_format {self.model.prompt_format!r}"
            )
        if (
            self.sft is not None
            and self.sft.dev_patience is not None
            and not (self.sft.held_out or self.sft.dev_proofs)
        ):
            raise ValueError("sft.dev_patience needs theorems to measure: set sft.held_out or sft.dev_proofs")
        if self.dev.patience is not None and not self.dev.corpora:
            raise ValueError("dev.patience needs theorems to measure: set dev.corpora")
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


def load_config(path: Path, changes: Sequence[str] = ()) -> TrainingConfig:
    """Read a TOML file.

    Args:
        changes: settings in place of the file's, each as `table.setting=VALUE` with a value of TOML; a text may be bare.

    Raises:
        ConfigError: it cannot be read, is not TOML, or a setting is unknown or out of range.
    """
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
        for change in changes:
            _change(content, change)
        return TrainingConfig.model_validate(content)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from None
    except ValidationError as error:
        more = error.error_count() - 1
        raise ConfigError(f"{path}: {first_mistake(error)}{f' (and {more} more)' if more else ''}.") from None


def _change(content: dict[str, Any], change: str) -> None:
    """Set `table.setting=VALUE` in what a file holds."""
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
