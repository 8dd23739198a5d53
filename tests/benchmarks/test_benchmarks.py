"""Each benchmark runs with minimal input; the resulting figures are meaningless."""

import contextlib
import importlib.util
import json
from pathlib import Path

import pytest

from tests.support.commands import leansieve

ROOT = Path(__file__).parents[2]
TEXTBOOK = "benchmarks/textbook.jsonl"
OF_LEAN = {
    "service.batch": [
        "--library",
        "Std.Data.ByteSlice",
        "--shard=1/6",
        "--samples=2",
        "--seconds=5",
        "--kills=0",
        "--out=OUT",
    ],
    "service.clients": ["--times=1", "--examples=1", "--checks=2", "--fuzz=0", "--json=OUT"],
    "lean.leaks": ["--cycles=1", "--killed=1", "--json=OUT"],
    "service.connections": ["--connections=20", "--seconds=2", "--json=OUT"],
    "lean.crosscheck": ["--proofs=2", "--json=OUT"],
    "lean.lean_pool": ["--fresh=1", "--warm=3", "--warm-up=5", "--json=OUT"],
    "service.load": ["--streams=3", "--seconds=2", "--workers=1", "--json=OUT"],
    "service.overhead checks": ["--items=4", "--rounds=1", "--workers=1", "--json=OUT"],
    "service.overhead searches": ["--searches=2", "--workers=1", "--json=OUT"],
    "search.portfolio": ["--data", TEXTBOOK, "--theorems=1", "--seconds=1", "--log=OUT"],
    "search.search": ["--data", TEXTBOOK, "--theorems=1", "--checks=4", "--seconds=2", "--log=OUT.log", "--out=OUT"],
    "search.computing": ["--equations=1", "--out=OUT"],
    "search.hints": ["--theorems=1", "--rounds=1", "--seconds=5", "--out=OUT"],
    "search.suggestions": ["--suggestions=3", "--log=OUT"],
    "lean.disagreement": ["--only=axiom_after_proof", "--json=OUT"],
    "lean.memory": ["--first=1", "--checks=1", "--turns=1", "--most=2", "--json=OUT"],
    "service.agents": ["--calls=2", "--sessions=2", "--rounds=1", "--files=2", "--json=OUT"],
    "search.premises": ["--modules", "Init.Data.Nat.Basic", "--queries=2", "--theorems=4", "--json=OUT"],
    "lean.paths": ["--proofs=1", "--rounds=1", "--json=OUT"],
    "search.textbook": ["--only=textbook_00", "--seconds=5", "--log=OUT"],
    "versus": [".", ".", "--turns=1", "--scale=0.002", "--only=first", "--json=OUT"],
    "lean.trust_cost": ["--proofs=2", "--examples=1", "--exploits=1", "--json=OUT"],
}
OF_VLLM = {
    "search.precision": ["--steps=2", "--rate=1e-4", "--json=OUT"],
    "training.sampling": ["--theorems=1", "--samples=2", "--tokens=4", "--rounds=1", "--aborts=1", "--json=OUT"],
    "training.trainer": ["--trl=none", "--side=leansieve", "--steps=2", "--prompts=1", "--rollouts=2", "--json=OUT"],
}
OF_RAY = {
    "lean.cluster": ["--hosts=1", "--checks=6", "--json=OUT"],
}
SIMULATED = {
    "lean.many_hosts": ["--hosts=20", "--checks=300", "--json=OUT"],
}
OF_FILES = {
    "house": ["--json=OUT"],
}
NOT_ALONE = {
    "check_path": "house runs it",
    "lean.dojo": "steps through proofs in the environment of LeanDojo",
    "training.base_size": "reads the proofs that docs/training.md tells to make first",
    "training.premise_prompts": "trains for minutes; tests/training/corpus/sources/test_premises_lean.py makes what it reads",
    "service.first_run": "trains for minutes; tests/training/test_training_page_vllm.py runs its commands",
    "service.outages": "stops a PostgreSQL once a minute, with servers of its own",
    "search.premise_sets": "reads what the portfolio left of a corpus; tests/prover/premises proves with what is suggested",
    "search.search_report": "search writes with it",
    "training.trl_side": "in the environment of TRL, for trainer",
}


def run(name: str, options: list[str], folder: Path) -> None:
    module, *words = name.split()
    out = folder / "out"
    given = (one.replace("OUT", str(out)) for one in options)
    program = ("-m", f"benchmarks.{module}")
    with contextlib.chdir(ROOT):
        done = leansieve(*words, *given, program=program, seconds=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert out.read_text(encoding="utf-8").strip()


@pytest.mark.lean
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", OF_LEAN)
def test_benchmark_runs(name: str, tmp_path: Path) -> None:
    run(name, OF_LEAN[name], tmp_path)


@pytest.mark.vllm
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
@pytest.mark.parametrize("name", OF_VLLM)
def test_benchmark_of_models_runs(name: str, tmp_path: Path) -> None:
    run(name, OF_VLLM[name], tmp_path)


@pytest.mark.lean
@pytest.mark.timeout(300)
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.parametrize("name", OF_RAY)
def test_benchmark_of_hosts_runs(name: str, tmp_path: Path) -> None:
    run(name, OF_RAY[name], tmp_path)


@pytest.mark.parametrize("name", SIMULATED)
def test_simulation_runs(name: str, tmp_path: Path) -> None:
    run(name, SIMULATED[name], tmp_path)


def test_a_check_passes_few_files(tmp_path: Path) -> None:
    run("house", OF_FILES["house"], tmp_path)
    (figures,) = json.loads((tmp_path / "out").read_text(encoding="utf-8")).values()
    assert 10 < int(figures["files that a `CheckProof` passes"]) <= 18


def test_every_benchmark_is_run() -> None:
    folder = ROOT / "benchmarks"
    files = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py") if path.name != "__init__.py")
    there = {".".join(path.parts) for path in files}
    assert (
        there == {name.split()[0] for name in (*OF_LEAN, *OF_VLLM, *OF_RAY, *SIMULATED, *OF_FILES)} | NOT_ALONE.keys()
    )
