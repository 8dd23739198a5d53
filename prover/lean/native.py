"""`NativeToolchain`: the Lean that a project's own toolchain provides, with everything the project can import."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from prover.lean.embedded.install import cache_directory
from prover.lean.embedded.runtime import joined_program
from prover.lean.runtime import Launch, RuntimeUnavailableError

# What Lean, Lake, elan and a package's own tools look at; nothing else of the server's environment reaches a worker.
_ENVIRONMENT = ("PATH", "HOME", "ELAN_HOME", "ELAN_TOOLCHAIN", "LAKE_HOME", "LANG", "TMPDIR")
_PROJECT_FILES = ("lakefile.toml", "lakefile.lean")


class NativeToolchain:
    """A `LeanRuntime` that runs the worker in a Lake project. Its workers load further imports as they are asked for."""

    name = "native"
    single_import_set = False

    def __init__(self, project: Path, environment: Mapping[str, str] = os.environ) -> None:
        """Use the toolchain and the libraries of the Lake project in the folder `project`."""
        self._project = project.absolute()
        self._environment = environment
        self._lake: str | None = None
        self._program: Path | None = None

    def prepare(self) -> None:
        """Look for Lake and the project, and write the worker program to the cache.

        Raises:
            RuntimeUnavailableError: Lake is not installed, the folder is no Lake project, or the cache cannot be written.
        """
        self._lake = self._find_lake()
        if not any((self._project / name).is_file() for name in _PROJECT_FILES):
            raise RuntimeUnavailableError(
                f"{self._project} is no Lake project: it has neither {' nor '.join(_PROJECT_FILES)}"
            )
        self._program = _publish(joined_program())

    def has_module(self, module: str) -> bool:
        """Lake knows, so Lean is asked."""
        return True

    def launch(self, imports: Sequence[str]) -> Launch:
        """How to start a worker; `prepare` must have succeeded before."""
        if self._lake is None or self._program is None:
            raise RuntimeUnavailableError("the native toolchain was not prepared: call prepare() first")
        env = {name: self._environment[name] for name in _ENVIRONMENT if name in self._environment}
        argv = [self._lake, "env", "lean", "--run", str(self._program)]
        return Launch(argv, env, self._project, cancel="stdin")

    def _find_lake(self) -> str:
        elan = self._environment.get("ELAN_HOME") or str(Path(self._environment.get("HOME", "/")) / ".elan")
        places = os.pathsep.join([self._environment.get("PATH", os.defpath), str(Path(elan) / "bin")])
        lake = shutil.which("lake", path=places)
        if lake is None:
            raise RuntimeUnavailableError(
                "the native toolchain needs `lake`, which is neither on PATH nor in ~/.elan/bin: install elan"
            )
        return lake


def _publish(program: str) -> Path:
    """The worker program as a file, written once for each version of its text."""
    digest = hashlib.sha256(program.encode()).hexdigest()[:16]
    folder = cache_directory() / "native"
    file = folder / f"Worker-{digest}.lean"
    if file.is_file():
        return file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=folder, prefix=f".{file.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(program)
        Path(draft).replace(file)
    except OSError as error:
        raise RuntimeUnavailableError(
            f"the worker program cannot be written to {folder}: {error.strerror}; set LEANSIEVE_CACHE to another folder"
        ) from error
    return file
