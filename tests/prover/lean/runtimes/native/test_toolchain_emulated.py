"""Native workers under emulated `lake` and `lean`: no native Lean is here, programs of these names stand in for it."""

import asyncio
import os
import shutil
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.lean.processes.process import WorkerProcess, WorkerStartError
from prover.lean.runtimes.native import NativeToolchain, ResourceLimits, Sandbox
from prover.lean.runtimes.native.sandbox import find_bubblewrap, trouble
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.lean.wire.role import ProcessRole
from prover.lean.workers.client import PoolClient
from prover.lean.workers.pool import PoolConfig, PoolUnavailableError, WorkerPool
from prover.theorem import Header, Theorem
from prover.verdict import Verdict, VerdictKind
from tests.prover.lean.runtimes.native.stand_in import Emulated, emulate

UNLIMITED = ResourceLimits(None, None, None)


@pytest.fixture
def lean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Emulated:
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path / "cache"))
    return emulate(tmp_path)


def toolchain(lean: Emulated, sandbox: Sandbox = Sandbox.NEVER, limits: ResourceLimits = UNLIMITED) -> NativeToolchain:
    return NativeToolchain(lean.project, lean.environment, limits, sandbox)


async def ending(native: NativeToolchain) -> str:
    """How a worker that does not come up says so."""
    worker = await WorkerProcess.spawn(native.launch(["Init"]))
    with pytest.raises(WorkerStartError) as caught:
        await worker.hello(("Init",), {}, 30.0)
    assert not psutil.pid_exists(worker.pid)
    return str(caught.value)


# What is looked for before anything runs


def test_missing_lake_is_one_sentence(lean: Emulated) -> None:
    with pytest.raises(RuntimeUnavailableError, match=r"needs `lake`, which is neither on PATH nor in ~/\.elan/bin"):
        NativeToolchain(lean.project, {"PATH": "/nowhere", "HOME": "/nowhere"}).prepare()


def test_folder_that_is_no_project_is_named_with_emulated_lake(lean: Emulated, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RuntimeUnavailableError, match=r"empty is in no Lake project"):
        NativeToolchain(tmp_path / "empty", lean.environment).prepare()
    assert lean.calls("lake") == []


def test_unwritable_cache_is_named_with_emulated_lake(
    lean: Emulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path / "file"))
    with pytest.raises(RuntimeUnavailableError, match=r"cannot be written to .*; set LEANSIEVE_CACHE"):
        toolchain(lean).prepare()


def test_program_that_somebody_changed_in_the_cache_is_written_anew_with_emulated_lake(
    lean: Emulated, tmp_path: Path
) -> None:
    toolchain(lean).prepare()
    (program,) = (tmp_path / "cache" / "native").iterdir()
    text = program.read_text()
    program.write_text("public def main : IO Unit := pure ()")
    toolchain(lean).prepare()
    assert program.read_text() == text


def test_emulated_elan_is_found_without_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path / "cache"))
    lean = emulate(tmp_path, elan=True)
    native = toolchain(lean)
    native.prepare()
    launch = native.launch(["Init"])
    assert str(lean.folder / "lake") in launch.argv
    assert launch.env["PATH"].split(os.pathsep)[0] == str(lean.folder)


@pytest.mark.parametrize(
    ("named", "full"),
    [
        ("leanprover/lean4:v4.28.0", "leanprover/lean4:v4.28.0"),
        ("v4.28.0", "leanprover/lean4:v4.28.0"),
        ("leanprover/lean4:nightly-2026-01-20", "leanprover/lean4-nightly:nightly-2026-01-20"),
    ],
)
def test_toolchain_that_emulated_elan_lacks_is_not_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, full: str
) -> None:
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path / "cache"))
    lean = emulate(tmp_path, elan=True)
    (lean.project / "lean-toolchain").write_text(f"{named}\n")
    with pytest.raises(RuntimeUnavailableError, match=f"run `elan toolchain install {full}`"):
        toolchain(lean).prepare()
    assert lean.calls("lake") == [], "elan would have begun to download"
    folder = full.replace("/", "--").replace(":", "---")
    (tmp_path / "home/.elan/toolchains" / folder).mkdir(parents=True)
    toolchain(lean).prepare()


# What Lake and Lean are asked, and what they answer


def test_emulated_lake_runs_in_the_project_with_a_bare_environment(lean: Emulated) -> None:
    below = lean.project / "Deep"
    below.mkdir()
    environment = {**lean.environment, "SECRET": "x", "GITHUB_ACCESS_TOKEN": "x", "LEAN_PATH": "/elsewhere"}
    native = NativeToolchain(below, environment, sandbox=Sandbox.NEVER)
    native.prepare()
    native.prepare()
    (call,) = lean.calls("lake")
    assert call["folder"] == str(lean.project)
    assert call["arguments"][:2] == ["env", "/bin/sh"]
    assert not {"SECRET", "GITHUB_ACCESS_TOKEN", "LEAN_PATH"} & set(call["environment"])


def test_changed_project_is_asked_again_with_emulated_lake(lean: Emulated) -> None:
    native = toolchain(lean)
    native.prepare()
    (lean.project / "lean-toolchain").write_text("stable\n")
    native.prepare()
    assert len(lean.calls("lake")) == 2


@pytest.mark.parametrize(
    ("version", "said"), [("4.9.0", "Lean 4.9 is too old"), ("4.99.0", "Lean 4.99 is newer than what leansieve takes")]
)
def test_emulated_lean_of_a_wrong_version_is_refused(lean: Emulated, version: str, said: str) -> None:
    lean.configure(version=f"Lean (version {version}, x86_64-unknown-linux-gnu, commit 0, Release)")
    with pytest.raises(RuntimeUnavailableError, match=said):
        toolchain(lean).prepare()
    NativeToolchain(lean.project, lean.environment, sandbox=Sandbox.NEVER, any_version=True).prepare()


def test_emulated_toolchain_that_does_not_run_is_shown(lean: Emulated) -> None:
    lean.configure(lake_says="error: toolchain 'v4.28.0'\nis not installed", lake_status=1)
    with pytest.raises(
        RuntimeUnavailableError,
        match=r"`lake env lean` exits with status 1: error: toolchain 'v4.28.0' is not installed$",
    ):
        toolchain(lean).prepare()


def test_emulated_lake_that_hangs_is_killed(lean: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(psutil.Process().children(recursive=True))
    lean.configure(lake_sleeps=600)
    monkeypatch.setattr("prover.lean.runtimes.native.lake._PROBE_SECONDS", 1.0)
    with pytest.raises(RuntimeUnavailableError, match=r"`lake env /bin/sh` in .* took more than 1 s"):
        toolchain(lean).prepare()
    assert set(psutil.Process().children(recursive=True)) <= before


def test_modules_that_were_not_built_are_named_with_emulated_lake(lean: Emulated) -> None:
    (lean.project / "Foo.lean").touch()
    native = toolchain(lean)
    native.prepare()
    assert native.has_module("Std")
    assert not native.has_module("Foo")
    with pytest.raises(
        RuntimeUnavailableError, match=f"the module `Foo` is not built: run `lake build Foo` in {lean.project}"
    ):
        native.launch(["Init", "Foo"])
    lean.build("Foo")
    native.launch(["Init", "Foo"])


def test_packages_of_the_project_are_found_with_emulated_lake(lean: Emulated) -> None:
    package = lean.project / ".lake" / "packages" / "mathlib"
    lean.build("Mathlib.Data.Nat", package)
    native = toolchain(lean)
    native.prepare()
    assert native.has_module("Mathlib.Data.Nat")


async def test_pool_says_what_to_build_before_any_emulated_worker_starts(lean: Emulated) -> None:
    (lean.project / "Foo.lean").touch()
    async with WorkerPool(toolchain(lean), PoolConfig(workers=1, spares=0, imports=("Foo",))) as pool:
        with pytest.raises(PoolUnavailableError, match="the module `Foo` is not built: run `lake build Foo`"):
            await pool.ready()
    assert lean.calls("lean") == []


async def test_request_for_a_module_that_is_not_built_is_answered_without_emulated_lean(lean: Emulated) -> None:
    native = toolchain(lean)
    native.prepare()
    pool = WorkerPool(native, PoolConfig(workers=1, spares=0, allowed_imports=None))
    verdict = await pool.check(Theorem("theorem t : True", Header(("Init", "Foo"))), Candidate("trivial"))
    assert verdict.kind is VerdictKind.INVALID_STATEMENT
    assert "`Foo`" in verdict.messages[0].text
    assert "lake build Foo" in verdict.messages[0].text
    assert str(lean.project) not in verdict.messages[0].text, "a client learns no path"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (0, None),
        (3, "sources have changed since they were built: run `lake build` in {project}"),
        (1, "`lake build --no-build` exits with status 1: run `lake build` in {project}"),
    ],
)
def test_state_of_the_build_is_asked_of_emulated_lake(lean: Emulated, status: int, said: str | None) -> None:
    lean.configure(build_status=status)
    native = toolchain(lean)
    native.prepare()
    assert native.describe().endswith(f"for {lean.project}, without a sandbox")
    assert native.build_trouble(("Init",), 60) == (said and said.format(project=lean.project))
    assert lean.calls("lake")[-1]["arguments"] == ["build", "--no-build"]
    assert "there is no module `No`" in (native.build_trouble(("No",), 60) or "")


# Options of a `lakefile.lean`, which only Lake can read


def test_options_of_a_lakefile_in_lean_are_translated_by_emulated_lake(lean: Emulated) -> None:
    assert toolchain(lean).options() == {}
    assert lean.calls("lake") == [], "a lakefile.toml needs no Lake"
    (lean.project / "lakefile.lean").write_text("import Lake\nopen Lake DSL\npackage p where\n")
    lean.configure(translated='name = "p"\nmoreLeanArgs = ["-DmaxRecDepth=700"]\n[leanOptions]\nautoImplicit = false\n')
    assert toolchain(lean).options() == {"autoImplicit": "false", "maxRecDepth": "700"}
    (call,) = lean.calls("lake")
    assert call["arguments"][:2] == ["translate-config", "toml"]
    assert call["folder"] == str(lean.project)
    assert not Path(call["arguments"][2]).parent.exists(), "nothing is left of it"
    assert not (lean.project / "lakefile.toml.bak").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"lake_says": "error: lakefile.lean:3:0", "lake_status": 1},
            r"exits with status 1: error: lakefile.lean:3:0$",
        ),
        ({"translated": "name ="}, "writes what cannot be read: Invalid value"),
    ],
)
def test_lakefile_that_emulated_lake_cannot_read_is_one_sentence(
    lean: Emulated, settings: dict[str, Any], said: str
) -> None:
    (lean.project / "lakefile.lean").touch()
    lean.configure(**settings)
    with pytest.raises(
        RuntimeUnavailableError, match=rf"lakefile.lean are not known: `lake translate-config toml` {said}"
    ):
        toolchain(lean).options()


def test_options_are_not_asked_of_a_toolchain_that_emulated_elan_lacks(tmp_path: Path) -> None:
    lean = emulate(tmp_path, elan=True)
    (lean.project / "lean-toolchain").write_text("leanprover/lean4:v4.28.0\n")
    (lean.project / "lakefile.lean").touch()
    with pytest.raises(RuntimeUnavailableError, match=r"run `elan toolchain install leanprover/lean4:v4.28.0`"):
        toolchain(lean).options()
    assert lean.calls("lake") == [], "elan would have begun to download"


# How workers are started


async def test_worker_program_is_run_by_emulated_lean_in_the_project(lean: Emulated, tmp_path: Path) -> None:
    lean.configure(shell="echo last words >&2; exit 3")
    native = toolchain(lean)
    native.prepare()
    said = await ending(native)
    assert "exited with status 3" in said
    assert "last words" in said
    (program,) = (tmp_path / "cache" / "native").iterdir()
    assert "public def main" in program.read_text()
    (call,) = lean.calls("lean")
    assert (call["arguments"], call["folder"]) == (["--run", str(program)], str(lean.project))
    assert lean.calls("lake")[-1]["arguments"] == ["env", "lean", "--run", str(program)]
    assert str(lean.project) in call["environment"]["LEAN_PATH"]


@pytest.mark.parametrize(
    ("shell", "said"),
    [
        ("exit 0", "exited with status 0"),
        ("kill -SEGV $$", "died of signal 11"),
        ("kill -KILL $$", "was killed by signal 9"),
        ("echo '@deadbeef {'; echo error: unknown option >&2; exit 1", "unknown option"),
    ],
)
async def test_emulated_lean_that_crashes_at_start_is_explained(lean: Emulated, shell: str, said: str) -> None:
    lean.configure(shell=shell)
    native = toolchain(lean)
    native.prepare()
    assert said in await ending(native)


async def test_emulated_lean_that_does_not_answer_is_killed_with_its_children(lean: Emulated, tmp_path: Path) -> None:
    lean.configure(shell=f"sleep 600 & echo $! > {tmp_path}/pid; wait")
    native = toolchain(lean)
    native.prepare()
    worker = await WorkerProcess.spawn(native.launch(["Init"]))
    deadline = time.monotonic() + 20
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    with pytest.raises(WorkerStartError, match=r"was not ready within 0\.5 s"):
        await worker.hello(("Init",), {}, 0.5)
    child = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 20  # the system takes its time to end what is killed
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_emulated_workers_run_under_their_limits(lean: Emulated, tmp_path: Path) -> None:
    lean.configure(shell=f"(ulimit -v; ulimit -t; ulimit -f; ulimit -c) > {tmp_path}/limits; exit 1")
    lean.build("Foo").write_bytes(bytes(1 << 20))
    native = toolchain(lean, limits=ResourceLimits(1 << 30, 600, 1 << 20))
    native.prepare()
    await ending(native)
    space, seconds, blocks, core = (tmp_path / "limits").read_text().split()
    assert int(space) == ((1 << 30) + (1 << 20) + (4 << 30)) // 1024
    assert (seconds, blocks, core) == ("600", str((1 << 20) // 512), "0")


# The sandbox


@pytest.mark.skipif(
    find_bubblewrap(os.environ) is None or trouble(find_bubblewrap(os.environ) or "") is not None,
    reason="bubblewrap is not installed, or does not work here",
)
async def test_sandbox_hides_network_and_home_and_keeps_the_project_read_only_with_emulated_lean(
    lean: Emulated, tmp_path: Path
) -> None:
    home = Path(lean.environment["HOME"])
    (home / "secret").write_text("x")
    program = lean.folder.parent / "toolchain" / "bin" / "lean"  # no Python is seen inside
    program.write_text(
        f"#!/bin/sh\ncat {home}/secret 2>/dev/null && echo SECRET; touch Foo 2>/dev/null && echo WRITTEN\n"
        "touch /tmp/free && echo own-tmp; cat lakefile.toml; grep -c : /proc/net/dev; exit 4\n"
    )
    native = toolchain(lean, Sandbox.ALWAYS)
    native.prepare()
    argv = list(native.launch(["Init"]).argv)
    assert Path(argv[argv.index("env") + 1]).name == "bwrap", "lake stays outside"
    said = await ending(native)
    assert "exited with status 4" in said, said
    assert "own-tmp" in said
    assert 'name = "project"' in said
    assert "SECRET" not in said
    assert "WRITTEN" not in said
    assert said.rstrip().endswith("1"), "the only network device is the loopback"


def test_sandbox_that_is_demanded_and_missing_is_one_sentence_with_emulated_lake(lean: Emulated) -> None:
    bare = lean.folder.parent / "bare"
    bare.mkdir()
    for program in ("sh", "env", "printf"):
        (bare / program).symlink_to(shutil.which(program) or "")
    path = f"{lean.folder}{os.pathsep}{bare}"
    native = NativeToolchain(lean.project, {**lean.environment, "PATH": path}, UNLIMITED, Sandbox.ALWAYS)
    with pytest.raises(RuntimeUnavailableError, match="no sandbox for native workers: bubblewrap is not installed"):
        native.prepare()
    NativeToolchain(lean.project, {**lean.environment, "PATH": path}, UNLIMITED, Sandbox.AUTO).prepare()


class Refusing(WorkerPool):
    """Workers that refuse what only quarantine may run."""

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        return Verdict(VerdictKind.FORBIDDEN, mode=candidate.mode, containable=True)


async def test_quarantine_without_a_sandbox_is_refused_with_what_to_do_unless_allowed_with_emulated_lake(
    lean: Emulated,
) -> None:
    native = toolchain(lean)
    native.prepare()
    native.launch(["Init"])
    async with PoolClient(Refusing(native)) as client:
        verdict = await client.check(
            Theorem("theorem t : True", context='macro "ℕ" : term => `(Nat)'), Candidate("trivial")
        )
    assert verdict.kind is VerdictKind.FORBIDDEN
    said = verdict.messages[-1].text
    assert said.startswith("there is no quarantine here: there is no sandbox for unvetted code")
    assert "apt install bubblewrap" in said
    assert 'quarantine = "unsandboxed"' in said

    allowing = NativeToolchain(lean.project, lean.environment, UNLIMITED, Sandbox.NEVER, unsealed=True)
    allowing.prepare()
    assert allowing.launch(["Init"], ProcessRole.ELABORATOR).argv == native.launch(["Init"]).argv
