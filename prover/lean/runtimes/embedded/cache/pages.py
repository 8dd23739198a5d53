"""Builds host/pages.c, the library that lets workers share memory, once with the C compiler.

A worker maps its image instead of reading it, so that unmodified pages exist only once for all workers. Without the
library everything works, but takes more memory.
"""

import logging
import sys
from functools import cache
from importlib import resources
from pathlib import Path

from prover.lean.runtimes.compiling import build
from prover.lean.runtimes.embedded.cache.install import cache_directory
from prover.lean.runtimes.embedded.node import node_headers
from prover.lean.runtimes.runtime import RuntimeUnavailableError

_FLAGS = (
    "-std=gnu11",
    "-O2",
    "-fPIC",
    "-shared",
    "-fstack-protector-strong",
    "-D_FORTIFY_SOURCE=2",
    # The library is also preloaded into the shell that starts Node, which lacks Node's own functions.
    "-Wl,-z,relro,-z,lazy",
)

_log = logging.getLogger(__name__)


def pages_library() -> Path | None:
    """Return the library to preload; None if it cannot be built.

    A failure is logged once, and `leansieve doctor` reports it.
    """
    return _built(cache_directory())


@cache
def _built(folder: Path) -> Path | None:
    if not sys.platform.startswith("linux"):
        return None
    source = Path(str(resources.files("prover.lean.runtimes.embedded").joinpath("host/pages.c")))
    try:
        library = build(
            "memory that Lean workers share", folder / "pages", "pages.so", [source], _FLAGS, [f"-I{node_headers()}"]
        )
    except RuntimeUnavailableError as error:
        _log.info("%s; without it each worker takes about 0.5 GiB more", error)
        return None
    if set(" :") & set(str(library)):
        _log.info("%s cannot be preloaded, as there is a blank or a colon in its path", library)
        return None
    return library
