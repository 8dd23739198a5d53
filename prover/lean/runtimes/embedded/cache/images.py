"""Locates the images of warmed-up workers (host/image.js writes and reads them) and drops old ones."""

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib import resources
from pathlib import Path

from filelock import AsyncFileLock

from prover.lean.runtimes.embedded.cache.install import Installation
from prover.lean.runtimes.embedded.cache.retention import drop, hold, newest_first, release

KEPT_IMAGES = 5
"""Number of images kept, up to half a gigabyte each; the least recently used are dropped."""

_log = logging.getLogger(__name__)

_in_use: dict[Path, None] = {}  # in order of last use
_DRAFT_SECONDS = 3600  # an older draft belongs to a process that was killed
_LONGEST_HEADER = 16 << 20
_MAKING_SECONDS = 300.0  # after that, the process making an image hangs, or is so slow that a second one does no harm


def images_for(installation: Installation, imports: Sequence[str]) -> list[Path]:
    """Return the folders of a worker's images before and after it has loaded `imports`; they need not exist.

    Their names depend on everything that determines the worker's memory. A damaged image is removed and made again; if
    it cannot be removed, no later image is returned, and the worker starts without one.
    """
    host = resources.files("prover.lean.runtimes.embedded").joinpath("host")
    scripts = b"".join(script.read_bytes() for script in sorted(host.iterdir(), key=lambda script: script.name))
    parts = [installation.runtime.name, installation.program.name, hashlib.sha256(scripts).hexdigest()]
    folders = [installation.images / _digest(parts), installation.images / _digest([*parts, *imports])]
    with suppress(OSError):  # images may be readable in a cache that cannot be written
        installation.images.mkdir(exist_ok=True)
    for folder in folders:
        _use(folder)
    with suppress(OSError):
        _drop_old(installation.images, keep=folders)
    end = len(folders)
    for place in reversed(range(end)):
        if _stuck(folders[place]):
            end = place
        elif folders[place].is_dir():
            break
    return folders[:end]


@asynccontextmanager
async def alone(images: Sequence[Path]) -> AsyncIterator[None]:
    """Hold the lock for making the last of these images; waits while another process makes it.

    No lock is taken if the image exists or cannot be made. Two processes at once would only do the work twice.
    """
    if not images or images[-1].is_dir():
        yield
        return
    async with AsyncExitStack() as stack:
        with suppress(OSError):  # the cache cannot be written, or the wait is too long
            await stack.enter_async_context(AsyncFileLock(images[-1].with_suffix(".lock"), timeout=_MAKING_SECONDS))
        yield


def _stuck(folder: Path) -> bool:
    """Whether an image is damaged and cannot be removed; a removable one is removed."""
    if not _damaged(folder):
        return False
    _in_use.pop(folder, None)
    release(folder)
    drop([folder])
    if not folder.is_dir():
        return False
    _log.warning(
        "the image %s of the embedded Lean is damaged and cannot be removed: workers start slowly without it; remove"
        " the folder, or set LEANSIEVE_CACHE to another one",
        folder,
    )
    return True


def _damaged(folder: Path) -> bool:
    """Whether the size of an image file differs from its header: the disk was full, or a copy was interrupted."""
    try:
        with (folder / "memory").open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, _LONGEST_HEADER)))
            whole: int = 8 + length + sum(size for _, size in header["runs"])
            return os.fstat(file.fileno()).st_size != whole
    except OSError:
        return False  # no image exists
    except (ValueError, KeyError, TypeError):
        return True


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _use(folder: Path) -> None:
    """Hold an image; the one that this process used least recently is released for it."""
    _in_use.pop(folder, None)
    if hold(folder):
        _in_use[folder] = None
    for oldest in list(_in_use)[:-KEPT_IMAGES]:
        _in_use.pop(oldest, None)
        release(oldest)


def _drop_old(images: Path, keep: Sequence[Path]) -> None:
    complete: list[Path] = []
    for folder in images.iterdir():
        if not folder.suffix and not folder.name.startswith("."):
            complete.append(folder)
            continue
        with suppress(FileNotFoundError):  # another process may clean up, too
            if time.time() - folder.stat().st_mtime > _DRAFT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
    drop(folder for folder in newest_first(complete)[KEPT_IMAGES:] if folder not in keep)
