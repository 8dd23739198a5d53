"""How a native worker is launched. No native Lean is here: a shell script stands in for `lake`."""

import os
import stat
from pathlib import Path

import pytest

from prover.lean.native import NativeToolchain
from prover.lean.process import WorkerProcess, WorkerStartError
from prover.lean.runtime import RuntimeUnavailableError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "lakefile.toml").write_text('name = "project"\n')
    return folder


def fake_lake(folder: Path, script: str) -> Path:
    lake = folder / "lake"
    lake.parent.mkdir(parents=True, exist_ok=True)
    lake.write_text("#!/bin/sh\n" + script)
    lake.chmod(lake.stat().st_mode | stat.S_IXUSR)
    return lake


def test_missing_lake_is_one_sentence(project: Path) -> None:
    with pytest.raises(RuntimeUnavailableError, match="needs `lake`, which is neither on PATH nor in"):
        NativeToolchain(project, {"PATH": str(project), "HOME": str(project)}).prepare()


def test_folder_that_is_no_project_is_named(project: Path, tmp_path: Path) -> None:
    fake_lake(tmp_path / "bin", "")
    with pytest.raises(RuntimeUnavailableError, match=r"empty is no Lake project: it has neither lakefile.toml nor"):
        NativeToolchain(tmp_path / "empty", {"PATH": str(tmp_path / "bin")}).prepare()


def test_unwritable_cache_is_named(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_lake(tmp_path / "bin", "")
    (tmp_path / "file").touch()
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path / "file"))
    with pytest.raises(RuntimeUnavailableError, match=r"cannot be written to .*; set LEANSIEVE_CACHE"):
        NativeToolchain(project, {"PATH": str(tmp_path / "bin")}).prepare()


def test_lake_of_elan_is_found_without_path(project: Path, tmp_path: Path) -> None:
    lake = fake_lake(tmp_path / ".elan" / "bin", "")
    native = NativeToolchain(project, {"PATH": "/nowhere", "HOME": str(tmp_path)})
    native.prepare()
    assert native.launch(["Init"]).argv[0] == str(lake)


async def test_worker_program_runs_in_the_project_with_a_bare_environment_and_a_scripted_lake(
    project: Path, tmp_path: Path
) -> None:
    fake_lake(tmp_path / "bin", 'echo "$@" in $(pwd); env | cut -d= -f1 | sort | tr "\\n" " "; exit 1\n')
    native = NativeToolchain(project, {"PATH": f"{tmp_path}/bin:{os.defpath}", "HOME": "/h", "SECRET": "x"})
    native.prepare()
    native.prepare()
    (program,) = (tmp_path / "cache" / "native").iterdir()
    assert "public def main" in program.read_text()
    worker = await WorkerProcess.spawn(native.launch(["Init"]))
    with pytest.raises(WorkerStartError, match=f"env lean --run {program} in {project}\n.*HOME") as caught:
        await worker.hello(("Init",), {}, 30.0)
    assert "SECRET" not in str(caught.value)
