"""Tracing with the real lean-dojo on a prepared cache: what Lean would have written there is emulated."""

import importlib.util
import os
import sys
from pathlib import Path

import psutil
import pytest

from tests.training.corpus.sources.dojo_cache import make_cache
from training.corpus.record import TheoremRecord
from training.corpus.sources.dojo import TracingError, trace_repository
from training.corpus.sources.traced import TracingRun


@pytest.fixture(scope="session")
def dojo_python() -> Path:
    """A Python that has lean-dojo."""
    named = os.environ.get("LEANSIEVE_DOJO_PYTHON")
    if named is None and importlib.util.find_spec("lean_dojo") is None:
        pytest.skip("lean-dojo is not installed: `make test-dojo` runs this in an environment that has it")
    return Path(named or sys.executable)


async def test_traced_repository_becomes_a_corpus_and_is_not_asked_twice_with_emulated_cache(
    dojo_python: Path, tmp_path: Path
) -> None:
    repository, commit, cache = make_cache(tmp_path)
    environment = {**os.environ, "CACHE_DIR": str(cache), "GITHUB_ACCESS_TOKEN": "secret", "HOME": str(tmp_path)}
    said: list[str] = []
    before = set(psutil.Process().children(recursive=True))  # other tests of the session have workers

    async def trace() -> list[TheoremRecord]:
        with TracingRun(tmp_path / "journal") as tracing:
            return await trace_repository(f"{repository}@{commit}", tracing, dojo_python, environment, said.append)

    (record,) = await trace()
    assert record.name == "two"
    assert record.statement == "theorem two (n : Nat) : n + 0 = n"
    assert record.header == "import Init"
    assert record.context == "namespace A"
    assert (record.position, record.family) == ("Sample.lean:6", "Sample.lean")
    assert record.premises == ("Nat.add_zero",)
    (step,) = record.steps
    assert (step.tactic, step.before, step.after) == ("rw [Nat.add_zero]", ("n : Nat\n⊢ n + 0 = n",), ())
    assert said[-1] == "1/1 files, 0 theorems skipped; Sample.lean"
    (cache / f"gitpython-sample-{commit}/sample/.lake/build/ir/Sample.ast.json").write_text("not read again")
    assert await trace() == [record]
    assert set(psutil.Process().children(recursive=True)) <= before


async def test_repository_that_is_not_there_is_one_sentence(dojo_python: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    with TracingRun(tmp_path / "journal") as tracing, pytest.raises(TracingError, match="is not a valid URL"):
        await trace_repository(f"{tmp_path / 'none'}@{'0' * 40}", tracing, dojo_python, environment)


async def test_python_without_lean_dojo_is_one_sentence(tmp_path: Path) -> None:
    if importlib.util.find_spec("lean_dojo") is not None:
        pytest.skip("this Python has lean-dojo")
    with TracingRun(tmp_path / "journal") as tracing, pytest.raises(TracingError, match="lean-dojo is not installed"):
        await trace_repository("there@v1", tracing, Path(sys.executable))


@pytest.mark.parametrize("name", ["there", "@v1", "there@", "there@--upload-pack=x y"])
async def test_repository_without_a_commit_is_refused(tmp_path: Path, name: str) -> None:
    with TracingRun(tmp_path / "journal") as tracing, pytest.raises(ValueError, match="expected REPO@COMMIT"):
        await trace_repository(name, tracing, Path("/nowhere"))
