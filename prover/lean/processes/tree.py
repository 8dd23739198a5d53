"""Operations on a process tree: kill it, measure its memory, detect whether it was stopped."""

import contextlib
import os
import signal

import psutil


def _members(pid: int) -> list[psutil.Process]:
    """Return the running processes among a process and its descendants. Scans all processes of the machine."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def kill_tree(pid: int) -> None:
    """Kill a group leader, all its descendants and its group."""
    for process in _members(pid):
        with contextlib.suppress(psutil.Error):
            process.kill()
    kill_group(pid)


def kill_group(pid: int) -> None:
    """Kill the remaining processes of a group, if any."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants in bytes; 0 if it is gone. Blocking."""
    total = 0
    for process in _members(pid):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total


def is_stopped(pid: int) -> bool:
    """Whether the process or a descendant was stopped (SIGSTOP). Blocking."""
    for process in _members(pid):
        with contextlib.suppress(psutil.Error):
            if process.status() == psutil.STATUS_STOPPED:
                return True
    return False
