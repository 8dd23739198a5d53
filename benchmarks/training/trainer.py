"""Compares a step of leansieve's trainer with one of TRL's GRPOTrainer: the same model, theorems, batch, lengths, and Lean.

    python -m venv /tmp/trl && /tmp/trl/bin/pip install -r requirements/trl.txt
    python -m benchmarks.training.trainer --trl /tmp/trl/bin/python [--steps 5] [--prompts 16] [--rollouts 8] [--json trainer.json]

leansieve's trainer is also measured with `max_staleness` 1, which samples ahead, and with --before CHECKOUT the trainer of another
checkout, run by the Python of its `.venv`. Without --trl, TRL is left out.

Both run GRPO with a KL term from the shipped base, on one torch thread, over the same synthetic theorems; both use one Lean
worker through the same verifier, which checks equal proofs of a theorem once and starts without any verdict.
TRL calls it in its reward function, after all answers are sampled, and samples with transformers' `generate`: its vLLM
mode needs other versions of vLLM than leansieve. The first step of each is a warm-up and left out. A rollout counts when
it was sampled, checked and learned from. Laps are wall-clock seconds of a step (median), which include the machine's other
load, so processor seconds of all processes involved, including Lean's, are reported, too.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from prover.lean.workers.pool import WorkerPool
from prover.sampling.prompt import SourceFormat
from prover.sampling.weights import SHIPPED
from prover.verdict import Limits
from service.core.resources.leans import pool_of
from service.ops.config import Settings
from training.config import TrainingConfig
from training.corpus.jsonl import write_jsonl
from training.corpus.record import TheoremRecord
from training.corpus.synthetic.generator import generate
from training.rollouts.verifier import Verifier
from training.trainer.trainer import train

BETA, LEARNING_RATE, MAX_TOKENS, LIMITS = 0.04, 1e-4, 96, Limits(seconds=60, heartbeats=40_000)
LAPS = ("sample", "score", "verify", "forward", "backward", "optimizer", "push", "wait")


def cpu_seconds() -> float:
    """Return the processor time so far of this process and its descendants."""
    me = psutil.Process()
    times = [each.cpu_times() for each in (me, *me.children(recursive=True)) if each.is_running()]
    return sum(time.user + time.system for time in times)


def one_worker() -> WorkerPool:
    """Start the pool that each side uses."""
    return pool_of(Settings.model_validate({"lean": {"workers": 1}}).lean)


class Steps:
    """Wall-clock and processor seconds between two calls of `note`."""

    def __init__(self) -> None:
        self.found: list[dict[str, float]] = []
        self._last = (time.perf_counter(), cpu_seconds())

    def note(self, **measured: float) -> None:
        """Record the end of a step."""
        now = (time.perf_counter(), cpu_seconds())
        self.found.append({"wall": now[0] - self._last[0], "cpu": now[1] - self._last[1], **measured})
        self._last = now


def leansieve(
    options: argparse.Namespace, records: list[TheoremRecord], folder: Path, max_staleness: int = 0
) -> list[dict[str, float]]:
    """Run leansieve's trainer."""
    write_jsonl(folder / "theorems.jsonl", records)
    config = {
        "run": {"folder": folder / "run", "device": "cpu", "threads": 1, "checkpoint_every": 10**6},
        "model": {"path": SHIPPED / "base"},
        "optimizer": {"learning_rate": LEARNING_RATE, "warmup_fraction": 0},
        "rollouts": {
            "prompts": [folder / "theorems.jsonl"],
            "steps": options.steps,
            "prompts_per_step": options.prompts,
            "rollouts_per_prompt": options.rollouts,
            "max_response_tokens": MAX_TOKENS,
            "max_staleness": max_staleness,
            "kept_tokens": 8192,
        },
        "algorithm": {"name": "grpo", "options": {"beta": BETA}},
        "verification": {"seconds": LIMITS.seconds, "heartbeats": LIMITS.heartbeats},
    }
    steps = Steps()
    train(TrainingConfig.model_validate(config), one_worker, lambda line: steps.note())
    log = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    for found, line in zip(steps.found, log, strict=True):
        found |= {lap: line.get(f"seconds_{lap}", 0.0) for lap in LAPS}
        found |= {"proved": line["verified"], "tokens": line["length"] * line["rollouts"]}
    return steps.found


def ahead(options: argparse.Namespace, records: list[TheoremRecord], folder: Path) -> list[dict[str, float]]:
    """Run leansieve's trainer with sampling ahead."""
    return leansieve(options, records, folder, max_staleness=1)


def trl(options: argparse.Namespace, records: list[TheoremRecord], folder: Path) -> list[dict[str, float]]:
    """Run TRL's trainer through `trl_side.py` in its own environment."""
    form = SourceFormat()
    settings = {
        "model": str(SHIPPED / "base"),
        "folder": str(folder / "trl"),
        "prompts": [form.render(record.theorem) for record in records],
        "steps": options.steps,
        "prompts_per_step": options.prompts,
        "rollouts_per_prompt": options.rollouts,
        "rows": options.rows,
        "max_tokens": MAX_TOKENS,
        "beta": BETA,
        "learning_rate": LEARNING_RATE,
    }
    command = [str(options.trl), str(Path(__file__).with_name("trl_side.py"))]
    with (
        Verifier(one_worker, folder / "verdicts.jsonl", LIMITS) as verifier,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None

        def tell(message: Any) -> None:
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()

        tell(settings)
        steps, proved = Steps(), 0.0
        for line in process.stdout:
            said = json.loads(line)
            if "check" in said:
                proofs = [(records[number], form.extract(answer) if answer else "") for number, answer in said["check"]]
                checks = [verifier.check(record, proof) if proof else None for record, proof in proofs]
                rewards = [float(check is not None and check.result().verified) for check in checks]
                proved = sum(rewards)
                tell(rewards)
            else:
                steps.note(proved=proved, tokens=said["tokens"], **{lap: said["step"].get(lap, 0.0) for lap in LAPS})
    if process.returncode:
        raise SystemExit(f"TRL ended with status {process.returncode}; its output is above.")
    return steps.found


SIDES = {"leansieve": leansieve, "ahead": ahead, "trl": trl}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Compares leansieve's trainer with TRL's.")
    parser.add_argument("--trl", type=Path, help="the Python of an environment with requirements/trl.txt")
    parser.add_argument("--before", type=Path, help="folder of another checkout, whose trainer is measured, too")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--prompts", type=int, default=16, help="theorems per step")
    parser.add_argument("--rollouts", type=int, default=8, help="samples per theorem")
    parser.add_argument("--rows", type=int, default=32, help="rollouts of a forward pass of TRL's")
    parser.add_argument("--json", type=Path, default=Path("trainer.json"))
    parser.add_argument("--side", choices=SIDES, help="run one side only; its steps go to --json")
    options = parser.parse_args()
    if options.side is not None:
        records = generate(options.prompts * options.steps, seed=11)
        with tempfile.TemporaryDirectory() as folder:
            steps = SIDES[options.side](options, records, Path(folder))
        options.json.write_text(json.dumps(steps) + "\n", encoding="utf-8")
        return
    options.json.parent.mkdir(parents=True, exist_ok=True)
    # Each side has its own process, so that its memory does not affect the other.
    sides = {side: (side, Path.cwd(), sys.executable) for side in SIDES if side != "trl" or options.trl is not None}
    if options.before is not None:
        checkout = options.before.resolve()
        sides["before"] = "leansieve", checkout, str(checkout / ".venv/bin/python")
    sizes = [f"--{name}={getattr(options, name)}" for name in ("steps", "prompts", "rollouts", "rows")]
    found: dict[str, list[dict[str, float]]] = {}
    for name, (side, folder, python) in sides.items():
        with tempfile.NamedTemporaryFile() as file:
            command = [python, "-m", "benchmarks.training.trainer", *sizes, f"--trl={options.trl}", "--side", side]
            command += ["--json", file.name]
            subprocess.run(command, cwd=folder, check=True)
            found[name] = json.loads(Path(file.name).read_text(encoding="utf-8"))[1:]
    result = {
        "settings": {
            name: str(value) for name, value in vars(options).items() if name not in ("json", "side", "trl", "before")
        },
        "steps": found,
        "median": {side: median(steps, options.prompts * options.rollouts) for side, steps in found.items()},
    }
    options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    show(result["median"])


def median(steps: list[dict[str, float]], rollouts: int) -> dict[str, float]:
    """Return the median of each measure over the steps, and rates."""
    found = {name: statistics.median(step[name] for step in steps) for name in steps[0]}
    rates = {"rollouts / s": rollouts / found["wall"], "rollouts / CPU-s": rollouts / found["cpu"]}
    return found | rates | {"proofs / s": found["proved"] / found["wall"]}


def show(medians: dict[str, dict[str, float]]) -> None:
    """Print one line per measure, with the multiple of leansieve's trainer without sampling ahead in brackets."""
    table = Table("a step", *medians)
    for name, ours in medians["leansieve"].items():
        found = [of_side.get(name, 0.0) for of_side in medians.values()]
        table.add_row(name, *(f"{value:.2f}" + (f" ({value / ours:.2f})" if ours else "") for value in found))
    Console().print(table)


if __name__ == "__main__":
    main()
