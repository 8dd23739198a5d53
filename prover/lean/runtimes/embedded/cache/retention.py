"""What stays in the cache: what is in use, and the newest of each kind.

A process that uses a folder holds a shared lock (flock) on the folder itself until the process ends, so that nothing has to be
written for it; only a folder that can be locked alone is dropped.
"""

import fcntl
import os
import shutil
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

KEPT_RUNTIMES = 2
"""Lean as transformed, 130 MB each."""

KEPT_CODE = 2
"""Compiled code for all workers, 40 MB for each Lean and Node."""

KEPT_PROGRAMS = 8
"""Most worker programs kept: developers of the worker make many."""

_DROPPED = ".dropped"

_locks: dict[Path, int] = {}
_guard = threading.Lock()


def hold(folder: Path) -> bool:
    """Keep `folder` from being dropped while this process lives, and count it as used now.

    Returns:
        Whether it is there; another process may have dropped it just before.
    """
    with _guard:
        try:
            if folder not in _locks or not os.path.samestat(os.fstat(_locks[folder]), folder.stat()):
                release(folder)
                _locks[folder] = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            return False
        with suppress(OSError):  # some file systems know no locks, others cannot be written
            fcntl.flock(_locks[folder], fcntl.LOCK_SH)
            os.utime(folder)
        return folder.is_dir()


def release(folder: Path) -> None:
    """Take back a `hold`, if there is one."""
    if (lock := _locks.pop(folder, None)) is not None:
        os.close(lock)


def drop_old(root: Path) -> None:
    """Drop the runtimes and programs below `root` that were used longest ago."""
    for left_over in root.glob(f".*{_DROPPED}"):  # of a process that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    drop(newest_first(root.glob("runtime-*"))[KEPT_RUNTIMES:])
    drop(newest_first(root.glob("program-*"))[KEPT_PROGRAMS:])
    drop(newest_first(folder for folder in root.glob("code-*") if folder.is_dir())[KEPT_CODE:])


def newest_first(folders: Iterable[Path]) -> list[Path]:
    """The folders that are there, those used last in front."""
    used: dict[Path, float] = {}
    for folder in folders:
        with suppress(OSError):  # somebody else may tidy up as well
            used[folder] = folder.stat().st_mtime
    return sorted(used, key=lambda folder: used[folder], reverse=True)


def drop(folders: Iterable[Path]) -> None:
    """Remove those of the folders that are not in use, as far as the cache can be written."""
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
