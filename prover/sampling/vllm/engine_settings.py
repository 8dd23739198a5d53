"""How engines are set up, and what memory they take on a CPU."""

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
    """How engines are set up.

    Attributes:
        models: those of the folder that are loaded; None: all.
        context_tokens: longest prompt plus answer; None: what the checkpoint was made for.
        sequences: most sequences that one engine works on at once, over all requests and within one.
        best_first: whether of the candidates that wait the likeliest is handed out first.
        gpu_memory: share of a GPU's memory that all engines together may take.
        background: the base is enough to start with, the other checkpoints are loaded while it is served.
        kv_cache_mib: room for keys and values of each engine on a CPU; None: what `sequences` of full length need, 1 GiB at most.
    """

    models: tuple[str, ...] | None = None
    context_tokens: int | None = None
    sequences: int = 64
    best_first: bool = True
    gpu_memory: float = 0.9
    background: bool = False
    kv_cache_mib: int | None = None


def memory_needed(checkpoint: Path, settings: EngineSettings) -> int:
    """Bytes that an engine takes on a CPU: vLLM itself, weights in float32, keys and values."""
    weights = sum(math.prod(shape) for shape in tensor_shapes(checkpoint).values())
    alone = _BYTES_OF_FORK if forked() else _BYTES_OF_FRESH_PROCESS
    return alone + 4 * weights + kv_cache_bytes(checkpoint, settings)


def kv_cache_bytes(checkpoint: Path, settings: EngineSettings) -> int:
    """Bytes that a CPU's engine sets aside for keys and values."""
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
