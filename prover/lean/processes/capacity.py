"""Computes how many workers this machine or container can carry."""

import os
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


def cores(cgroup: Path = _CGROUP) -> int:
    """Number of processors this process may use, at least 1: respects affinity and the container's quota."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        allowed = os.cpu_count() or 1
    quota, period = _numbers(cgroup / "cpu.max", 2)
    return max(1, min(allowed, int(quota / period))) if quota and period else allowed


def free_memory(cgroup: Path = _CGROUP) -> int:
    """Bytes that can be allocated now: of the machine, or within the container's limit."""
    free = psutil.virtual_memory().available
    (limit,) = _numbers(cgroup / "memory.max", 1)
    if not limit:
        return free
    (used,) = _numbers(cgroup / "memory.current", 1)
    return min(free, max(0, limit - used + _page_cache(cgroup)))


def worker_count(first: int, further: int) -> tuple[int, int]:
    """Return the number of workers and spares for this machine: one worker per core while memory lasts, then one spare.

    `first` is the memory of one worker, `further` the memory of each additional worker that shares memory with it, in
    bytes. A tenth of the free memory is left to other programs. At least one worker is always started, even if memory
    seems too small for it.
    """
    room = 1 + (int(0.9 * free_memory()) - first) // further
    workers = max(1, min(cores(), room))
    return workers, 1 if room > workers else 0


def _page_cache(cgroup: Path) -> int:
    """Bytes counted as used that the system frees on demand."""
    try:
        lines = (cgroup / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("active_file ", "inactive_file ")))


def _numbers(file: Path, count: int) -> list[int]:
    """Return the numbers in a control-group file; zeros if it is missing or there is no limit (`max`)."""
    try:
        words = file.read_text().split()
        return [int(word) for word in words[:count]]
    except (OSError, ValueError):
        return [0] * count
