"""Where images of warmed-up workers are kept (host/image.js makes and reads them), and which are dropped."""

import hashlib
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path

from prover.lean.embedded.install import Installation
from prover.lean.embedded.retention import drop, hold, newest_first, release

KEPT_IMAGES = 5
"""Images are up to half a gigabyte each; those used longest ago go."""

_in_use: dict[Path, None] = {}  # in the order of their last use
_DRAFT_SECONDS = 3600  # a draft older than this belongs to a process that was killed


def images_for(here: Installation, imports: Sequence[str]) -> list[Path]:
    """The folders of the images of a worker before and after it has loaded `imports`; they need not exist yet.

    Everything that decides what such a worker's memory looks like is in their names.
    """
    host = resources.files(__package__).joinpath("host")
    scripts = b"".join(script.read_bytes() for script in sorted(host.iterdir(), key=lambda script: script.name))
    parts = [here.runtime.name, here.program.name, hashlib.sha256(scripts).hexdigest()]
    folders = [here.images / _digest(parts), here.images / _digest([*parts, *imports])]
    with suppress(OSError):  # a cache that cannot be written may still hold images to start from
        here.images.mkdir(exist_ok=True)
    for folder in folders:
        _use(folder)
    with suppress(OSError):
        _drop_old(here.images, keep=folders)
    return folders


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _use(folder: Path) -> None:
    """Hold an image; the one that this process used longest ago is given up for it."""
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
        with suppress(FileNotFoundError):  # somebody else may tidy up as well
            if time.time() - folder.stat().st_mtime > _DRAFT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
    drop(folder for folder in newest_first(complete)[KEPT_IMAGES:] if folder not in keep)
