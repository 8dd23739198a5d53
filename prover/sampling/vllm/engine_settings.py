"""Settings of engines, and their memory on a CPU."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from prover.sampling.vllm.vllm_platform import forked
from prover.sampling.weights import tensor_shapes

# Measured with vLLM 0.32, without weights, keys and values.
_BYTES_OF_FORK = 384 << 20
_BYTES_OF_FRESH_PROCESS = 640 << 20


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Settings of engines.

    Attributes:
        models: models of the folder to load; None: all.
        context_tokens: maximum length of prompt plus answer; None: the checkpoint's own.
        sequences: maximum number of concurrent sequences of one engine, and of one request.
        best_first: whether the likeliest of the waiting candidates is returned first.
        gpu_memory: share of a GPU's memory for all engines together.
        background: whether to serve as soon as the base is loaded, and load the other checkpoints meanwhile.
        kv_cache_mib: size of each engine's cache of keys and values on a CPU; None: enough for `sequences` of full
            length, at most 1 GiB.
    """

    models: tuple[str, ...] | None = None
    context_tokens: int | None = None
    sequences: int = 64
    best_first: bool = True
    gpu_memory: float = 0.9
    background: bool = False
    kv_cache_mib: int | None = None


def memory_needed(checkpoint: Path, settings: EngineSettings) -> int:
    """Return the memory of an engine on a CPU in bytes: vLLM itself, weights in float32, keys and values."""
    weights = sum(math.prod(shape) for shape in tensor_shapes(checkpoint).values())
    alone = _BYTES_OF_FORK if forked() else _BYTES_OF_FRESH_PROCESS
    return alone + 4 * weights + kv_cache_bytes(checkpoint, settings)


def kv_cache_bytes(checkpoint: Path, settings: EngineSettings) -> int:
    """Return the size of a CPU engine's cache of keys and values in bytes."""
    if settings.kv_cache_mib is not None:
        return settings.kv_cache_mib << 20
    most = 1 << 30
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    try:
        heads = config["num_attention_heads"]
        size = config.get("head_dim") or config["hidden_size"] // heads
        numbers = 2 * config["num_hidden_layers"] * (config.get("num_key_value_heads") or heads) * size
        context = settings.context_tokens or config["max_position_embeddings"]
    except (KeyError, TypeError):
        return most
    blocks = settings.sequences * (math.ceil(context / 32) + 1) + 1
    return int(min(most, max(64 << 20, numbers * 4 * 32 * blocks)))
