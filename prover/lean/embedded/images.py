"""Where images of warmed-up workers are kept (host/image.js makes and reads them), and which are dropped."""

import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path

from prover.lean.embedded.install import Installation

KEPT_IMAGES = 5
"""Images are up to half a gigabyte each; those used longest ago go."""

_DRAFT_SECONDS = 3600  # a draft older than this belongs to a process that was killed


def images_for(here: Installation, imports: Sequence[str]) -> list[Path]:
    """The folders of the images of a worker before and after it has loaded `imports`; they need not exist yet.

    Everything that decides what such a worker's memory looks like is in their names.
    """
    host = resources.files(__package__).joinpath("host")
    scripts = b"".join(script.read_bytes() for script in sorted(host.iterdir(), key=lambda script: script.name))
    parts = [here.runtime.name, here.program.name, hashlib.sha256(scripts).hexdigest()]
    folders = [here.images / _digest(parts), here.images / _digest([*parts, *imports])]
    here.images.mkdir(exist_ok=True)
    for folder in folders:
        with suppress(FileNotFoundError):
            os.utime(folder)
    _drop_old(here.images, keep=folders)
    return folders


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _drop_old(images: Path, keep: Sequence[Path]) -> None:
    complete: list[tuple[float, Path]] = []
    for folder in images.iterdir():
        with suppress(FileNotFoundError):  # somebody else may tidy up as well
            used = folder.stat().st_mtime
            if not folder.suffix:
                complete.append((used, folder))
            elif time.time() - used > _DRAFT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
    for _, folder in sorted(complete, reverse=True)[KEPT_IMAGES:]:
        if folder not in keep:
            shutil.rmtree(folder, ignore_errors=True)
