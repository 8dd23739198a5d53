"""A disk that is really full while a run writes: a file system in memory, of a few hundred kilobytes."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from prover.errors import UserError
from service.cli.training import shared
from tests.training.model.lean_texts import SHAPE, tiny_model, tiny_tokenizer
from training.config import TrainingConfig
from training.corpus.jsonl import write_jsonl
from training.corpus.proofs import ProvedTheorem
from training.corpus.synthetic.generator import generate
from training.model.llama import save_for_serving
from training.model.sft import fine_tune
from training.trainer.checkpoint import list_checkpoints, load_checkpoint, save_checkpoint


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; `resize` gives it another size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a file system in memory needs the right to mount one: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def resize(folder: Path, kilobytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", folder], check=True)


def test_a_full_disk_leaves_the_older_checkpoints(small_disk: Path) -> None:
    folder = small_disk / "checkpoints"
    weights = torch.arange(150_000.0)
    save_checkpoint(folder, 1, {"w": weights}, keep=2)
    with pytest.raises(OSError, match=r"No space left on device: '.*step-00000002'"):
        save_checkpoint(folder, 2, {"w": weights + 1}, keep=2)
    assert [path.name for path in folder.iterdir()] == ["step-00000001"]
    loaded = load_checkpoint(folder)
    assert loaded is not None
    assert torch.equal(loaded["w"], weights)


def test_a_model_that_does_not_fit_leaves_the_one_before(small_disk: Path) -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    resize(small_disk, 700)
    save_for_serving(model, tokenizer, small_disk / "model")
    before = {path.name: path.read_bytes() for path in (small_disk / "model").iterdir()}
    with pytest.raises(OSError, match=r"model cannot be written: .*No space left on device"):
        save_for_serving(tiny_model(tokenizer, seed=1), tokenizer, small_disk / "model")
    assert [path.name for path in small_disk.iterdir()] == ["model"]
    assert {path.name: path.read_bytes() for path in (small_disk / "model").iterdir()} == before


def test_a_run_on_a_full_disk_says_so_and_goes_on_when_there_is_room(
    small_disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = generate(8, families=["inequalities"])
    write_jsonl(tmp_path / "p.jsonl", [ProvedTheorem(theorem=record, proofs=("by omega",)) for record in records])
    config = TrainingConfig.model_validate(
        {
            "run": {"folder": small_disk / "run", "device": "cpu", "threads": 1, "checkpoint_every": 1},
            "model": {"shape": SHAPE, "vocabulary": 300},
            "sft": {"proofs": [tmp_path / "p.jsonl"], "steps": 3, "row_length": 160, "rows": 2, "micro_rows": 1},
        }
    )
    resize(small_disk, 2000)  # weights and AdamW's means are 1.2 MB: one checkpoint, not two
    full = r"step-00000002: the disk is full; complete earlier files are kept; free disk space, and the same command resumes"
    with pytest.raises(UserError, match=full), shared.user_errors():
        fine_tune(config)
    checkpoints = small_disk / "run" / "checkpoints"
    assert [path.name for path in list_checkpoints(checkpoints)] == ["step-00000001"]
    resize(small_disk, 20_000)
    capsys.readouterr()
    fine_tune(config)
    assert "going on from step 1\n" in capsys.readouterr().out
    assert (small_disk / "run" / "model" / "model.safetensors").exists()
