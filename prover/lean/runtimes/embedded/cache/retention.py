"""Retention in the cache: folders in use and the newest of each kind are kept.

A process holds a shared lock (flock) on each folder that it uses until it ends, without writing anything. Only a folder
that can be locked exclusively is dropped.
"""

import fcntl
import os
import shutil
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

KEPT_RUNTIMES = 2
"""Number of transformed copies of Lean kept, 130 MB each."""

KEPT_CODE = 2
"""Number of copies of compiled code kept, 40 MB per version of Lean and Node."""

KEPT_PROGRAMS = 8
"""Number of worker programs kept; developers of the worker make many."""

_DROPPED = ".dropped"

_locks: dict[Path, int] = {}
_guard = threading.Lock()


def hold(folder: Path) -> bool:
    """Protect `folder` from being dropped while this process lives, and mark it as used now.

    Returns:
        Whether it exists; another process may have dropped it just before.
    """
    with _guard:
        try:
            if folder not in _locks or not os.path.samestat(os.fstat(_locks[folder]), folder.stat()):
                release(folder)
                _locks[folder] = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            return False
        with suppress(OSError):  # some file systems lack locks, others are read-only
            fcntl.flock(_locks[folder], fcntl.LOCK_SH)
            os.utime(folder)
        return folder.is_dir()


def release(folder: Path) -> None:
    """Undo a `hold`, if there is one."""
    if (lock := _locks.pop(folder, None)) is not None:
        os.close(lock)


def drop_old(root: Path) -> None:
    """Drop the least recently used runtimes and programs below `root`."""
    for left_over in root.glob(f".*{_DROPPED}"):  # left by a killed process
        shutil.rmtree(left_over, ignore_errors=True)
    drop(newest_first(root.glob("runtime-*"))[KEPT_RUNTIMES:])
    drop(newest_first(root.glob("program-*"))[KEPT_PROGRAMS:])
    drop(newest_first(folder for folder in root.glob("code-*") if folder.is_dir())[KEPT_CODE:])


def newest_first(folders: Iterable[Path]) -> list[Path]:
    """Sort the existing folders by last use, the most recent first."""
    used: dict[Path, float] = {}
    for folder in folders:
        with suppress(OSError):  # another process may clean up, too
            used[folder] = folder.stat().st_mtime
    return sorted(used, key=lambda folder: used[folder], reverse=True)


def drop(folders: Iterable[Path]) -> None:
    """Remove those folders that are not in use, if the cache is writable."""
    for folder in folders:
        with suppress(OSError):
            _drop(folder)


def _drop(folder: Path) -> None:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        doomed = folder.with_name(f".{folder.name}{_DROPPED}")
        folder.rename(doomed)
        shutil.rmtree(doomed)
    finally:
        os.close(lock)
