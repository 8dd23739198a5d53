"""The commands of docs/training.md, "A first run", as they stand, one after the other, in a checkout's folder."""

import json
import signal
import subprocess
import time
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from typer.testing import CliRunner

from benchmarks.service.first_run import arguments, commands, prepare, run
from prover.sampling.weights import read_weights, verify_files
from service.cli.app import app
from tests.support.ports import free_port
from training.config import load_config
from training.critique.scrpo import load_scrpo
from training.growing.config import load_grow
from training.settings_page import settings_page

ROOT = Path(__file__).parents[2]


@pytest.mark.lean
@pytest.mark.vllm
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_command_of_the_page_does_what_it_says(tmp_path: Path) -> None:
    environment = prepare(tmp_path)
    *steps, serving = commands()
    for line in steps:
        took, stderr = run(line, tmp_path, environment)
        for noise in ("Traceback", "Warning", "WARNING", "it/s]"):
            assert noise not in stderr, f"{line}\n{stderr}"
        print(f"{took:6.1f} s  {line}")

    small = tmp_path / "runs" / "small"
    weights = read_weights(small / "weights")
    assert [(model.name, model.alpha) for model in weights.models] == [("base", None), ("alpha-0.5", 0.5)]
    for model in weights.models:
        verify_files(small / "weights", model)
    for report in (small / "report", small / "comparison" / "reports" / "dev"):
        summary = json.loads((report / "summary.json").read_text())
        assert summary["base"] == "base"
        assert all(0 < model["precision"] <= 1 for model in summary["models"])
    metrics = [json.loads(line) for line in (small / "alpha-0.5" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in metrics if "dev_reward" in line] == [3, 6]

    address = f"127.0.0.1:{free_port()}"
    assert "127.0.0.1:50061" in serving
    server = subprocess.Popen(
        arguments(serving.replace("127.0.0.1:50061", address), tmp_path),
        cwd=tmp_path,
        env=environment | {"LEANSIEVE_METRICS__LISTEN": "", "LEANSIEVE_STORE__URL": "none"},
        stderr=subprocess.DEVNULL,
    )
    try:
        with grpc.insecure_channel(address) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            answers = health.Watch(health_pb2.HealthCheckRequest(), timeout=300, wait_for_ready=True)
            assert any(answer.status == health_pb2.HealthCheckResponse.SERVING for answer in answers)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=120)


@pytest.mark.lean
@pytest.mark.vllm
@pytest.mark.timeout(900)
def test_the_commands_of_the_page_run_on_a_few_theorems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same commands with as little as they take, in one process: what they import is imported once."""
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    examples = tmp_path / "examples" / "training"
    for corpus, kept in (("train", 6), ("dev", 2)):
        lines = (examples / f"{corpus}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        (examples / f"{corpus}.jsonl").write_text("".join(lines[:kept]), encoding="utf-8")
    smaller = {
        "base.toml": {"steps = 80": "steps = 12", "dev_every = 20": "dev_every = 6"},
        "rl.toml": {"steps = 6": "steps = 2", "prompts_per_step = 8": "prompts_per_step = 2", "every = 3": "every = 2"},
    }
    for name, changes in smaller.items():
        text = (examples / name).read_text(encoding="utf-8")
        for was, becomes in changes.items():
            assert was in text, (name, was)
            text = text.replace(was, becomes)
        (examples / name).write_text(text, encoding="utf-8")
    *steps, _serving = commands()
    # `compare` starts processes for what it trains and evaluates, which takes minutes: the slow test has it.
    for line in (line for line in steps if not line.startswith("leansieve compare ")):
        began = time.monotonic()
        done = CliRunner().invoke(app, arguments(line, tmp_path)[3:], catch_exceptions=False)
        assert done.exit_code == 0, f"{line}\n{done.output}"
        print(f"{time.monotonic() - began:6.1f} s  {line}")
    weights = read_weights(tmp_path / "runs" / "small" / "weights")
    assert [model.name for model in weights.models] == ["base", "alpha-0.5"]


def test_shipped_configurations_can_be_read_and_name_no_file_outside_the_checkout() -> None:
    for path in [*ROOT.glob("training/configs/*.toml"), *ROOT.glob("examples/training/*.toml")]:
        assert "../" not in path.read_text(encoding="utf-8"), path
        load = {"grow.toml": load_grow, "scrpo.toml": load_scrpo}.get(path.name, load_config)
        if "comparison" not in path.name:
            load(path)
    assert "../" not in (ROOT / "docs" / "training.md").read_text(encoding="utf-8")


def test_the_page_of_settings_is_that_of_the_classes() -> None:
    page = (ROOT / "docs" / "training-settings.md").read_text(encoding="utf-8")
    assert "|  |" not in page, "a setting has no meaning"
    assert page == settings_page(), "make it anew: python -m training.settings_page >docs/training-settings.md"
