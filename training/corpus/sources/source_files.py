"""Theorems of a project's own files."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from prover.errors import UserError
from prover.source import disk
from training.corpus.sources.project import SourceFile, SourceTheorem

_MOST_FILES = 100_000


def source_files(folder: Path, report: Callable[[str], None]) -> list[SourceFile]:
    """Return the `.lean` files of `folder` without those of its packages, sorted by name.

    Args:
        report: receives errors on unreadable files.

    Raises:
        UserError: there is none, or the folder does not exist.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: name that of a Lake project")
    files = []
    paths = (path for path in sorted(folder.rglob("*.lean")) if _own(path.relative_to(folder)))
    for _, path in zip(range(_MOST_FILES), paths, strict=False):
        try:
            file = disk.read(path)
        except UserError as error:
            report(str(error))
            continue
        theorems = [
            SourceTheorem(file.theorem(item), file.proof(item), item.line)
            for item in file.theorems
            if item.name.partition(" ")[0] != "example"
        ]
        version = hashlib.sha256(file.text.encode()).hexdigest()
        files.append(SourceFile(str(path.relative_to(folder)), version, theorems))
    if not files:
        raise UserError(f"{folder} has no Lean files")
    return files


def _own(path: Path) -> bool:
    return path.name != "lakefile.lean" and not any(part.startswith(".") for part in path.parts)
