"""A wheel built from the tree works with only its declared dependencies."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "requirements" / "core.txt"

pytestmark = [pytest.mark.lean, pytest.mark.timeout(900)]


def run(*command: str | Path, cwd: Path, **more_env: str) -> subprocess.CompletedProcess[str]:
    """Run a command with nothing of this environment but what pip and the cache of Lean need."""
    keep = {name: value for name, value in os.environ.items() if name in ("HOME", "LANG") or name.startswith("PIP_")}
    env = keep | {"PATH": "/usr/bin:/bin"} | more_env
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tree, so that neither this checkout's stubs nor its build folder are in the way."""
    tree = tmp_path_factory.mktemp("tree") / "leansieve"

    def left_out(folder: str, names: list[str]) -> set[str]:
        """Return the names to skip: hidden, built or large ones at the top, caches of Python elsewhere."""
        built = {"build", "buf", "dist", "leansieve", "benchmarks", "docs"} if Path(folder) == ROOT else {"__pycache__"}
        return {name for name in names if name in built or name.startswith(".") or name.endswith(".egg-info")}

    shutil.copytree(ROOT, tree, ignore=left_out)
    constraint = str(ROOT / "requirements" / "dev.txt")
    built = run(sys.executable, "-m", "build", "--wheel", cwd=tree, PIP_CONSTRAINT=constraint, PIP_COMPILE="0")
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = (tree / "dist").glob("*.whl")
    return path


def test_wheel_holds_stubs_lean_sources_and_data_but_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    packed = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert {"leansieve/v1/proof_search_pb2_grpc.py", "buf/validate/validate_pb2.py"} <= packed
    for pattern in (
        "prover/**/*.lean",
        "prover/**/*.toml",
        "training/tutoring/learners/*.toml",
        "prover/**/*.json",
        "prover/**/*.js",
        "*/**/*.html",
        "service/http/static/**/*.*",
        "*/**/*.py",
    ):
        sources = {
            str(path.relative_to(ROOT)) for path in ROOT.glob(pattern) if "." not in str(path.relative_to(ROOT).parent)
        }
        wanted = {name for name in sources if name.split("/")[0] in ("prover", "service", "training")}
        assert wanted
        assert wanted <= packed, pattern
    assert {name.split("/")[0] for name in packed} == {"buf", "leansieve", "prover", "service", "training"}
    assert {Path(name).name for name in names - packed} >= {"LICENSE", "NOTICE"}


def test_installed_wheel_proves_a_theorem_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    assert run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path).returncode == 0
    pip = (
        sys.executable,
        "-m",
        "pip",
        "--python",
        venv / "bin" / "python",
    )  # a pip of its own takes seconds to install
    installed = run(*pip, "install", "--quiet", "--no-compile", "-c", CORE, wheel, cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    statement = "theorem swap (a b : Nat) : a + b = b + a"
    proved = run(venv / "bin" / "leansieve", "prove", statement, "--workers", "1", cwd=tmp_path)
    assert proved.returncode == 0, proved.stderr
    assert statement in proved.stdout
    store = run(venv / "bin" / "leansieve", "store", "show", "--store", tmp_path / "new.sqlite", cwd=tmp_path)
    assert "there is no store" in store.stderr
    made = "from prover.store.database import Database; Database.open('new.sqlite').close()"  # runs the migrations
    assert run(venv / "bin" / "python", "-c", made, cwd=tmp_path).stderr == ""
    store = run(venv / "bin" / "leansieve", "store", "show", "--store", tmp_path / "new.sqlite", cwd=tmp_path)
    assert "proofs: 0 of 0 theorems" in store.stdout
    refuted = run(
        venv / "bin" / "leansieve", "prove", "theorem no : 1 = 2", "--seconds", "2", "--workers", "1", cwd=tmp_path
    )
    assert refuted.returncode == 1
    assert refuted.stdout == ""
