"""The run and its model: tables `run`, `model`, `optimizer`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from training.config.section import ConfigTable

_SERVED_HEADS = (32, 64, 80, 96, 112, 128, 192, 256)
"""Sizes of attention heads that vLLM has kernels for."""


class RunConfig(ConfigTable):
    """What a run writes, and what makes it repeat."""

    folder: Path
    """Checkpoints, logs and the finished model go here; the same folder resumes."""
    seed: int = Field(default=0, ge=0)
    """Seeds initial weights, the order of data, and sampling."""
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


class LlamaShape(ConfigTable):
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


class LoraConfig(ConfigTable):
    """Low-rank adapters instead of full weights."""

    rank: int = Field(default=16, ge=1)
    """Rank of each adapter."""
    alpha: int = Field(default=32, ge=1)
    """Adapters are scaled by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout of the adapters' input, in training."""
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Names of the layers that get one."""


class ModelConfig(ConfigTable):
    """The model that is trained."""

    path: Path | None = None
    """A Hugging Face causal language model to go on from: a folder, a GGUF file, `package:NAME` for the GGUF file of an
    installed package, or `hub:OWNER/NAME` to download one; nothing else asks the network. None trains `shape` from scratch."""
    shape: LlamaShape = LlamaShape()
    """Sizes of a model from scratch."""
    vocabulary: int = Field(default=2048, ge=258)
    """Tokens of a tokenizer from scratch."""
    prompt_format: Literal[
        "source", "source-critique", "deepseek-prover-v1.5", "deepseek-prover-v2", "goedel-prover-v2", "kimina-prover"
    ] = "source"
    """How a theorem is put to the model."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision of the computation and of the finished weights; bfloat16 is slow on CPUs. What is trained is kept in float32 either way,
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


class OptimizerConfig(ConfigTable):
    """AdamW and its schedule."""

    learning_rate: float = Field(default=2e-6, gt=0)
    """The largest learning rate."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """What follows the warm-up; linear and cosine end at a tenth."""
    warmup_fraction: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps over which the learning rate rises from 0."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Weight decay of matrices; vectors such as norms are not decayed."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Decay of the mean of gradients."""
    beta2: float = Field(default=0.95, ge=0, lt=1)
    """Decay of the mean of squared gradients."""
    epsilon: float = Field(default=1e-8, gt=0)
    """Added to the root of the mean square."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient; a longer one is scaled down."""
