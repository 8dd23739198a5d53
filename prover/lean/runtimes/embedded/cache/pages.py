"""The library that lets workers share memory (host/pages.c), built once with the C compiler.

A worker maps the image that it starts from instead of reading it, so that all workers together hold what none of them has written
to once. Where the library cannot be built, everything works and takes more memory.
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
    # Node's own functions are not there in the shell that starts Node, which is preloaded with the library, too.
    "-Wl,-z,relro,-z,lazy",
)

_log = logging.getLogger(__name__)


def pages_library() -> Path | None:
    """The library to preload; None where it cannot be built, which is logged once; `leansieve doctor` tells."""
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
