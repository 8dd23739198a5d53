"""Compares two trees of this project, run in turns on one machine: rates of checks and times of commands.

    git worktree add --detach ../old 465d0c9
    (cd ../old && python protos/generate.py)
    python -m benchmarks.versus ../old . [--turns 5] [--only first …] [--scale 1.0] [--json FILE]

Every line is one command that both trees have, run in its own process. The order changes with every turn.
A ratio is old divided by new in the same turn, so a ratio above 1 means that the new tree is faster; the table shows the median and the
range over the turns. Processor seconds (of the command with all its processes) are reported in addition to wall-clock seconds,
since they depend less on other load. The first run of each is not counted: it makes the images.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.lean.lean_pool import tasks


@dataclass
class Line:
    """One command: its arguments after `leansieve`, and its file of items."""

    title: str
    arguments: Callable[[Path], list[str]]
    items: list[dict[str, str]]
    workers: int = 1


@dataclass
class Run:
    """The cost of one command: wall-clock and processor seconds."""

    seconds: float
    processor_seconds: float


def checks(count: int, proofs: int = 1) -> list[dict[str, str]]:
    """Return `count` items; each theorem has `proofs` proofs with different texts."""
    chosen = tasks(count // proofs)
    return [
        {
            "id": f"{task.theorem.statement.split()[1]}-{i}",
            "statement": task.theorem.statement,
            "proof": task.proof + "\n" * i,
        }
        for task in chosen
        for i in range(proofs)
    ]


def lines(scale: float) -> dict[str, Line]:
    """Return all commands by their names in `--only`."""

    def check(folder: Path) -> list[str]:
        return ["check", "--jsonl", str(folder / "items.jsonl"), "--out", str(folder / "out.jsonl")]

    def prove(_folder: Path) -> list[str]:
        return ["prove", "theorem t (a b : Nat) : a + b = b + a"]

    def many(folder: Path) -> list[str]:
        return ["prove", "--jsonl", str(folder / "items.jsonl"), "--out", str(folder / "out.jsonl")]

    return {
        "first": Line("first candidates, one worker", check, checks(int(1_600 * scale))),
        "further": Line("further candidates (8 a theorem), one worker", check, checks(int(1_600 * scale), proofs=8)),
        "short": Line("400 items, two workers", check, checks(int(400 * scale)), workers=2),
        "two": Line("first candidates, two workers", check, checks(int(1_600 * scale)), workers=2),
        "prove": Line("`prove` of one statement, from the shell", prove, []),
        "search": Line("`prove --jsonl`, portfolio", many, [{k: v for k, v in i.items() if k != "proof"} for i in checks(int(60 * scale))]),
    }  # fmt: skip


def run(tree: Path, line: Line) -> Run:
    """Run a command in a tree.

    Raises:
        SystemExit: the command failed, or an answer is not a verified proof.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in line.items)
        (folder / "items.jsonl").write_text(text, encoding="utf-8")
        environment = os.environ | {"PYTHONPATH": str(tree), "LEANSIEVE_LEAN__WORKERS": str(line.workers)}
        spent, began = processor_seconds(), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "service", *line.arguments(folder)],
            cwd=tree, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        result = Run(time.perf_counter() - began, processor_seconds() - spent)
        answers = (folder / "out.jsonl").read_text(encoding="utf-8").splitlines() if line.items else []
    if done.returncode or len(answers) != len(line.items):
        raise SystemExit(f"{tree}: {line.title}: exit status {done.returncode}\n{done.stderr[-2_000:]}")
    return result


def processor_seconds() -> float:
    """Return the processor time of child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(old: Path, new: Path, line: Line, turns: int) -> list[tuple[Run, Run]]:
    """Run both trees in turns, in changing order."""
    for tree in (old, new):
        run(tree, Line(line.title, line.arguments, line.items[:20], line.workers))
    results = []
    for turn in range(turns):
        pair = {tree: run(tree, line) for tree in ((old, new) if turn % 2 == 0 else (new, old))}
        results.append((pair[old], pair[new]))
    return results


def summary(results: list[tuple[Run, Run]]) -> dict[str, float]:
    """Return the medians of both trees, and the median and range of the ratio."""
    ratios = sorted(old.seconds / new.seconds for old, new in results)
    return {
        "old_seconds": statistics.median(old.seconds for old, _ in results),
        "new_seconds": statistics.median(new.seconds for _, new in results),
        "ratio": statistics.median(ratios),
        "least_ratio": ratios[0],
        "greatest_ratio": ratios[-1],
        "processor_ratio": statistics.median(old.processor_seconds / new.processor_seconds for old, new in results),
    }


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the items")
    parser.add_argument("--only", nargs="+", choices=list(lines(1.0)), default=list(lines(1.0)))
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    table = Table("line", "old s", "new s", "old / new", "range", "processor s, old / new")
    written: dict[str, object] = {
        "machine": {"cores": psutil.cpu_count(), "load": psutil.getloadavg()[0]},
        "turns": chosen.turns,
        "lines": {},
    }
    for name in chosen.only:
        line = lines(chosen.scale)[name]
        results = compare(chosen.old.resolve(), chosen.new.resolve(), line, chosen.turns)
        found = summary(results)
        table.add_row(
            line.title, f"{found['old_seconds']:.1f}", f"{found['new_seconds']:.1f}", f"{found['ratio']:.2f}",
            f"{found['least_ratio']:.2f} to {found['greatest_ratio']:.2f}", f"{found['processor_ratio']:.2f}",
        )  # fmt: skip
        print(f"{line.title}: {found['ratio']:.2f}", file=sys.stderr, flush=True)
        runs = [[asdict(old), asdict(new)] for old, new in results]
        written["lines"] |= {name: found | {"title": line.title, "items": len(line.items), "runs": runs}}  # type: ignore[operator]
        if chosen.json:
            chosen.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    Console().print(table)


if __name__ == "__main__":
    main()
