"""Whole runs on a real Lean and a real vLLM, each in a process of its own, with a model that is trained in seconds."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from prover.lean.cluster.ray.local import local_cluster
from training.config import TrainingConfig
from training.corpus.jsonl import write_jsonl
from training.corpus.proofs import ProvedTheorem
from training.corpus.synthetic.generator import generate
from training.evaluation.samples import ModelSamples
from training.model.sft import fine_tune
from training.trainer.checkpoint import list_checkpoints, load_checkpoint

pytestmark = [
    pytest.mark.lean,
    pytest.mark.vllm,
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]

CONFIG = """
[run]
folder = "{folder}"
device = "cpu"
threads = 1
checkpoint_every = 1
sharded = {sharded}
[model]
path = "{base}"
{lora}
[optimizer]
learning_rate = 1e-3
[rollouts]
prompts = ["{prompts}"]
steps = 5
prompts_per_step = 4
rollouts_per_prompt = 4
max_response_tokens = 40
updates_per_batch = {updates}
[algorithm]
{algorithm}
[verification]
seconds = 120
heartbeats = 20000
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with theorems that `omega` proves, and a base that says `omega` more often than not."""
    folder = tmp_path_factory.mktemp("world")
    records = generate(16, families=["inequalities"])
    write_jsonl(folder / "theorems.jsonl", records)
    proofs = ("by\n  omega", "by\n  intros\n  omega", "by\n  simp", "by\n  decide")
    write_jsonl(folder / "proofs.jsonl", [ProvedTheorem(theorem=record, proofs=proofs) for record in records])
    shape = {"layers": 2, "width": 64, "heads": 2, "key_value_heads": 1, "hidden": 96, "context": 256}
    fine_tune(
        TrainingConfig.model_validate(
            {
                "run": {"folder": folder / "sft", "device": "cpu", "threads": 1, "log_every": 40},
                "model": {"shape": shape, "vocabulary": 300},
                "optimizer": {"learning_rate": 3e-3},
                "sft": {"proofs": [folder / "proofs.jsonl"], "steps": 120, "row_length": 256, "rows": 4},
            }
        )
    )
    return folder


def written(
    world: Path,
    name: str,
    algorithm: str = 'name = "alpha_dpg"',
    lora: str = "",
    updates: int = 1,
    sharded: bool = False,
) -> Path:
    text = CONFIG.format(
        folder=world / name,
        base=world / "sft" / "model",
        prompts=world / "theorems.jsonl",
        algorithm=algorithm,
        lora=lora,
        updates=updates,
        sharded=str(sharded).lower(),
    )
    (world / f"{name}.toml").write_text(text)
    return world / f"{name}.toml"


def start(*arguments: str | Path, launcher: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", *launcher, *(("-m",) if launcher else ()), "service", *map(str, arguments)]
    command += ["--workers", "1"]
    return subprocess.Popen(command, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)


def finished(process: "subprocess.Popen[str]") -> str:
    _, said = process.communicate()
    assert process.returncode == 0, said
    return said


def metrics(world: Path, name: str) -> list[dict[str, Any]]:
    path = world / name / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def stopped_after(process: "subprocess.Popen[str]", world: Path, name: str, steps: int, number: int) -> str:
    while process.poll() is None and len(metrics(world, name)) < steps:
        time.sleep(0.02)
    os.kill(process.pid, number)
    return process.communicate()[1]


def comparable(line: dict[str, Any]) -> dict[str, Any]:
    """What does not hang on the clock, or on which verdicts were known from before."""
    return {key: value for key, value in line.items() if key not in ("time", "checks_so_far") and "seconds" not in key}


@pytest.fixture(scope="module")
def whole(world: Path) -> list[dict[str, Any]]:
    """The metrics of a run that nothing disturbs."""
    finished(start("train", written(world, "whole")))
    return metrics(world, "whole")


def test_a_run_that_was_killed_and_interrupted_ends_with_the_very_same_weights(
    world: Path, whole: list[dict[str, Any]]
) -> None:
    config = written(world, "broken")
    stopped_after(start("train", config), world, "broken", 2, signal.SIGKILL)
    process = start("train", config)
    said = stopped_after(process, world, "broken", 4, signal.SIGINT)
    assert process.returncode == 130
    assert "interrupted; the same command resumes from the last checkpoint" in said
    assert "Traceback" not in said
    assert list_checkpoints(world / "broken" / "checkpoints")
    assert "going on from step" in finished(start("train", config))

    weights = [(world / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "broken")]
    base = (world / "sft" / "model" / "model.safetensors").read_bytes()
    assert weights[0] == weights[1] != base
    lines = [[comparable(line) for line in log] for log in (whole, metrics(world, "broken"))]
    assert lines[0] == lines[1]
    assert [line["step"] for line in lines[0]] == [1, 2, 3, 4, 5]
    assert sum(line["verified"] for line in lines[0]) > 0
    assert all(line["sampler_mismatch"] < 1e-4 for line in lines[0])


def test_hosts_that_sample_give_a_killed_and_resumed_run_the_very_weights_of_one_machine(
    world: Path, whole: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    with local_cluster(hosts=2) as cluster:
        monkeypatch.setenv("LEANSIEVE_LEAN__CLUSTER", cluster.address)
        command = ("train", written(world, "far"), "--set", "rollouts.sampler_hosts=1")
        stopped_after(start(*command), world, "far", 2, signal.SIGKILL)
        assert "going on from step" in finished(start(*command))
    weights = [(world / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "far")]
    assert weights[0] == weights[1]
    lines = [[comparable(line) for line in log] for log in (whole, metrics(world, "far"))]
    assert lines[0] == lines[1]


@pytest.mark.parametrize("sharded", [False, True], ids=["whole", "sharded"])
def test_two_processes_train_as_one_does(world: Path, whole: list[dict[str, Any]], sharded: bool) -> None:
    launcher = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    name = f"two-{sharded}"
    finished(start("train", written(world, name, sharded=sharded), launcher=launcher))
    lines = metrics(world, name)
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5]
    # Engines in processes of their own batch by the clock: later steps may differ by a token.
    for name in (
        "reward",
        "rollouts",
        "distinct_rollouts",
        "verified",
        "loss",
        "gradient_norm",
        "effective_sample_size",
    ):
        assert lines[0][name] == pytest.approx(whole[0][name], rel=1e-3)
    assert all(line["sampler_mismatch"] < 1e-4 for line in lines)


def test_adapters_are_trained_served_and_evaluated(world: Path) -> None:
    finished(start("train", written(world, "lora", lora="lora = { rank = 4 }", algorithm='name = "rloo"')))
    lines = metrics(world, "lora")
    assert all(line["sampler_mismatch"] < 1e-4 for line in lines)
    assert lines[-1]["kl_to_base"] != 0
    out = world / "lora.json.gz"
    evaluated = ("--samples", "4", "--max-tokens", "40", "--heartbeats", "20000")
    finished(start("evaluate", "run", world / "lora" / "model", world / "theorems.jsonl", "--out", out, *evaluated))
    samples = ModelSamples.load(out)
    assert [theorem.samples for theorem in samples.theorems] == [4] * 16
    assert any(theorem.verified for theorem in samples.theorems)


def test_groups_without_signal_are_sampled_anew_from_the_same_budget(world: Path) -> None:
    finished(start("train", written(world, "dapo", algorithm='name = "erc_dapo"', updates=2)))
    lines = metrics(world, "dapo")
    assert lines[-1]["spent"] == 5 * 4 * 4
    assert len(lines) <= 5
    for line in lines[:-1]:
        assert line["all_wrong_fraction"] == line["all_right_fraction"] == 0
        assert line["rollouts"] >= 16


def test_the_greedy_answer_and_the_frozen_base_are_sampled_for_those_who_need_them(world: Path) -> None:
    finished(start("train", written(world, "remax", algorithm='name = "remax"')))
    assert all("greedy_reward" in line for line in metrics(world, "remax"))
    finished(start("train", written(world, "rs_ft", algorithm='name = "rs_ft"')))
    lines = metrics(world, "rs_ft")
    assert all(line["kl_to_base"] == 0 for line in lines)  # the base sampled, to the end
    state = load_checkpoint(world / "rs_ft" / "checkpoints")
    assert state is not None
    assert state["step"] == 5


def test_a_batch_is_sampled_and_checked_while_the_last_one_is_learned_from(world: Path) -> None:
    config = written(world, "ahead")
    staleness = (
        "--set",
        "rollouts.max_staleness=1",
        "--set",
        f"dev.corpora=['{world}/theorems.jsonl']",
        "--set",
        "dev.every=4",
    )
    stopped_after(start("train", config, *staleness), world, "ahead", 2, signal.SIGTERM)
    assert "going on from step" in finished(start("train", config, *staleness))
    lines = metrics(world, "ahead")
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5]
    assert {line["staleness"] for line in lines} == {0.0, 1.0}
    stale = [line for line in lines if line["staleness"]]
    assert all(0 < line["importance"] <= 2 for line in stale)
    assert all(line["sampler_mismatch"] < 1e-4 for line in lines if not line["staleness"])
    assert [line["step"] for line in lines if "dev_reward" in line] == [4, 5]


def test_a_learning_rate_that_ruins_the_model_ends_the_run(world: Path) -> None:
    process = start(
        "train", written(world, "ruined"), "--set", "optimizer.learning_rate=2.0", "--set", "rollouts.steps=50"
    )
    _, said = process.communicate()
    assert process.returncode == 3, said
    assert "leansieve: training diverged: " in said or "leansieve: the model has collapsed: " in said
    assert len(metrics(world, "ruined")) < 10
    assert not (world / "ruined" / "model").exists()
