"""Work in a process of its own, so that what vLLM and Lean took is given back."""

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
from service.cli import common
from service.cli.training import shared
from service.core.limits.text import printable
from service.ops.config import Settings


def done_apart(work: Callable[..., None], settings: Settings, *arguments: object) -> bool:
    """Call `work(settings, *arguments)` in a new process and wait for it; whether it worked. What went wrong is said there.

    Raises:
        KeyboardInterrupt: it was interrupted.
    """
    process = multiprocessing.get_context("spawn").Process(target=_do, args=(work, settings.model_dump(), arguments))
    process.start()
    try:
        process.join()
    except KeyboardInterrupt:
        process.terminate()
        process.join()
        raise
    if process.exitcode == common.INTERRUPTED:
        raise KeyboardInterrupt
    return process.exitcode == 0


def _do(work: Callable[..., None], settings: dict[str, Any], arguments: tuple[object, ...]) -> None:
    here = Settings(**settings)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    shared.quiet_libraries(here)
    try:
        with shared.user_errors(), shared.interruptible():
            work(here, *arguments)
    except typer.Exit as interrupted:
        sys.exit(interrupted.exit_code)
    except UserError as error:
        print(f"leansieve: {printable(str(error))}", file=sys.stderr)
        sys.exit(error.status)


def _end_with_parent() -> None:
    """Interrupt this process when the one that started it is gone, killed or not: the next start needs its files."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
