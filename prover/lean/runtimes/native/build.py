"""Build state of a project: Lean imports `.olean` files, which `lake build` makes."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_MODULE = re.compile(r"[^\W\d][\w'!?]*(\.[^\W\d][\w'!?]*)*")
_MOST_SOURCES = 5_000


@dataclass(frozen=True, slots=True)
class Modules:
    """The modules that a project can import.

    Attributes:
        libraries: folders with `.olean` files.
        sources: folders with `.lean` files.
    """

    libraries: Sequence[Path]
    sources: Sequence[Path]

    def built(self, module: str) -> bool:
        """Whether Lean finds the module. Invalid module names are never looked up."""
        return self.compiled(module) is not None

    def compiled(self, module: str) -> Path | None:
        """Return the `.olean` file of the module."""
        return _first(self.libraries, module, ".olean")

    def source(self, module: str) -> Path | None:
        """Return the source file of the module, if it exists."""
        return _first(self.sources, module, ".lean")

    def trouble(self, modules: Sequence[str], folder: Path) -> str | None:
        """Explain why these modules cannot be imported in the project in `folder`, and what to do; None if they can."""
        absent = [module for module in modules if not self.built(module)]
        if not absent:
            return None
        first = absent[0]
        if self.source(first) is None:
            return f"there is no module `{first}` in the Lake project {folder} nor in the packages that it requires"
        cache = "`lake exe cache get`, then " if first.partition(".")[0] == "Mathlib" else ""
        return f"the module `{first}` is not built: run {cache}`lake build {first}` in {folder}"

    def changed(self, folder: Path) -> list[str]:
        """Return modules of the project whose source is newer than its build; checks at most 5,000."""
        names = []
        for root in self.sources:
            if root.is_relative_to(folder) and ".lake" not in root.relative_to(folder).parts:
                for source in _sources(root):
                    module = ".".join(source.relative_to(root).with_suffix("").parts)
                    compiled = self.compiled(module)
                    if compiled is not None and source.stat().st_mtime_ns > compiled.stat().st_mtime_ns:
                        names.append(module)
        return names

    def size(self) -> int:
        """Total size of all `.olean` files in bytes, the most that a worker maps. Scans all files of the libraries."""
        return sum(
            file.stat().st_size for root in set(self.libraries) for file in _files(root) if ".olean" in file.suffixes
        )


def _first(roots: Sequence[Path], module: str, suffix: str) -> Path | None:
    if not _MODULE.fullmatch(module):
        return None
    path = Path(*module.split("."))
    files = (root / path.with_name(path.name + suffix) for root in roots)
    # `file.is_file()` is avoided because it raises for names that are too long, and clients choose the names.
    return next((file for file in files if os.path.isfile(file)), None)


def _sources(root: Path) -> Iterator[Path]:
    found = (file for file in _files(root) if file.suffix == ".lean" and not file.name.startswith("lakefile"))
    for _, file in zip(range(_MOST_SOURCES), found, strict=False):
        yield file


def _files(root: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".")]
        yield from (Path(folder, name) for name in names)
