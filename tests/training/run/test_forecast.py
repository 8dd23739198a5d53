"""`leansieve train --dry-run`: its report agrees with the run."""

import re
from pathlib import Path

import pytest

from tests.training.run.small_runs import settings, write_proofs
from training.config import ConfigError, TrainingConfig, load_config
from training.corpus.jsonl import write_jsonl
from training.corpus.synthetic.generator import generate
from training.model.load import load_or_build
from training.model.sft import fine_tune
from training.run.forecast import forecast


@pytest.fixture
def proofs(tmp_path: Path) -> Path:
    return write_proofs(tmp_path / "proofs.jsonl")


def test_a_forecast_writes_nothing_and_counts_what_the_run_has(tmp_path: Path, proofs: Path) -> None:
    config = settings(tmp_path / "run", proofs)
    lines = list(forecast(config, workers=1))
    assert not (tmp_path / "run").exists()
    assert lines[0] == "fine-tuning on 48 proofs of 24 theorems, 3 steps"
    model = fine_tune(config)
    size = (model / "model.safetensors").stat().st_size
    assert f"model/: {size / 2**20:.1f} MiB, with training.json" in "\n".join(lines)
    fine_tune(settings(tmp_path / "run", proofs, sft={"steps": 6}))
    after = list(forecast(settings(tmp_path / "run", proofs, sft={"steps": 9}), workers=1))
    assert any("3 steps, at" in line and "(median of the run's last steps)" in line for line in after)
    assert any(line.startswith("resumes from step 6 in") for line in after)


def test_adapters_are_counted_apart(tmp_path: Path, proofs: Path) -> None:
    base = fine_tune(settings(tmp_path / "base", proofs))
    write_jsonl(tmp_path / "t.jsonl", generate(5))
    tables = {
        "rollouts": {"prompts": [tmp_path / "t.jsonl"], "prompts_per_step": 4},
        "run": {"folder": tmp_path / "rl"},
    }
    config = TrainingConfig.model_validate({**tables, "model": {"path": base, "lora": {"rank": 2}}})
    said = "\n".join(forecast(config, workers=1))
    assert "learning from verdicts by alpha_dpg on 5 theorems, 200 steps of 4 × 4 rollouts" in said
    adapters = sum(value.numel() for value in load_or_build(config.model, (), 0)[0].parameters() if value.requires_grad)
    assert f"{adapters / 1e6:.2f} M of them trained" in said


def test_a_run_that_cannot_work_is_refused_before_its_start(tmp_path: Path, proofs: Path) -> None:
    path, file = tmp_path / "run.toml", tmp_path / "file"
    path.write_text(f'[run]\nfolder = "x"\n[sft]\nproofs = ["{proofs}"]\n')
    file.touch()
    for change, sentence in (
        ("optimizer.learning_rate=inf", "optimizer.learning_rate: input should be less than or equal to 10, found inf"),
        (
            "optimizer.learning_rate=1e300",
            "optimizer.learning_rate: input should be less than or equal to 10, found 1e+300",
        ),
        ("optimizer.epsilon=inf", "optimizer.epsilon: input should be a finite number, found inf"),
        ("run.folder=", "run.folder: name a folder, found ''"),
        (f"run.folder={file}", f"run.folder: {file} is a file, not a folder"),
        (f"run.folder={file}/run", f"run.folder: {file} is a file, not a folder"),
        (f"dev.corpora=['{tmp_path}/none.jsonl']", f"dev.corpora: there is no file {tmp_path}/none.jsonl"),
        (
            f"evaluation.corpora=['{tmp_path}/none.jsonl']",
            f"evaluation.corpora: there is no file {tmp_path}/none.jsonl",
        ),
    ):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            list(forecast(load_config(path, [change]), workers=1))


def test_settings_of_the_command_line_take_the_place_of_the_file_s(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('[run]\nfolder = "x"\n[optimizer]\nlearning_rate = 1.0\n')
    config = load_config(path, ["optimizer.learning_rate=1e-5", "run.folder=other/place", "model.shape.width=128"])
    assert (config.optimizer.learning_rate, config.run.folder, config.model.shape.width) == (
        1e-5,
        Path("other/place"),
        128,
    )
    for change, sentence in (
        ("optimizer.rate=1", "optimizer.rate: there is no such setting."),
        ("learning_rate=1", "write table.setting=VALUE"),
        ("run.folder.x=1", "folder is a setting, and has none of its own."),
    ):
        with pytest.raises(ConfigError) as refusal:
            load_config(path, [change])
        assert sentence in str(refusal.value)
