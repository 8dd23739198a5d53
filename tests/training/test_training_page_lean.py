"""The commands of docs/training.md, "A first run", as they stand, one after the other, in a checkout's folder."""

import json
import signal
import subprocess
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.first_run import arguments, commands, prepare, run
from prover.sampling.weights import read_weights, verify_files
from tests.support.ports import free_port
from training.config import load_config
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
        env=environment | {"LEANSIEVE_METRICS__LISTEN": "none", "LEANSIEVE_STORE__URL": "none"},
        stderr=subprocess.DEVNULL,
    )
    try:
        with grpc.insecure_channel(address) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            answer = health.Check(health_pb2.HealthCheckRequest(), timeout=300, wait_for_ready=True)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=120)


def test_shipped_configurations_can_be_read_and_name_no_file_outside_the_checkout() -> None:
    for path in [*ROOT.glob("training/configs/*.toml"), *ROOT.glob("examples/training/*.toml")]:
        assert "../" not in path.read_text(encoding="utf-8"), path
        if "comparison" not in path.name:
            load_config(path)
    assert "../" not in (ROOT / "docs" / "training.md").read_text(encoding="utf-8")


def test_the_page_of_settings_is_that_of_the_classes() -> None:
    page = (ROOT / "docs" / "training-settings.md").read_text(encoding="utf-8")
    assert page == settings_page(), "make it anew: python -m training.settings_page >docs/training-settings.md"
