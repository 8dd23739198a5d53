"""Runs work in a child process, so that memory of vLLM and Lean is freed at its end."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any

import typer

from prover.errors import UserError
from prover.sampling.sampler import SamplerUnavailableError
from prover.sampling.vllm.vllm_platform import forked, prepare_environment
from service.cli import common
from service.cli.training import shared
from service.core.limits.text import printable
from service.ops.config import Settings

_IMPORTED_ONCE = (
    "service.cli.training.preloading",
    "training.trainer.trainer",
    "vllm.engine.arg_utils",
    "vllm.v1.engine.llm_engine",
    "vllm.v1.worker.cpu_worker",
    "vllm.model_executor.models.llama",
)


def done_apart(work: Callable[..., None], settings: Settings, *arguments: object) -> bool:
    """Call `work(settings, *arguments)` in a new process and wait for it; returns whether it succeeded. The process
    reports its own errors.

    Raises:
        KeyboardInterrupt: it was interrupted.
    """
    process = _context(settings).Process(target=_do, args=(work, settings.model_dump(), arguments))
    process.start()
    try:
        process.join()
    except KeyboardInterrupt:
        process.terminate()
        process.join()
        raise
    if process.exitcode == common.INTERRUPTED:
        raise KeyboardInterrupt
    return bool(process.exitcode == 0)


def _context(settings: Settings) -> Any:
    """Return the multiprocessing context: on CPUs, processes are forked from one that has imported vLLM, because the
    import takes longer than many stages.
    """
    shared.quiet_libraries(settings)
    try:
        prepare_environment()
        imported_once = forked()
    except SamplerUnavailableError:
        imported_once = False
    context = multiprocessing.get_context("forkserver" if imported_once else "spawn")
    context.set_forkserver_preload(list(_IMPORTED_ONCE))
    return context


def _do(work: Callable[..., None], settings: dict[str, Any], arguments: tuple[object, ...]) -> None:
    merged = Settings(**settings)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    shared.quiet_libraries(merged)
    try:
        with shared.user_errors(), shared.interruptible():
            work(merged, *arguments)
    except typer.Exit as interrupted:
        sys.exit(interrupted.exit_code)
    except UserError as error:
        print(f"leansieve: {printable(str(error))}", file=sys.stderr)
        sys.exit(error.status)


def _end_with_parent() -> None:
    """Interrupt this process when its parent is gone, even if killed: the next start needs its files."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
