"""Compares fine-tuning in bfloat16 and float32 from the shipped base: losses and distance moved by the weights.

    python -m benchmarks.search.precision [--steps 50] [--rate 2e-6 1e-4] [--json precision.json]

Both keep trained weights in float32; with bfloat16 the forward and backward passes are in bfloat16 (autocast). Both use the same
rows in the same order, on one thread. The figures do not depend on the load of the machine.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from safetensors.torch import load_file

from prover.sampling.weights import SHIPPED
from training.config import TrainingConfig
from training.corpus.jsonl import write_jsonl
from training.corpus.proofs import ProvedTheorem
from training.corpus.synthetic.generator import generate
from training.model.sft import fine_tune
from training.trainer.checkpoint import load_checkpoint


def run(dtype: str, rate: float, steps: int, proofs: Path, folder: Path) -> dict[str, Any]:
    """Return the losses of one run, and the distance that its weights moved."""
    config = {
        "run": {"folder": folder, "device": "cpu", "threads": 1, "log_every": 10**6},
        "model": {"path": SHIPPED / "base", "dtype": dtype},
        "optimizer": {"learning_rate": rate, "warmup_fraction": 0},
        "sft": {"proofs": [proofs], "steps": steps, "row_length": 128, "rows": 4, "micro_rows": 4},
    }
    fine_tune(TrainingConfig.model_validate(config), lambda line: None)
    state = load_checkpoint(folder / "checkpoints")
    assert state is not None
    before = load_file(SHIPPED / "base" / "model.safetensors")
    moved = sum(float((value - before[name].float()).square().sum()) for name, value in state["weights"].items())
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return {"losses": [json.loads(line)["loss"] for line in lines], "moved": moved**0.5}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Compares fine-tuning in bfloat16 and float32.")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--rate", type=float, nargs="+", default=[2e-6, 1e-4])
    parser.add_argument("--json", type=Path, default=Path("precision.json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = Table(
        "learning rate", "steps", "loss float32", "loss bfloat16", "largest difference", "way (bfloat16 / float32)"
    )
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        records = generate(60, families=["inequalities", "lists"], seed=2)
        proofs = ("by omega", "by simp", "by\n  intros\n  omega")
        write_jsonl(folder / "proofs.jsonl", [ProvedTheorem(theorem=record, proofs=proofs) for record in records])
        for rate in options.rate:
            full, half = (
                run(dtype, rate, options.steps, folder / "proofs.jsonl", folder / f"{dtype}-{rate}")
                for dtype in ("float32", "bfloat16")
            )
            apart = max(abs(a - b) / a for a, b in zip(full["losses"], half["losses"], strict=True))
            found.append({"rate": rate, "float32": full, "bfloat16": half, "largest_difference": apart})
            table.add_row(
                f"{rate:g}",
                str(options.steps),
                f"{full['losses'][-1]:.4f}",
                f"{half['losses'][-1]:.4f}",
                f"{apart:.2%}",
                f"{half['moved'] / full['moved']:.3f}",
            )
    options.json.write_text(json.dumps({"steps": options.steps, "runs": found}, indent=1) + "\n", encoding="utf-8")
    Console().print(table)


if __name__ == "__main__":
    main()
