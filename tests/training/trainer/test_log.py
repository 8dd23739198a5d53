"""The log of a run."""

import random
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from prover.errors import UserError
from service.cli.training import shared
from training.trainer.log import MetricsLog


@pytest.fixture
def interrupting() -> Iterator[None]:
    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    handlers = {signal.SIGINT: interrupt, signal.SIGALRM: lambda number, frame: signal.raise_signal(signal.SIGINT)}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def write_until_interrupted(log: MetricsLog, seconds: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds)
    for step in range(10**6):
        log.write(step, {"loss": 1.0, "tokens": 2.0})


def test_a_signal_in_the_middle_of_a_line_leaves_a_log_that_closes(tmp_path: Path, interrupting: None) -> None:
    """TensorBoard's lock stayed taken, and a run that was interrupted never ended: about once in a hundred times."""
    moments = random.Random(0)
    for number in range(300):
        log = MetricsLog(tmp_path / str(number))
        with pytest.raises(KeyboardInterrupt):
            write_until_interrupted(log, moments.uniform(1e-5, 4e-3))
        closing = threading.Thread(target=log.__exit__, daemon=True)
        closing.start()
        closing.join(10)
        assert not closing.is_alive()
        lines = (tmp_path / str(number) / "metrics.jsonl").read_text()
        assert not lines or lines.endswith("}\n")


class StandIn(ModuleType):
    """In place of the package wandb, which sends what it gets to a server: notes what it is told."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.told: list[Any] = []

    def init(self, **settings: Any) -> "StandIn":
        self.told.append(settings)
        return self

    def log(self, metrics: dict[str, float], step: int) -> None:
        self.told.append((step, metrics))

    def finish(self) -> None:
        self.told.append("finished")


def test_weights_and_biases_gets_the_same_numbers_where_a_project_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = StandIn()
    monkeypatch.setitem(sys.modules, "wandb", stand_in)
    with MetricsLog(tmp_path / "run") as log:
        log.write(1, {"loss": 1.0})
    assert stand_in.told == []
    for resumed in (1, 2):
        with MetricsLog(tmp_path / "run", resumed, wandb="provers") as log:
            log.write(resumed + 1, {"loss": 0.5})
    first, *rest = stand_in.told
    assert (first["project"], first["name"], first["resume"]) == ("provers", "run", "allow")
    assert rest == [(2, {"loss": 0.5}), "finished", first, (3, {"loss": 0.5}), "finished"]


def test_a_package_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with (
        pytest.raises(UserError, match=r"the package wandb is missing; .*pip install 'leansieve\[wandb\]'"),
        shared.user_errors(),
    ):
        MetricsLog(tmp_path, wandb="provers")
