"""The processes of vLLM's engines: how one is started, and how it ends.

To import vLLM takes five times the processor time of all else that an engine does until it answers. So on CPUs one
process imports it, while ours does the same, and every engine is forked from that one: it has no threads and no locks
that a fork could break. The engines of GPUs are started afresh, as vLLM does it.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

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
_users = 0  # engines that are there, or being started


def prepare() -> None:
    """Set what vLLM must find before it is imported, and have the process for forks begin to import it; returns at once.

    Call `release` behind the engine.
    """
    global _users
    prepare_environment()
    with _lock:
        _users += 1
        if forked():
            multiprocessing.get_context("forkserver").set_forkserver_preload(list(_IMPORTED_ONCE))
            forkserver.ensure_running()


def release() -> None:
    """End the process for forks behind the last engine. Blocking."""
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            forks: Any = forkserver._forkserver
            if forks._forkserver_pid is not None:
                # Nothing is lost, and to take down all that it imported would take seconds.
                os.kill(forks._forkserver_pid, signal.SIGKILL)
            forks._stop()


def create(
    name: str, checkpoint: Path, settings: EngineSettings, adapters: int, rank: int, stat_logger: Callable[..., Any]
) -> Any:
    """Import vLLM and start an engine in a process of its own. Blocking.

    Args:
        name: what it calls its model in metrics.
        checkpoint: a Hugging Face checkpoint.
        settings: `gpu_memory` is the share of this engine alone.
        adapters: most of them at once.
        rank: the largest of theirs, one that `rank_with_kernel` gives.
        stat_logger: makes what vLLM tells its statistics to.

    Returns:
        vLLM's `AsyncLLM`.
    """
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine import utils
    from vllm.v1.engine.async_llm import AsyncLLM

    if forked():
        # vLLM 0.32 knows no setting for it: on CPUs it insists on a fresh start.
        utils.get_mp_context = lambda: multiprocessing.get_context("forkserver")
    arguments = platform_arguments()
    if built_for_cpu():
        arguments["kv_cache_memory_bytes"] = kv_cache_bytes(checkpoint, settings)
    if adapters:
        # On CPUs vLLM 0.32 gives sequences without an adapter the last slot's, where others of the batch have one: that
        # slot must stay empty for ever. Slots are filled from the first; while adapters change, old and new ones are there.
        arguments |= {"enable_lora": True, "max_loras": 2 * adapters + 1, "max_lora_rank": rank}
    vllm = AsyncLLM.from_engine_args(
        AsyncEngineArgs(
            model=str(checkpoint),
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
    _numbers_alone(vllm.output_processor)
    return vllm


def _numbers_alone(processor: Any) -> None:
    """Keep vLLM from decoding each token once more for its log-probability: a third of what reading answers costs."""
    add_request = processor.add_request

    def add(request: Any, *arguments: Any, **options: Any) -> None:
        add_request(request, *arguments, **options)
        processor.request_states[request.request_id].logprobs_processor.tokenizer = None

    processor.add_request = add


def rank_with_kernel(rank: int) -> int:
    """The smallest rank of adapters from `rank` on that vLLM has kernels for."""
    return next((one for one in _RANKS if one >= rank), _RANKS[-1])


def shut_down(vllm: Any) -> None:
    """Stop an engine, and wait until its process is gone: vLLM itself does not, after it had to kill it. Blocking."""
    processes = list(vllm.engine_core.resources.engine_manager.processes)
    vllm.shutdown()
    for process in processes:
        process.join()


def close_sockets(vllm: Any) -> None:
    """Give back what an engine that was shut down was spoken to with: vLLM 0.32 leaves it to the garbage collector, which complains."""
    vllm.engine_core.resources.ctx.destroy(linger=0)
