"""Outputs of a run, its resumption and its end."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file

from tests.training.run.small_runs import settings, write_proofs
from training.model.sft import fine_tune
from training.rollouts.verifier import VerifierGoneError
from training.run.guards import CollapseError
from training.run.provenance import hash_weights, read_provenance
from training.run.run import choose_device
from training.trainer.checkpoint import list_checkpoints, step_of


@pytest.fixture(scope="module")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_proofs(tmp_path_factory.mktemp("data") / "proofs.jsonl")


def metrics(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def at_step(step: int, act: Callable[[], None]) -> Callable[[str], None]:
    """A report that acts when it hears of this step."""

    def report(line: str) -> None:
        if line.startswith(f"step {step}/"):
            act()

    return report


def test_a_refused_run_changes_nothing_that_describes_the_run(tmp_path: Path, proofs: Path) -> None:
    folder = tmp_path / "run"
    fine_tune(settings(folder, proofs, optimizer={"learning_rate": 5e-3}))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=r"other settings \(optimizer\.learning_rate\)"):
        fine_tune(settings(folder, proofs, optimizer={"learning_rate": 9e-3}))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_the_model_carries_the_settings_that_made_it(tmp_path: Path, proofs: Path) -> None:
    base = fine_tune(settings(tmp_path / "base", proofs), command="leansieve train base.toml")
    scratch = read_provenance(base)
    assert scratch is not None
    assert (scratch.base, scratch.step, scratch.command) == (None, 3, "leansieve train base.toml")
    tuned = read_provenance(fine_tune(settings(tmp_path / "run", proofs, model={"path": base})))
    assert tuned is not None
    assert tuned.base is not None
    assert tuned.base.weights == hash_weights(base)
    assert tuned.settings == json.loads((tmp_path / "run" / "config.json").read_text())


def test_weights_that_the_record_does_not_describe_are_not_passed_on(tmp_path: Path, proofs: Path) -> None:
    models = [
        fine_tune(settings(tmp_path / str(rate), proofs, optimizer={"learning_rate": rate})) for rate in (1e-3, 2e-3)
    ]
    (models[0] / "model.safetensors").write_bytes((models[1] / "model.safetensors").read_bytes())
    with pytest.raises(ValueError, match=r"holds other weights than those that its training\.json describes"):
        read_provenance(models[0])


def test_a_finished_run_is_given_more_steps_and_remembers_both_plans(tmp_path: Path, proofs: Path) -> None:
    fine_tune(settings(tmp_path / "run", proofs, sft={"steps": 3}))
    model = fine_tune(settings(tmp_path / "run", proofs, sft={"steps": 5}))
    record = read_provenance(model)
    assert record is not None
    assert [(segment.first_step, segment.settings["sft"]["steps"]) for segment in record.segments] == [(1, 3), (4, 5)]
    whole = fine_tune(settings(tmp_path / "whole", proofs, sft={"steps": 5}))
    assert hash_weights(model) == hash_weights(whole)  # the learning rate is constant behind its warm-up of one step
    with pytest.raises(ValueError, match="holds a run of 5 steps already"):
        fine_tune(settings(tmp_path / "run", proofs, sft={"steps": 4}))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_finishes_the_step_and_leaves_its_checkpoint(
    tmp_path: Path, proofs: Path, number: signal.Signals
) -> None:
    whole = fine_tune(settings(tmp_path / "whole", proofs, sft={"steps": 6}))
    config = settings(tmp_path / "run", proofs, sft={"steps": 6}, run={"checkpoint_every": 100})
    with pytest.raises(KeyboardInterrupt):
        fine_tune(config, at_step(4, lambda: os.kill(os.getpid(), number)))
    assert [step_of(path) for path in list_checkpoints(tmp_path / "run" / "checkpoints")] == [4]
    assert hash_weights(fine_tune(config)) == hash_weights(whole)


def test_the_loss_of_what_samples_or_checks_leaves_a_checkpoint_of_the_last_whole_step(
    tmp_path: Path, proofs: Path
) -> None:
    def lose() -> None:
        raise VerifierGoneError("Lean gave no answer")

    whole = fine_tune(settings(tmp_path / "whole", proofs, sft={"steps": 6}))
    config = settings(tmp_path / "run", proofs, sft={"steps": 6}, run={"checkpoint_every": 100})
    with pytest.raises(VerifierGoneError):
        fine_tune(config, at_step(4, lose))
    assert [step_of(path) for path in list_checkpoints(tmp_path / "run" / "checkpoints")] in ([3], [4])
    assert hash_weights(fine_tune(config)) == hash_weights(whole)


def test_a_model_that_collapses_ends_the_run_and_the_last_good_weights_are_kept(
    tmp_path: Path, proofs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = fine_tune(settings(tmp_path / "base", proofs, sft={"steps": 60}))
    monkeypatch.setattr("training.model.sft.learning_rate_at", lambda step, steps, config: 1e-4 if step <= 3 else 2.0)
    tables = {"run": {"checkpoint_every": 1}, "guards": {"patience": 2}, "model": {"path": base}}
    good = hash_weights(fine_tune(settings(tmp_path / "good", proofs, **tables)))
    with pytest.raises(
        CollapseError, match=r"more than that of a guess at step 6, and so from step 5 on .*last-good: lower"
    ):
        fine_tune(settings(tmp_path / "run", proofs, sft={"steps": 200}, **tables))
    assert not (tmp_path / "run" / "model").exists()
    assert hash_weights(tmp_path / "run" / "last-good") == good
    record = read_provenance(tmp_path / "run" / "last-good")
    assert record is not None
    assert record.step == 3
    assert "collapsed" in record.stopped


def test_the_run_ends_early_with_the_weights_of_the_least_loss_on_dev(tmp_path: Path, proofs: Path) -> None:
    tables = {
        "sft": {"steps": 200, "dev_every": 5, "dev_patience": 2, "held_out": 0.3},
        "run": {"checkpoint_every": 1000},
        "optimizer": {"learning_rate": 2e-2},
    }
    model = fine_tune(settings(tmp_path / "run", proofs, **tables))
    losses = {line["step"]: line["dev_loss"] for line in metrics(tmp_path / "run") if "dev_loss" in line}
    best = min(losses, key=lambda step: losses[step])
    record = read_provenance(model)
    assert record is not None
    assert record.step == best
    assert max(losses) == best + 10 < 200
    assert hash_weights(fine_tune(settings(tmp_path / "run", proofs, **tables))) == hash_weights(model)


def test_a_folder_is_one_run_s_at_a_time(tmp_path: Path, proofs: Path) -> None:
    (tmp_path / "run").mkdir()
    with FileLock(tmp_path / "run" / ".lock"), pytest.raises(ValueError, match="another process trains in"):
        fine_tune(settings(tmp_path / "run", proofs))


def test_a_gpu_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r'run\.device is "cuda", and torch finds no GPU'):
        choose_device("cuda")
    assert choose_device("auto") == torch.device("cpu")


@pytest.mark.parametrize("path", ["nowhere/model", "owner/name"])
def test_a_model_that_is_not_there_is_one_sentence_and_no_network_is_asked(
    tmp_path: Path, proofs: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked"))
    with pytest.raises(
        OSError, match=f"there is no model at {path}: name a folder .*; for a model of the hub write hub:"
    ):
        fine_tune(settings(tmp_path / "run", proofs, model={"path": path}))


def test_bfloat16_takes_the_steps_of_float32(tmp_path: Path, proofs: Path) -> None:
    base = fine_tune(settings(tmp_path / "base", proofs, sft={"steps": 30}))
    before = load_file(base / "model.safetensors")
    moved, losses = {}, {}
    for dtype in ("float32", "bfloat16"):
        folder = tmp_path / dtype
        tables = {"model": {"path": base, "dtype": dtype}, "optimizer": {"learning_rate": 2e-6}, "sft": {"steps": 20}}
        fine_tune(settings(folder, proofs, **tables))
        state = torch.load(list_checkpoints(folder / "checkpoints")[-1] / "state.pt", weights_only=True)
        moved[dtype] = {name: value - before[name] for name, value in state["weights"].items()}
        losses[dtype] = [line["loss"] for line in metrics(folder)]
        assert {value.dtype for value in state["weights"].values()} == {torch.float32}
        saved = load_file(folder / "model" / "model.safetensors")
        assert {value.dtype for value in saved.values()} == {getattr(torch, dtype)}
        assert json.loads((folder / "model" / "config.json").read_text())["dtype"] == dtype
    lengths = {
        dtype: sum(float(value.square().sum()) for value in of_dtype.values()) ** 0.5
        for dtype, of_dtype in moved.items()
    }
    # With weights in bfloat16 a step of this size is rounded away: about a twentieth of the way was made.
    assert lengths["bfloat16"] == pytest.approx(lengths["float32"], rel=0.1)
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.02)


def test_activations_computed_twice_give_the_same_weights(tmp_path: Path, proofs: Path) -> None:
    twice = fine_tune(settings(tmp_path / "twice", proofs, model={"gradient_checkpointing": True}))
    assert hash_weights(twice) == hash_weights(fine_tune(settings(tmp_path / "once", proofs)))
