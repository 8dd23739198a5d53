"""A traced repository whose `lake` and Lean4Repl are emulated by a script; a stand-in for lean-dojo where it is missing."""

import os
import shlex
import stat
import sys
from pathlib import Path
from typing import Any

from prover.lean.runtimes.dojo import DojoConfig
from prover.lean.runtimes.embedded.cache.install import cache_directory
from prover.lean.runtimes.native.sandbox import Sandbox

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
    readable = (programs, Path(sys.prefix), Path(sys.base_prefix))  # a stand-in's Python is this one
    usual = {"start_seconds": 240.0, "readable": readable, "environment": environment}
    return DojoConfig(traced, dojo_python, sandbox=sandbox, **{**usual, **more})


def stand_in(folder: Path) -> Path:
    """Make a Python under `folder` whose lean-dojo is `lean_dojo_stand_in.py`."""
    modules, python = folder / "modules", folder / "bin" / "python"
    modules.mkdir()
    for name in ("lean_dojo", "loguru"):
        (modules / f"{name}.py").write_text((_HERE / "lean_dojo_stand_in.py").read_text())
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(modules))} exec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return python
