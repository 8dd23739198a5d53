"""Writes uses.txt: the functions of the library that the worker program uses, and of which the embedded Lean exports compiled code.

Run `python -m tests.prover.lean.crosscheck.uses` when the worker uses others. Takes half a minute.
"""

import re
import tarfile
from pathlib import Path

from prover.lean.runtimes.embedded.cache.install import PACKAGE, cache_directory
from prover.lean.runtimes.embedded.runtime import joined_program
from tests.prover.lean.crosscheck.test_worker_names import symbols
from tests.prover.lean.runtimes.native.compiled import run_once

_HERE = Path(__file__).parent


def main() -> None:
    """Ask the embedded Lean what the worker mentions, and its module what it exports."""
    root = cache_directory() / f"{PACKAGE.name}-{PACKAGE.version}"
    with tarfile.open(root / f"{PACKAGE.name}-{PACKAGE.version}.tgz") as package:
        module = package.extractfile("package/lean.wasm")
        assert module is not None
        exported = set(re.findall(rb"l_[A-Za-z0-9_]+", module.read()))
    said = run_once((_HERE / "uses.lean").read_text(encoding="utf-8"), [{"source": joined_program()}])
    names = sorted(line.split()[1] for line in said if line.startswith("@use "))
    kept = [name for name in names if any(symbol.encode() in exported for symbol in symbols(name))]
    (_HERE / "uses.txt").write_text("\n".join(kept) + "\n", encoding="utf-8")
    print(f"{len(kept)} of {len(names)} names")


if __name__ == "__main__":
    main()
