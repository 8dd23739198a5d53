"""A Llama to be trained from scratch, in a shape that vLLM serves on CPUs and GPUs."""

from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

_SERVED_HEADS = (32, 64, 80, 96, 112, 128, 192, 256)


class LlamaShape(BaseModel):
    """The sizes of a Llama."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

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


def build_llama(shape: LlamaShape, tokenizer: PreTrainedTokenizerBase, seed: int) -> LlamaForCausalLM:
    """A Llama with random float32 weights, drawn from `seed`.

    Embeddings are not tied to the output layer: vLLM's weight reload gets tied ones wrong without saying so.
    """
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        intermediate_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        head_dim=shape.width // shape.heads,
        max_position_embeddings=shape.context,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)  # type: ignore[no-untyped-call]


def save_for_serving(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write a checkpoint that transformers and vLLM load.

    Raises:
        ValueError: the model ties its embeddings, which vLLM's weight reload does not survive.
    """
    if getattr(model.config, "tie_word_embeddings", False):
        raise ValueError("The model ties its embeddings; untie them (`tie_word_embeddings=False`) before saving.")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
