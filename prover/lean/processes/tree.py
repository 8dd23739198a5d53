"""A process with everything it started: kill it, weigh it, look whether it was stopped."""

import contextlib
import os
import signal

import psutil


def _members(pid: int) -> list[psutil.Process]:
    """The process and its descendants, as far as they still run. Looks at every process of the machine."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def kill_tree(pid: int) -> None:
    """Kill a group leader, its descendants wherever they went, and its group."""
    for process in _members(pid):
        with contextlib.suppress(psutil.Error):
            process.kill()
    kill_group(pid)


def kill_group(pid: int) -> None:
    """Kill what is left of a process group; nothing may be."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants; 0 when it is gone. Blocking."""
    total = 0
    for process in _members(pid):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total


def is_stopped(pid: int) -> bool:
    """Whether somebody stopped the process or a descendant of it (SIGSTOP). Blocking."""
    for process in _members(pid):
        with contextlib.suppress(psutil.Error):
            if process.status() == psutil.STATUS_STOPPED:
                return True
    return False
