"""Modules compiled with the embedded Lean, so that imports of a project's own modules are real.

Seconds a module: what was compiled once stays in the user's cache, under a digest of all that it depends on.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.embedded.cache.install import PACKAGE, cache_directory

_PROGRAM = Path(__file__).with_name("compile.lean")
_SECONDS = 300


def compiled(sources: Mapping[str, str]) -> Path:
    """A folder with the `.olean` files of these modules, each of which stands behind all that it imports."""
    program = _PROGRAM.read_text(encoding="utf-8")
    key = hashlib.sha256(json.dumps([PACKAGE.integrity, program, *sources.items()]).encode()).hexdigest()[:16]
    folder = cache_directory() / "compiled" / key
    if not folder.is_dir():
        draft = folder.with_suffix(f".{os.getpid()}")
        for module, data in zip(sources, _run(program, sources), strict=True):
            file = olean(draft, module)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        with suppress(OSError):  # somebody else was faster
            draft.rename(folder)
    return folder


def olean(folder: Path, module: str) -> Path:
    """Where Lean looks for a module below a folder of its search path."""
    return folder / Path(*module.split(".")).with_suffix(".olean")


def _run(program: str, sources: Mapping[str, str]) -> list[bytes]:
    said = run_once(program, [{"module": module, "source": text} for module, text in sources.items()])
    made = [bytes.fromhex(line.split()[1]) for line in said if line.startswith("@olean ")]
    assert len(made) == len(sources), "\n".join(line for line in said if not line.startswith("@olean"))
    return made


def run_once(program: str, requests: Sequence[Mapping[str, str]]) -> list[str]:
    """What a program prints under the embedded Lean that reads one JSON object a line, but for Lean's own debug lines."""
    lean = EmbeddedLean(program=program)
    lean.prepare()
    launch = lean.launch(["Init"])
    env = {name: value for name, value in launch.env.items() if name != "LEANSIEVE_IMAGES"}  # it runs once: no image
    done = subprocess.run(
        ["prlimit", f"--stack={launch.stack_bytes}", *launch.argv],
        env=env,
        cwd=launch.cwd,
        input="".join(json.dumps(request) + "\n" for request in requests),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return [line for line in done.stdout.splitlines() if not line.startswith("[DEBUG")]
