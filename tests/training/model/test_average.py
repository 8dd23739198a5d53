from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.support.models.tiny_llama import make_checkpoint
from training.model.average import average
from training.run.provenance import hash_weights, read_provenance


def test_an_average_lies_between_two_models_and_tells_what_it_is(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    make_checkpoint(one, seed=1)
    make_checkpoint(two, seed=2)
    average(one, two, 0.25, tmp_path / "mean", "the command")
    own, other, mean = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two", "mean"))
    assert own.keys() == mean.keys()
    for name, value in mean.items():
        assert torch.allclose(
            value.float(), 0.75 * own[name].float() + 0.25 * other[name].float(), atol=2e-3, rtol=1e-2
        )
    record = read_provenance(tmp_path / "mean")
    assert record is not None
    assert record.base is not None
    assert record.base.weights == hash_weights(one)
    assert record.settings["average"]["weights"] == hash_weights(two)
    assert record.command == "the command"


def test_models_that_do_not_fit_are_one_sentence(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    make_checkpoint(one, seed=1)
    make_checkpoint(two, seed=2)
    with pytest.raises(ValueError, match="from 0 to 1, found 2"):
        average(one, two, 2, tmp_path / "mean")
    tokenizer = two / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text(encoding="utf-8") + " ", encoding="utf-8")
    with pytest.raises(ValueError, match="different tokenizers"):
        average(one, two, 0.5, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()
