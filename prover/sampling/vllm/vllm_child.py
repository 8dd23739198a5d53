"""Imported by the process that engines are forked from: an engine ends when who asked for it is gone, killed or not.

The process for forks itself ends when no engine is left.
"""

import multiprocessing
import os
import signal
import threading
import time


def _end_with_owner() -> None:
    while (owner := multiprocessing.parent_process()) is None:
        time.sleep(0.1)  # it is told shortly after the fork
    owner.join()
    os.kill(os.getpid(), signal.SIGKILL)


os.register_at_fork(after_in_child=lambda: threading.Thread(target=_end_with_owner, daemon=True).start())
