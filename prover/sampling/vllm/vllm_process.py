"""Starts and ends the processes of vLLM's engines.

Importing vLLM takes five times the processor time of the rest of an engine's start. On CPUs one process therefore
imports it, in parallel with ours, and every engine is forked from it: it has no threads or locks that a fork could
break. Engines on GPUs are started afresh, as vLLM does.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from prover.sampling.tokenizers import tokenizer_folder
from prover.sampling.vllm import vllm_patches
from prover.sampling.vllm.engine_settings import EngineSettings, kv_cache_bytes
from prover.sampling.vllm.vllm_platform import built_for_cpu, forked, platform_arguments, prepare_environment

_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
_IMPORTED_ONCE = (
    "prover.sampling.vllm.vllm_child",
    "vllm.v1.engine.core",
    "vllm.v1.worker.cpu_worker",
    "vllm.model_executor.models.llama",
)


_lock = threading.Lock()
_users = 0  # engines running or being started


def prepare() -> None:
    """Set vLLM's environment and let the forking process start to import it; returns at once.

    Call `release` after the engine has ended.
    """
    global _users
    prepare_environment()
    with _lock:
        _users += 1
        if forked():
            multiprocessing.get_context("forkserver").set_forkserver_preload(list(_IMPORTED_ONCE))
            forkserver.ensure_running()


def release() -> None:
    """End the forking process after the last engine. Blocking."""
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            forks: Any = forkserver._forkserver
            if forks._forkserver_pid is not None:
                # Killed, because it holds no state, and unloading all its imports would take seconds.
                os.kill(forks._forkserver_pid, signal.SIGKILL)
            forks._stop()


def create(
    name: str, checkpoint: Path, settings: EngineSettings, adapters: int, rank: int, stat_logger: Callable[..., Any]
) -> Any:
    """Import vLLM and start an engine in a child process. Blocking.

    Args:
        name: name of the model in metrics.
        checkpoint: a Hugging Face checkpoint.
        settings: `gpu_memory` is the share of this engine alone.
        adapters: maximum number of adapters.
        rank: maximum rank, a result of `rank_with_kernel`.
        stat_logger: factory of vLLM's statistics logger.

    Returns:
        vLLM's `AsyncLLM`.
    """
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    if forked():
        vllm_patches.fork_engines()
    arguments = platform_arguments()
    if built_for_cpu():
        arguments["kv_cache_memory_bytes"] = kv_cache_bytes(checkpoint, settings)
    if adapters:
        # On CPUs vLLM 0.32 applies the last adapter slot to sequences without an adapter if others of the batch have
        # one, so that slot must stay empty. Slots are filled from the first; during a replacement, old and new adapters
        # coexist.
        arguments |= {"enable_lora": True, "max_loras": 2 * adapters + 1, "max_lora_rank": rank}
    with tokenizer_folder(checkpoint) as tokenizer:
        vllm = AsyncLLM.from_engine_args(
            AsyncEngineArgs(
                model=str(checkpoint),
                tokenizer=str(tokenizer),
                served_model_name=name,
                max_model_len=settings.context_tokens,
                max_num_seqs=settings.sequences,
                gpu_memory_utilization=settings.gpu_memory,
                distributed_executor_backend="uni",
                scheduling_policy="priority",
                use_tqdm_on_load=False,
                **arguments,
            ),
            stat_loggers=[stat_logger],
        )
    vllm_patches.skip_logprob_texts(vllm.output_processor)
    return vllm


def rank_with_kernel(rank: int) -> int:
    """Return the smallest adapter rank, at least `rank`, for which vLLM has kernels."""
    return next((one for one in _RANKS if one >= rank), _RANKS[-1])


def shut_down(vllm: Any) -> None:
    """Stop an engine and wait until its process is gone; vLLM itself does not wait after it had to kill it.

    Blocking.
    """
    processes = list(vllm.engine_core.resources.engine_manager.processes)
    vllm.shutdown()
    for process in processes:
        process.join()
