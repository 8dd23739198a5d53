"""Compares sizes of base models on a CPU: loss on held-out proofs after equal processor time, and the cost of a sample.

    python -m benchmarks.training.base_size training/configs/base.toml [--seconds 600] [--json base_size.json]

Each shape is fine-tuned from scratch with the configuration's data and settings in its own process, for as many
steps as take about `--seconds` of processor time (estimated from a few steps first). Held-out loss is measured ten times during
training, and its minimum counts, since on few proofs it rises again. Then vLLM samples answers to prompts of the data.
Loss is in nats per response token, which is comparable only with the same vocabulary: its size is that of the
configuration.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from rich.console import Console
from rich.table import Table

SHAPES = {  # layers, width, heads, key-value heads, hidden
    "3 x 128": (3, 128, 4, 2, 352),
    "4 x 192": (4, 192, 6, 2, 512),
    "6 x 256": (6, 256, 8, 4, 704),
}
_ANSWERS = 512  # samples of each model

_TRAIN = """
import json, sys, tempfile, time
from training.config import TrainingConfig
from training.model.sft import fine_tune

def cpu_seconds(steps, folder):
    config["run"]["folder"] = folder
    config["sft"] |= {"steps": steps, "dev_every": steps // 10 or steps}
    before = time.process_time()
    fine_tune(TrainingConfig.model_validate(config))
    return time.process_time() - before

config, seconds, folder = json.loads(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
    few = cpu_seconds(2, first)
    a_step = (cpu_seconds(8, second) - few) / 6
steps = max(10, round(seconds / a_step))
print(json.dumps({"steps": steps, "cpu_seconds": cpu_seconds(steps, folder), "cpu_seconds_a_step": a_step}))
"""
_SAMPLE = """
import json, sys, time
from itertools import islice
from pathlib import Path
from transformers import AutoTokenizer
from prover.sampling.prompt import SourceFormat
from training.corpus.proofs import read_proofs
from training.rollouts.engine import RolloutEngine
from training.rollouts.requests import Request
model, proofs, answers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
tokenizer, form = AutoTokenizer.from_pretrained(model), SourceFormat()
texts = [form.render(proved.theorem.theorem) for proved in islice(read_proofs(proofs), answers // 8)]
prompts = [tuple(tokenizer.encode(text)) for text in texts]
engine = RolloutEngine(model, model.with_name("engine"), stop=form.stop)
lengths = []
before = time.process_time()
requests = [Request(prompt, seed, 96) for prompt in prompts if len(prompt) < 400 for seed in range(8)]
engine.sample(requests, lambda number, response: lengths.append(len(response.tokens)))
print(json.dumps({"tokens": sum(lengths), "cpu_seconds": time.process_time() - before}))
engine.close()
"""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Compare sizes of base models at equal processor time.")
    parser.add_argument("config", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0, help="processor seconds per shape")
    parser.add_argument("--json", type=Path, default=Path("base_size.json"))
    options = parser.parse_args()
    settings = tomllib.loads(options.config.read_text(encoding="utf-8"))
    rows = []
    for name, shape in SHAPES.items():
        rows.append({"shape": name, **measure(settings, shape, options.seconds)})
        show(rows)
        machine = {"processor": platform.processor() or platform.machine(), "python": platform.python_version()}
        options.json.write_text(json.dumps({"machine": machine, "shapes": rows}, indent=1) + "\n", encoding="utf-8")


def measure(settings: dict, shape: tuple[int, int, int, int, int], seconds: float) -> dict[str, float]:
    """Fine-tune one shape from scratch in its own process, and sample from it in another."""
    layers, width, heads, key_value_heads, hidden = shape
    with tempfile.TemporaryDirectory() as folder:
        config = json.loads(json.dumps(settings))
        config["run"] |= {"checkpoint_every": 10**9, "log_every": 10**9}
        config["model"]["shape"] |= {
            "layers": layers,
            "width": width,
            "heads": heads,
            "key_value_heads": key_value_heads,
            "hidden": hidden,
        }
        result = json.loads(in_a_process(_TRAIN, json.dumps(config), seconds, folder).splitlines()[-1])
        log = (Path(folder) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        model = Path(folder) / "model"
        measured = [json.loads(line) for line in log]
        least = min((line for line in measured if "dev_loss" in line), key=lambda line: line["dev_loss"])
        sampled = json.loads(in_a_process(_SAMPLE, model, settings["sft"]["proofs"][0], _ANSWERS).splitlines()[-1])
        return result | {
            "parameters": next(model.glob("*.safetensors")).stat().st_size // 4,
            "loss": measured[-1]["loss"],
            "dev_loss": measured[-1]["dev_loss"],
            "least_dev_loss": least["dev_loss"],
            "least_at_step": least["step"],
            "cpu_ms_a_sampled_token": 1000 * sampled["cpu_seconds"] / sampled["tokens"],
        }


def in_a_process(code: str, *arguments: object) -> str:
    """Return the output of the code."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def show(rows: list[dict]) -> None:
    """Print one line per shape."""
    table = Table(
        "shape",
        "parameters",
        "steps",
        "CPU-s",
        "CPU-s a step",
        "loss",
        "held-out",
        "least held-out",
        "at step",
        "CPU-ms a token",
    )
    for row in rows:
        table.add_row(
            row["shape"],
            f"{row['parameters'] / 1e6:.2f} M",
            str(row["steps"]),
            f"{row['cpu_seconds']:.0f}",
            f"{row['cpu_seconds_a_step']:.2f}",
            f"{row['loss']:.3f}",
            f"{row['dev_loss']:.3f}",
            f"{row['least_dev_loss']:.3f}",
            str(row["least_at_step"]),
            f"{row['cpu_ms_a_sampled_token']:.3f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
