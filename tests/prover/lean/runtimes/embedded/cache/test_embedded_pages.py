"""Processes that share the memory of their images."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from prover.lean.processes.tree import resident_bytes
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.embedded.cache.pages import pages_library
from prover.lean.runtimes.embedded.node import node_binary
from prover.lean.wire.role import ProcessRole
from tests.prover.lean.runtimes.embedded.talk import Talk, images, start

pytestmark = pytest.mark.lean


def kilobytes(pid: int, *kinds: str) -> int:
    """Memory of these kinds that a process has, as the kernel counts it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    counts = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return sum(counts[kind] for kind in kinds)


def test_processes_share_the_memory_of_their_image(lean: EmbeddedLean) -> None:
    start(lean, "Shared")
    launch = lean.launch(["Shared"])
    alone = {name: value for name, value in launch.env.items() if name != "LD_PRELOAD"}
    with Talk(launch) as one, Talk(launch) as other, Talk(replace(launch, env=alone)) as reader:
        for process in (one, other, reader):
            assert process.until_ready() == ["ready Shared"]
            assert process.ask("grow 10") == "0123456789abcdef" * (1 << 10)
        shared, own = (kilobytes(one.process.pid, kind) for kind in ("Shared_Clean", "Private_Dirty"))
        read = kilobytes(reader.process.pid, "Private_Dirty")
        assert own < read - (200 << 10), (
            "what only this process has; a reader has the image, the module and the symbols"
        )
        assert shared > 0
        mapped = Path(f"/proc/{one.process.pid}/maps").read_text()
        for file in ("lean.padded", "lean.symbols", "memory"):
            assert f"/{file}\n" in mapped


def test_what_a_process_does_stays_its_own_where_memory_is_shared(lean: EmbeddedLean) -> None:
    start(lean, "Apart")
    file = images(lean, "Apart")[1] / "memory"
    before = hashlib.sha256(file.read_bytes()).digest()
    with Talk(lean.launch(["Apart"])) as one, Talk(lean.launch(["Apart"])) as other:
        for process in (one, other):
            process.until_ready()
        assert one.ask("grow 10") == "0123456789abcdef" * (1 << 10)
        assert other.ask("echo untouched") == "untouched"
    assert hashlib.sha256(file.read_bytes()).digest() == before
    assert file.stat().st_mode & 0o222 == 0, "nobody writes to what may be memory of a process"


def test_the_memory_that_a_process_grows_by_is_seen_where_it_is_shared(lean: EmbeddedLean) -> None:
    start(lean, "Grown")
    with Talk(lean.launch(["Grown"])) as process:
        process.until_ready()
        before = resident_bytes(process.process.pid)
        assert len(process.ask("grow 22")) == 64 << 20
        assert resident_bytes(process.process.pid) - before >= 64 << 20


def test_an_image_that_is_replaced_under_a_process_does_not_disturb_it(lean: EmbeddedLean) -> None:
    start(lean, "Replaced")
    folder = images(lean, "Replaced")[1]
    with Talk(lean.launch(["Replaced"])) as process:
        process.until_ready()
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "memory").write_bytes(b"\xff" * 4096)
        assert process.ask("grow 10") == "0123456789abcdef" * (1 << 10)
        assert process.ask("task") == "in a task"
        assert process.hear() == "42"
    assert start(lean, "Replaced") == ["loading Replaced", "ready Replaced"], "and it is made again"


def test_an_image_cut_short_after_it_was_looked_at_is_not_mapped(lean: EmbeddedLean) -> None:
    start(lean, "Cut")
    launch = lean.launch(["Cut"])
    file = images(lean, "Cut")[1] / "memory"
    os.truncate(file, file.stat().st_size - 100)
    with Talk(launch) as process:
        assert process.until_ready() == ["loading Cut", "ready Cut"]
        process.process.stdin.close()  # type: ignore[union-attr]
        assert "is not used: the file ends early" in process.last_words()


def test_a_process_writes_nothing_into_its_image_but_code_of_its_kind(lean: EmbeddedLean) -> None:
    start(lean, "Written")
    folder = images(lean, "Written")[1]
    for role, written in (
        (ProcessRole.WORKER, ["worker"]),
        (ProcessRole.JUDGE, ["judge"]),
        (ProcessRole.ELABORATOR, []),
    ):
        argv = lean.launch(["Written"], role).argv
        allowed = [word.removeprefix("--allow-fs-write=") for word in argv if word.startswith("--allow-fs-write=")]
        assert allowed == [str(folder / name) for name in written]
        assert "--allow-addons" not in argv


def test_without_a_compiler_processes_read_their_image(
    lean: EmbeddedLean, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    caplog.set_level("INFO")
    assert "LD_PRELOAD" not in lean.launch(["Compiler"]).env
    assert "LD_PRELOAD" not in lean.launch(["Compiler"]).env
    assert caplog.text.count("install gcc") == 1
    start(lean, "Compiler")
    assert start(lean, "Compiler") == ["ready Compiler"]


def test_a_library_that_cannot_be_built_is_done_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho no headers here >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    caplog.set_level("INFO")
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path / "cache"))
    assert pages_library() is None
    assert "cannot be built: no headers here" in caplog.text


def test_a_library_whose_path_the_loader_would_take_apart_is_not_preloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path / "a cache"))
    assert pages_library() is None


def test_code_in_quarantine_cannot_map_files() -> None:
    host = Path(str(resources.files("prover.lean.runtimes.embedded").joinpath("host")))
    program = "const ask = () => process._linkedBinding('leansieve_pages'); ask(); require('./seal.js').seal(); ask()"
    done = subprocess.run(
        [node_binary(), "--permission", f"--allow-fs-read={host}", "-e", program],
        cwd=host,
        env={"LD_PRELOAD": str(pages_library())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "a binding is not for code in quarantine" in done.stderr
    assert done.returncode == 1
