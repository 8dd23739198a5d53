"""lean-dojo is in an environment of its own: `make test-dojo` names its interpreter in LEANSIEVE_DOJO_PYTHON."""

import importlib.util
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from prover.lean.dojo import DojoConfig
from prover.lean.native.sandbox import Sandbox, find_bubblewrap, trouble

_HERE = Path(__file__).parent
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="session")
def dojo_python() -> Path:
    """A Python that has lean-dojo."""
    named = os.environ.get("LEANSIEVE_DOJO_PYTHON")
    if named is None and importlib.util.find_spec("lean_dojo") is None:
        pytest.skip("lean-dojo is not installed: `make test-dojo` runs this in an environment that has it")
    return Path(named or sys.executable)


@pytest.fixture
def sandbox() -> Sandbox:
    """bubblewrap, which runs tactics that nobody has vetted."""
    bwrap = find_bubblewrap(os.environ)
    if bwrap is None or (reason := trouble(bwrap)) is not None:
        pytest.skip("bubblewrap is not installed" if bwrap is None else f"bubblewrap does not work here: {reason}")
    return Sandbox.ALWAYS


@pytest.fixture
def emulated(dojo_python: Path, tmp_path: Path) -> Callable[..., DojoConfig]:
    """Makes the configuration of a traced repository whose `lake` and Lean4Repl are emulated by a script."""

    def make(
        sandbox: Sandbox = Sandbox.NEVER, script: str = "repl_stand_in.py", python: Path = dojo_python, **more: object
    ) -> DojoConfig:
        traced = tmp_path / "cache" / f"gitpython-emulated-{COMMIT}" / "emulated"
        (traced / ".lake" / "build").mkdir(parents=True)
        (traced / ".lake" / "config").mkdir()
        (traced / "Lean4Repl.lean").touch()
        (traced / "lakefile.toml").write_text('name = "emulated"\n')
        programs = tmp_path / "bin"
        programs.mkdir()
        lake = programs / "lake"
        text = (_HERE / script).read_text()
        lake.write_text(f"#!{python}\n{text}")
        lake.chmod(lake.stat().st_mode | stat.S_IXUSR)
        environment = {
            "PATH": f"{programs}{os.pathsep}{os.defpath}",
            "HOME": str(tmp_path),
            "GITHUB_ACCESS_TOKEN": "secret",
            "VERBOSE": "1",
        }
        return DojoConfig(
            traced,
            dojo_python,
            sandbox=sandbox,
            readable=(programs,),
            environment=environment,
            start_seconds=120,
            **more,
        )

    return make
