"""The log of a run."""

import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

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
