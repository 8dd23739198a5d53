"""A traced repository whose `lake` and Lean4Repl are emulated by a script; lean-dojo itself is real."""

import os
import stat
from pathlib import Path
from typing import Any

from prover.lean.dojo import DojoConfig
from prover.lean.embedded.install import cache_directory
from prover.lean.native.sandbox import Sandbox

_HERE = Path(__file__).parent
_COMMIT = "0123456789abcdef0123456789abcdef01234567"


def emulate(
    root: Path,
    dojo_python: Path,
    sandbox: Sandbox = Sandbox.NEVER,
    script: str = "repl_stand_in.py",
    python: Path | None = None,
    **more: Any,
) -> DojoConfig:
    """Make one under `root`; `python` runs the script, by default the one that has lean-dojo."""
    traced = root / "cache" / f"gitpython-emulated-{_COMMIT}" / "emulated"
    (traced / ".lake" / "build").mkdir(parents=True)
    (traced / ".lake" / "config").mkdir()
    (traced / "Lean4Repl.lean").touch()
    (traced / "lakefile.toml").write_text('name = "emulated"\n')
    programs = root / "bin"
    programs.mkdir()
    lake = programs / "lake"
    text = (
        (_HERE / script)
        .read_text()
        .replace("@SOURCE@", str(_HERE.parents[3]))
        .replace("@CACHE@", str(cache_directory()))
    )
    lake.write_text(f"#!{python or dojo_python}\n{text}")
    lake.chmod(lake.stat().st_mode | stat.S_IXUSR)
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.defpath}",
        "HOME": str(root),
        "GITHUB_ACCESS_TOKEN": "secret",
        "VERBOSE": "1",
    }
    usual = {"start_seconds": 240.0, "readable": (programs,), "environment": environment}
    return DojoConfig(traced, dojo_python, sandbox=sandbox, **{**usual, **more})
