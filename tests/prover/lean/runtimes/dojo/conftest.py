"""lean-dojo is in an environment of its own: `make test-dojo` names its interpreter in LEANSIEVE_DOJO_PYTHON."""

import importlib.util
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from prover.lean.runtimes.dojo import DojoConfig
from prover.lean.runtimes.native.sandbox import Sandbox, find_bubblewrap, trouble
from tests.prover.lean.runtimes.dojo.emulation import emulate, stand_in


def _with_lean_dojo() -> Path | None:
    named = os.environ.get("LEANSIEVE_DOJO_PYTHON")
    if named is None and importlib.util.find_spec("lean_dojo") is None:
        return None
    return Path(named or sys.executable)


@pytest.fixture(scope="session")
def real_dojo_python() -> Path:
    """A Python that has lean-dojo."""
    if (python := _with_lean_dojo()) is None:
        pytest.skip("lean-dojo is not installed: `make test-dojo` runs this in an environment that has it")
    return python


@pytest.fixture(scope="session")
def dojo_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has lean-dojo, or a stand-in for it: our side of LeanDojo is tested everywhere."""
    return _with_lean_dojo() or stand_in(tmp_path_factory.mktemp("lean-dojo"))


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
    return partial(emulate, tmp_path, dojo_python)
