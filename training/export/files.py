"""Writes a model's files for serving: weights in a compact type, including a separate output layer."""

import json
import shutil
from pathlib import Path
from typing import Literal

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

DType = Literal["float32", "bfloat16", "float16"]

_KEPT = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json")
_EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "embed_in.weight")
_OUTPUT = "lm_head.weight"
_INDEX = "model.safetensors.index.json"


def write_files(source: Path, target: Path, dtype: DType) -> None:
    """Write the model in `source` into `target`; tied embeddings are untied, because vLLM's reload needs both.

    Raises:
        ValueError: there are no weights, one is not finite, or the embeddings cannot be found.
    """
    shards = sorted(source.glob("*.safetensors"))
    if not shards:
        raise ValueError(f"{source} has no weights: no *.safetensors file is in it.")
    tied = _write_config(source, target, dtype)
    for name in _KEPT:
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
    untied_in = None
    for shard in shards:
        tensors = _rounded(shard, dtype)
        if tied and _OUTPUT not in tensors:
            embeddings = [name for name in tensors if name.endswith(_EMBEDDINGS)]
            if len(embeddings) == 1:
                tensors[_OUTPUT] = tensors[embeddings[0]].clone()
                untied_in = shard.name
        elif tied:
            untied_in = shard.name
        save_file(tensors, target / shard.name, {"format": "pt"})
    if tied and untied_in is None:
        raise ValueError(f"{source} ties its embeddings, and none of its weights is called {' or '.join(_EMBEDDINGS)}.")
    if (source / _INDEX).exists():
        index = json.loads((source / _INDEX).read_text(encoding="utf-8"))
        if untied_in is not None:
            index["weight_map"][_OUTPUT] = untied_in
        (target / _INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _rounded(shard: Path, dtype: DType) -> dict[str, Tensor]:
    with safe_open(shard, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a mapping
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise ValueError(f"{shard}: {name} holds a value that is not finite.")
    return {name: tensor.to(getattr(torch, dtype)) for name, tensor in tensors.items()}


def _write_config(source: Path, target: Path, dtype: DType) -> bool:
    """Write the configuration of a checkpoint or an adapter; returns whether the checkpoint ties its embeddings."""
    tied = False
    for name in ("config.json", "adapter_config.json"):
        if (source / name).exists():
            content = json.loads((source / name).read_text(encoding="utf-8"))
            if name == "config.json":
                tied = bool(content.get("tie_word_embeddings"))
                content |= {"dtype": dtype} | ({"tie_word_embeddings": False} if tied else {})
            else:
                # The manifest names the base; paths of this machine are meaningless elsewhere.
                content["base_model_name_or_path"] = None
            (target / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return tied
