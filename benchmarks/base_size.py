"""Which size a base model should have on a CPU: loss on held-out proofs after equal processor time, for several shapes.

    python benchmarks/base_size.py training/configs/base.toml [--seconds 600] [--json base_size.json]

Each shape is fine-tuned from scratch with the configuration's data and settings in a process of its own, for as many
steps as take about `--seconds` of processor time (measured on its first steps). Loss is in nats a response token, and a
vocabulary of another size would make it incomparable: it stays what the configuration says.
"""

import argparse
import json
import platform
import resource
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
_PROBE_STEPS = 8


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Compare sizes of base models at equal processor time.")
    parser.add_argument("config", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0, help="processor seconds a shape")
    parser.add_argument("--json", type=Path, default=Path("base_size.json"))
    options = parser.parse_args()
    settings = tomllib.loads(options.config.read_text(encoding="utf-8"))
    rows = []
    for name, shape in SHAPES.items():
        first = train(settings, shape, _PROBE_STEPS)
        second = train(settings, shape, 2 * _PROBE_STEPS)
        each = max(1e-3, (second["cpu_seconds"] - first["cpu_seconds"]) / _PROBE_STEPS)
        steps = max(2 * _PROBE_STEPS, round(options.seconds / each))
        row = {"shape": name, "steps": steps, **train(settings, shape, steps)}
        row["cpu_seconds_a_step"] = round(each, 3)
        rows.append(row)
        show(rows)
        machine = {"processor": platform.processor() or platform.machine(), "python": platform.python_version()}
        options.json.write_text(json.dumps({"machine": machine, "shapes": rows}, indent=1) + "\n", encoding="utf-8")


def train(settings: dict, shape: tuple[int, int, int, int, int], steps: int) -> dict[str, float]:
    """Fine-tune one shape from scratch in a process of its own."""
    layers, width, heads, key_value_heads, hidden = shape
    with tempfile.TemporaryDirectory() as folder:
        config = json.loads(json.dumps(settings))
        config["run"] = {**config["run"], "folder": folder, "checkpoint_every": 10**9, "log_every": 10**9}
        config["model"]["shape"] |= {
            "layers": layers,
            "width": width,
            "heads": heads,
            "key_value_heads": key_value_heads,
            "hidden": hidden,
        }
        config["sft"] |= {"steps": steps, "dev_every": steps}
        code = (
            "import json, sys\n"
            "from training.config import TrainingConfig\n"
            "from training.model.sft import fine_tune\n"
            "fine_tune(TrainingConfig.model_validate(json.loads(sys.argv[1])))\n"
        )
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code, json.dumps(config)], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        last = json.loads((Path(folder) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
        weights = next((Path(folder) / "model").glob("*.safetensors")).stat().st_size
    return {
        "parameters": weights // 4,
        "loss": last["loss"],
        "dev_loss": last["dev_loss"],
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    }


def show(rows: list[dict]) -> None:
    """One line a shape."""
    table = Table("shape", "parameters", "steps", "CPU-s", "CPU-s a step", "loss", "held-out loss")
    for row in rows:
        table.add_row(
            row["shape"],
            f"{row['parameters'] / 1e6:.2f} M",
            str(row["steps"]),
            f"{row['cpu_seconds']:.0f}",
            f"{row['cpu_seconds_a_step']:.2f}",
            f"{row['loss']:.3f}",
            f"{row['dev_loss']:.3f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
