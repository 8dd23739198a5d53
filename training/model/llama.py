"""A Llama to train from scratch, in a shape that vLLM serves on CPUs and GPUs."""

import json
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from training.config import LlamaShape
from training.run.provenance import Provenance, write_provenance
from training.trainer.checkpoint import replacing
from training.trainer.distributed.sharding import is_sharded, whole


def build_llama(shape: LlamaShape, tokenizer: PreTrainedTokenizerBase, seed: int) -> LlamaForCausalLM:
    """Build a Llama with random float32 weights from `seed`.

    Embeddings are not tied to the output layer: vLLM's weight reload silently corrupts tied ones.
    """
    config = llama_config(shape, len(tokenizer), tokenizer.eos_token_id, tokenizer.pad_token_id)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)  # type: ignore[no-untyped-call]


def llama_config(shape: LlamaShape, vocabulary: int, end: int, padding: int) -> LlamaConfig:
    """Return a configuration of these sizes; `end` and `padding` are token numbers."""
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        head_dim=shape.width // shape.heads,
        max_position_embeddings=shape.context,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=padding,
        dtype="float32",
    )


def save_for_serving(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    adapters: bool = False,
    write: bool = True,
    dtype: str = "float32",
    about: Provenance | None = None,
) -> None:
    """Write a checkpoint for transformers and vLLM, atomically.

    Args:
        adapters: whether the model is a PEFT model, of which only the adapters are written.
        write: whether this process writes; otherwise it only contributes its part of a sharded model.
        dtype: number format of the written weights, except adapters.
        about: the provenance record, written next to the weights.

    Raises:
        ValueError: the model ties its embeddings, which vLLM's weight reload does not survive.
        OSError: it cannot be written, for instance because the disk is full.
    """
    if not adapters and getattr(model.config, "tie_word_embeddings", False):
        raise ValueError("The model ties its embeddings; untie them (`tie_word_embeddings=False`) before saving.")
    weights = None
    if is_sharded(model):
        trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
        weights = {name: value for name, value in model.state_dict().items() if name in trained or not adapters}
        weights = whole(weights, keep=write)
    if not write:
        return
    rounded = dtype != "float32" and not adapters
    if rounded:
        weights = {name: value.to(getattr(torch, dtype)) for name, value in (weights or model.state_dict()).items()}
    with replacing(folder) as partial:
        model.save_pretrained(partial, state_dict=weights)
        if rounded:  # transformers saves the dtype of the model in memory
            path = partial / "config.json"
            content = json.loads(path.read_text(encoding="utf-8"))
            path.write_text(json.dumps(content | {"dtype": dtype}, indent=2) + "\n", encoding="utf-8")
        tokenizer.save_pretrained(partial)
        if about is not None:
            write_provenance(partial, about)
