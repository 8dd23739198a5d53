"""Settings of the run and its model: tables `run`, `model`, `optimizer`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from training.config.section import ConfigTable

_SERVED_HEADS = (32, 64, 80, 96, 112, 128, 192, 256)
"""Sizes of attention heads for which vLLM has kernels."""


class RunConfig(ConfigTable):
    """Outputs of a run, and conditions of its reproducibility."""

    folder: Path
    """Folder of checkpoints, logs and the finished model; a run in the same folder resumes."""
    seed: int = Field(default=0, ge=0)
    """Seed of initial weights, the order of data, and sampling."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device of the trained model; `auto` takes a GPU if there is one."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads of torch; must be equal for bitwise reproducibility. None: torch's choice."""
    sharded: bool = False
    """Whether to shard weights, gradients and optimiser states over the processes started by torchrun (FSDP2), for a
    model too large for one GPU; otherwise each process holds all of them.
    """
    checkpoint_every: int = Field(default=50, ge=1)
    """Steps between checkpoints."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """Number of newest checkpoints kept."""
    log_every: int = Field(default=1, ge=1)
    """Steps between lines of progress."""
    wandb: str | None = Field(default=None, min_length=1)
    """Weights & Biases project that also receives the metrics, through the package wandb; None sends nothing."""

    @field_validator("folder", mode="before")
    @classmethod
    def _is_named(cls, folder: object) -> object:
        if folder == "":  # a path would make the working directory of it
            raise ValueError("name a folder")
        return folder


class LlamaShape(ConfigTable):
    """The sizes of a Llama."""

    layers: int = Field(default=6, ge=1)
    """Transformer blocks."""
    width: int = Field(default=256, ge=32)
    """Size of the residual stream."""
    heads: int = Field(default=4, ge=1)
    """Attention heads; width / heads must be a head size for which vLLM has a kernel, 32 or 64 for small models."""
    key_value_heads: int = Field(default=2, ge=1)
    """Key and value heads, shared by groups of heads; divides `heads`."""
    hidden: int = Field(default=704, ge=32)
    """Size of the gated hidden layer of each block."""
    context: int = Field(default=1024, ge=16)
    """Maximum length of prompt plus answer in tokens."""

    @model_validator(mode="after")
    def _is_served(self) -> "LlamaShape":
        if self.width % self.heads or self.width // self.heads not in _SERVED_HEADS:
            sizes = ", ".join(map(str, _SERVED_HEADS))
            raise ValueError(f"width / heads is {self.width / self.heads:g}, but vLLM serves head sizes {sizes}")
        if self.heads % self.key_value_heads:
            raise ValueError(f"{self.heads} heads cannot share {self.key_value_heads} key-value heads evenly")
        return self


class LoraConfig(ConfigTable):
    """Low-rank adapters instead of full weights."""

    rank: int = Field(default=16, ge=1)
    """Rank of each adapter."""
    alpha: int = Field(default=32, ge=1)
    """Scale of the adapters: alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout of the adapters' input during training."""
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Names of the layers with adapters."""


class ModelConfig(ConfigTable):
    """The model to train."""

    path: Path | None = None
    """A Hugging Face causal language model to start from: a folder, a GGUF file, `package:NAME` for the GGUF file of an
    installed package, or `hub:OWNER/NAME` to download one; nothing else uses the network. None trains `shape` from
    scratch.
    """
    shape: LlamaShape = LlamaShape()
    """Sizes of a model from scratch."""
    vocabulary: int = Field(default=2048, ge=258)
    """Number of tokens of a tokenizer trained from scratch."""
    prompt_format: Literal[
        "source",
        "source-premises",
        "source-critique",
        "deepseek-prover-v1.5",
        "deepseek-prover-v2",
        "goedel-prover-v2",
        "kimina-prover",
    ] = "source"
    """The model's prompt format."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision of the computation and of the finished weights; bfloat16 is slow on CPUs
    without instructions for it (AVX512-BF16); with them it takes about three fifths of the time of float32.

    Trained weights are always kept in float32, so that small steps are not lost to rounding.
    """
    gradient_checkpointing: bool = False
    """Whether to recompute activations in the backward pass: less memory, about a third more time."""
    lora: LoraConfig | None = None
    """Trains adapters on `path` instead of all weights."""

    @model_validator(mode="after")
    def _adapters_need_a_base(self) -> "ModelConfig":
        if self.lora is not None and self.path is None:
            raise ValueError("lora needs a model to adapt: set path")
        return self


class OptimizerConfig(ConfigTable):
    """AdamW and its schedule."""

    learning_rate: float = Field(default=2e-6, gt=0, le=10)
    """Peak learning rate; AdamW moves a weight by about so much in a step."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """Schedule after the warm-up; linear and cosine end at a tenth."""
    warmup_fraction: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps over which the learning rate rises from 0."""
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Weight decay of matrices; vectors such as norms have none."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Decay of the mean of gradients."""
    beta2: float = Field(default=0.95, ge=0, lt=1)
    """Decay of the mean of squared gradients."""
    epsilon: float = Field(default=1e-8, gt=0, allow_inf_nan=False)
    """ε of AdamW, added to the root of the mean squared gradient."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Maximum norm of the gradient; larger ones are scaled down."""
