"""Stages of training in processes of their own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

STAGE = """
from service.cli.training import apart, shared
from service.ops.config import Settings

apart.forked, apart.prepare_environment = lambda: True, lambda: None
apart._IMPORTED_ONCE = (apart._IMPORTED_ONCE[0], "slow_to_import")
try:
    with shared.interruptible():
        apart.done_apart(print, Settings())
except shared.typer.Exit as ended:
    raise SystemExit(ended.exit_code)
"""


def test_an_interrupt_while_modules_are_imported_for_all_stages_shows_no_traceback(tmp_path: Path) -> None:
    marker = tmp_path / "importing"
    (tmp_path / "slow_to_import.py").write_text(f"open({str(marker)!r}, 'w'); import time; time.sleep(3600)\n")
    process = subprocess.Popen(
        [sys.executable, "-c", STAGE],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not marker.exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, said = process.communicate(timeout=60)  # ends when no process holds stderr
    assert (process.returncode, said) == (130, "interrupted; the same command resumes where it stopped\n")
