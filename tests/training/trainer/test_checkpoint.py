import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from training.trainer.checkpoint import list_checkpoints, load_checkpoint, save_checkpoint
from training.trainer.log import MetricsLog


def test_state_and_random_numbers_go_on_where_they_stood(tmp_path: Path) -> None:
    random.seed(1)
    torch.manual_seed(1)
    state = {"weights": {"w": torch.randn(3)}, "note": "x", "nested": [1, 2.5, None]}
    save_checkpoint(tmp_path, 7, state, keep=2)
    drawn = random.random(), torch.rand(2)
    loaded = load_checkpoint(tmp_path)
    assert loaded is not None
    assert loaded["step"] == 7
    assert torch.equal(loaded["weights"]["w"], state["weights"]["w"])
    assert (loaded["note"], loaded["nested"]) == ("x", [1, 2.5, None])
    assert (random.random(), torch.rand(2).tolist()) == (drawn[0], drawn[1].tolist())


def test_only_the_newest_stay_and_the_newest_is_loaded(tmp_path: Path) -> None:
    for step in (5, 10, 15, 100_000):
        save_checkpoint(tmp_path, step, {}, keep=2)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000015", "step-00100000"]
    loaded = load_checkpoint(tmp_path)
    assert loaded is not None
    assert loaded["step"] == 100_000


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "nowhere") is None


def test_a_write_that_the_disk_refuses_at_the_very_end_leaves_the_older_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path, 1, {"a": 1}, keep=1)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*step-00000002'"):
        save_checkpoint(tmp_path, 2, {"a": 2}, keep=1)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
    loaded = load_checkpoint(tmp_path)
    assert loaded is not None
    assert loaded["a"] == 1


def test_a_process_killed_at_any_moment_leaves_whole_checkpoints(tmp_path: Path) -> None:
    """A writer that does nothing but save is killed again and again; whatever it leaves must load."""
    writer = (
        "import sys, torch; from pathlib import Path; from training.trainer.checkpoint import load_checkpoint, save_checkpoint\n"
        "folder = Path(sys.argv[1]); state = load_checkpoint(folder); step = state['step'] if state else 0\n"
        "assert not state or bool((state['w'] == step).all())\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    step += 1; save_checkpoint(folder, step, {'w': torch.full((200_000,), float(step))}, keep=2)\n"
    )
    reached = 0
    for delay in (0.05, 0.11, 0.173):
        process = subprocess.Popen([sys.executable, "-c", writer, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        while process.poll() is None and len(list_checkpoints(tmp_path)) < 2:
            time.sleep(0.01)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        loaded = load_checkpoint(tmp_path)
        if loaded is not None:
            assert bool((loaded["w"] == loaded["step"]).all())
            assert loaded["step"] >= reached
            reached = loaded["step"]
    assert reached > 0


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.mkdir, (str(tmp_path / "ran"),))

    save_checkpoint(tmp_path, 1, {"x": Hostile()}, keep=1)
    with pytest.raises(Exception, match=r"[Ww]eights only"):
        load_checkpoint(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_resumed_log_holds_every_step_once(tmp_path: Path) -> None:
    with MetricsLog(tmp_path) as log:
        for step in range(1, 6):
            log.write(step, {"loss": 1 / step})
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text() + '{"step": 6, "lo', encoding="utf-8")
    with MetricsLog(tmp_path, resumed_step=3) as log:
        log.write(4, {"loss": 0.0})
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["step"], row["loss"]) for row in rows] == [(1, 1.0), (2, 0.5), (3, 1 / 3), (4, 0.0)]


def test_tensorboard_gets_the_same_numbers(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with MetricsLog(tmp_path) as log:
        for step in (1, 2):
            log.write(step, {"loss": float(step)})
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 1.0), (2, 2.0)]
