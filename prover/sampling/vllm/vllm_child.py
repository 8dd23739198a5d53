"""Imported by the process from which engines are forked: makes an engine end when its parent is gone, even if killed.

The forking process itself ends when no engine is left.
"""

import multiprocessing
import os
import signal
import threading
import time


def _end_with_owner() -> None:
    while (owner := multiprocessing.parent_process()) is None:
        time.sleep(0.1)  # this process is told its parent shortly after the fork
    owner.join()
    os.kill(os.getpid(), signal.SIGKILL)


os.register_at_fork(after_in_child=lambda: threading.Thread(target=_end_with_owner, daemon=True).start())
