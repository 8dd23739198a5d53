"""The engine behind the service, as far as it needs no Lean."""

from pathlib import Path

import pytest

from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.requests import UnavailableError
from service.core.engine import Engine
from service.ops.config import LeanSettings, Settings


async def test_closing_ends_the_preparation_of_lean_that_runs_in_a_thread() -> None:
    told: list[str] = []
    engine = Engine(Settings(), report=lambda doing, _done, _total: told.append(doing))
    engine._preparing("downloading Lean", 1, 2)
    await engine.close()
    with pytest.raises(RuntimeUnavailableError, match="interrupted"):
        engine._preparing("downloading Lean", 2, 2)
    assert told == ["downloading Lean"]


def test_the_settings_choose_the_lean(tmp_path: Path) -> None:
    assert Engine(Settings()).pool.runtime == "embedded"
    (tmp_path / "lakefile.toml").write_text('name = "example"\n')
    (tmp_path / "lean-toolchain").write_text("leanprover/lean4:v4.26.0\n")
    assert Engine(Settings(lean=LeanSettings(project=tmp_path))).pool.runtime == "native"
    assert Engine(Settings(lean=LeanSettings(project=tmp_path, runtime="embedded"))).pool.runtime == "embedded"
    with pytest.raises(UnavailableError, match=r"set lean\.project"):
        Engine(Settings(lean=LeanSettings(runtime="native")))
