"""Fine-tuning runs of seconds, for tests of what every run has."""

from pathlib import Path
from typing import Any

from tests.training.model.lean_texts import SHAPE
from training.config import TrainingConfig
from training.corpus.jsonl import write_jsonl
from training.corpus.proofs import ProvedTheorem
from training.corpus.synthetic.generator import generate


def write_proofs(path: Path) -> Path:
    """Theorems with two proofs each."""
    records = generate(24, families=["inequalities"])
    write_jsonl(path, [ProvedTheorem(theorem=record, proofs=("by omega", "by simp")) for record in records])
    return path


def settings(folder: Path, proofs: Path, **tables: dict[str, Any]) -> TrainingConfig:
    """A run of three steps into `folder`, from scratch; `tables` change it."""
    content: dict[str, dict[str, Any]] = {
        "run": {"folder": folder, "device": "cpu", "threads": 1},
        "model": {"shape": SHAPE, "vocabulary": 300},
        "optimizer": {"learning_rate": 3e-3},
        "sft": {"proofs": [proofs], "steps": 3, "row_length": 160, "rows": 4, "micro_rows": 2},
    }
    for name, table in tables.items():
        content[name] = content.get(name, {}) | table
    return TrainingConfig.model_validate(content)
