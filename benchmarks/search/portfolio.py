"""Measures the templates of the portfolio and orders them by success per second.

    python -m benchmarks.search.portfolio [--data FILE.jsonl ...] [--theorems 150] [--seconds 5] [--workers 1] [--write]

Every instance of every template is checked on a sample of theorems: the textbook theorems of benchmarks/textbook.jsonl and,
if it exists, a corpus (by default runs/corpora/core_train.jsonl). Verdicts are stored in --log and not measured
again, so that a run can be interrupted and templates added. The order is greedy: first the template that solves
most theorems per second, then the one that solves most of the remaining theorems per second spent on them, and so
on. With --write the order and the figures are written to prover/sampling/portfolio/portfolio.json.

With --project DIR, a Lake project with Mathlib, and --data FILE of theorems whose header imports it, the
templates for Mathlib (mathlib.json) are measured, whose shipped order has not been measured.
"""

import argparse
import asyncio
import datetime
import hashlib
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.native import NativeToolchain
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.sampling.portfolio.portfolio import fillings, mathlib_templates, templates
from prover.sampling.portfolio.templates import Template
from prover.theorem import Header, Theorem
from prover.verdict import Limits

ROOT = Path(__file__).resolve().parents[2]
TEXTBOOK = ROOT / "benchmarks" / "textbook.jsonl"
CORPUS = ROOT / "runs" / "corpora" / "core_train.jsonl"
SHIPPED = ROOT / "prover" / "sampling" / "portfolio"


@dataclass
class Result:
    """The result of one template on one theorem: whether an instance was verified, and the seconds until then."""

    solved: bool = False
    seconds: float = 0.0
    checks: int = 0


Results = Mapping[str, Mapping[str, Result]]  # template -> theorem -> result


def main() -> None:
    """Measure, print, write."""
    options = parse_options()
    theorems = read_theorems(options.data, options.theorems, options.seed)
    log = {(row["theorem"], row["proof"]): row for row in read_log(options.log)}
    lean = asyncio.run(measure(theorems, log, options))
    results = aggregate(theorems, log, options)
    order = greedy_order(results)
    show(order, results, len(theorems))
    if options.write:
        write(order, results, theorems, lean, options)


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", help="corpus, JSON lines with a `statement`")
    parser.add_argument("--theorems", type=int, default=150, help="maximum number of theorems of each corpus")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample")
    parser.add_argument("--seconds", type=float, default=5.0, help="deadline of a check")
    parser.add_argument("--workers", type=int, default=1, help="Lean workers")
    parser.add_argument("--log", type=Path, default=Path("portfolio-checks.jsonl"), help="file of verdicts")
    parser.add_argument("--project", type=Path, help="a Lake project with Mathlib: orders the templates for it")
    parser.add_argument("--write", action="store_true", help="write prover/sampling/portfolio/portfolio.json")
    options = parser.parse_args()
    options.data = options.data or [path for path in (CORPUS,) if path.exists()]
    return options


def read_theorems(corpora: Iterable[Path], count: int, seed: int) -> list[Theorem]:
    """Return the textbook theorems and at most `count` theorems of each corpus."""
    theorems = []
    for path in (TEXTBOOK, *corpora):
        rows = read_corpus(path)
        theorems += random.Random(seed).sample(rows, min(count, len(rows)))
    return theorems


def shipped(options: argparse.Namespace) -> tuple[Template, ...]:
    """Return the templates to order."""
    return mathlib_templates() if options.project else templates()


def read_corpus(path: Path) -> list[Theorem]:
    """Return the theorems of a JSONL file, except those held back from tuning."""
    found = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    rows = [row for row in found if not row.get("held_back")]
    return [Theorem(row["statement"], Header.parse(row.get("header", "")), row.get("context", "")) for row in rows]


def read_log(path: Path) -> list[dict[str, object]]:
    """Return the rows written so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def measure(
    theorems: Sequence[Theorem], log: dict[tuple[str, str], dict[str, object]], options: argparse.Namespace
) -> str:
    """Check everything that is not in the log, and return Lean's version."""
    wanted = shipped(options)
    jobs = [
        (theorem, proof)
        for theorem in theorems
        for template, proof in fillings(theorem)
        if template in wanted and (theorem.digest, proof) not in log
    ]
    runtime = NativeToolchain(options.project) if options.project else EmbeddedLean()
    await asyncio.to_thread(runtime.prepare)
    terms = Terms(Limits(seconds=options.seconds))
    slots = asyncio.Semaphore(options.workers)
    console = Console(stderr=True)
    with options.log.open("a") as file, Progress(console=console) as progress:
        bar = progress.add_task(f"{len(theorems)} theorems, {len(jobs)} checks", total=len(jobs))
        async with WorkerPool(runtime, PoolConfig(workers=options.workers, spares=0)) as pool:
            await pool.ready()

            async def check(theorem: Theorem, proof: str) -> None:
                async with slots:
                    verdict = await pool.check(theorem, Candidate(proof), terms)
                row = {
                    "theorem": theorem.digest,
                    "proof": proof,
                    "verdict": verdict.kind.value,
                    "ms": round(verdict.elapsed_ms, 1),
                }
                log[theorem.digest, proof] = row
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                file.flush()
                progress.advance(bar)

            for start in range(0, len(jobs), 512):
                await asyncio.gather(*(check(*job) for job in jobs[start : start + 512]))
            return pool.lean_version


def aggregate(
    theorems: Sequence[Theorem], log: Mapping[tuple[str, str], Mapping[str, object]], options: argparse.Namespace
) -> Results:
    """Return the log by template and theorem."""
    results: dict[str, dict[str, Result]] = {template.name: {} for template in shipped(options)}
    for theorem in theorems:
        for template, proof in fillings(theorem):
            if template.name not in results:
                continue
            result = results[template.name].setdefault(theorem.digest, Result())
            if not result.solved:
                row = log[theorem.digest, proof]
                result.checks += 1
                result.seconds += float(str(row["ms"])) / 1000
                result.solved = row["verdict"] == "verified"
    return results


def greedy_order(results: Results) -> list[tuple[str, int]]:
    """Return the templates in order, each with the number of theorems that it solves and no earlier one does.

    Templates that solve nothing new come last, ordered by their own success per second.
    """
    left = {name: dict(by_theorem) for name, by_theorem in results.items()}
    order: list[tuple[str, int]] = []
    while left:
        best = max(left, key=lambda name: (rate(left[name].values()), rate(results[name].values())))
        solved = {theorem for theorem, result in left.pop(best).items() if result.solved}
        order.append((best, len(solved)))
        left = {
            name: {theorem: result for theorem, result in by_theorem.items() if theorem not in solved}
            for name, by_theorem in left.items()
        }
    return order


def rate(results: Iterable[Result]) -> float:
    """Return the theorems solved per second."""
    rows = list(results)
    return sum(row.solved for row in rows) / max(sum(row.seconds for row in rows), 1e-9)


def totals(results: Iterable[Result]) -> dict[str, float]:
    """Return the sums over theorems."""
    rows = list(results)
    return {
        "tried": len(rows),
        "solved": sum(row.solved for row in rows),
        "checks": sum(row.checks for row in rows),
        "seconds": round(sum(row.seconds for row in rows), 2),
    }


def show(order: Sequence[tuple[str, int]], results: Results, theorems: int) -> None:
    """Print the order with its figures."""
    table = Table("template", "tried on", "solved", "first", "checks", "seconds", title=f"{theorems} theorems")
    for name, first in order:
        sums = totals(results[name].values())
        table.add_row(
            name, str(sums["tried"]), str(sums["solved"]), str(first), str(sums["checks"]), f"{sums['seconds']:.1f}"
        )
    Console().print(table)
    Console().print(f"solved by some template: {sum(first for _, first in order)} of {theorems}")


def write(
    order: Sequence[tuple[str, int]],
    results: Results,
    theorems: Sequence[Theorem],
    lean: str,
    options: argparse.Namespace,
) -> None:
    """Write portfolio.json: the measurement, then the templates in their order."""
    tactics = {template.name: template.tactics for template in shipped(options)}
    sample = hashlib.sha256("".join(sorted(theorem.digest for theorem in theorems)).encode()).hexdigest()
    content = {
        "measured": {
            "by": "benchmarks/search/portfolio.py",
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "lean": lean,
            "corpora": ["benchmarks/textbook.jsonl", *(path.name for path in options.data)],
            "theorems": len(theorems),
            "sample_sha256": sample,
            "solved": sum(first for _, first in order),
            "seconds_per_check": options.seconds,
        },
        "templates": [
            {"name": name, "tactics": tactics[name], "first": first, **totals(results[name].values())}
            for name, first in order
        ],
    }
    (SHIPPED / ("mathlib.json" if options.project else "portfolio.json")).write_text(
        json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
