"""Measures a warm pool: throughput compared with a fresh Lean per proof, overhead, cold start, memory, scaling.

    python -m benchmarks.lean.lean_pool [--fresh 20] [--warm 200] [--warm-up 40] [--json lean_pool.json]

Proofs have three strata: one-liners, automation on small goals, and heavier automation or structured proofs. Each contains
its own numbers, so that no two requests are equal. A fresh process is measured in two ways: `lean` on
a file with the theorem and its proof (as in a script without leansieve), and a worker started for
one check. Times depend on the machine's other load; processor seconds of the Lean processes are reported, too.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from prover.candidate import Candidate
from prover.lean.processes.tree import resident_bytes
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.theorem import Theorem
from prover.verdict import Verdict

STRATA = {
    "one-liners": [
        ("theorem t{n} : {n} + 1 = 1 + {n}", "rfl"),
        ("theorem t{n} : {n} < {n} + 5", "by decide"),
        ("theorem t{n} (a b : Nat) : a + b + {n} = b + a + {n}", "by rw [Nat.add_comm a b]"),
        ("theorem t{n} (p q : Prop) (hp : p) (hq : q) : (p ∧ q) ∧ {n} = {n}", "⟨⟨hp, hq⟩, rfl⟩"),
        ("theorem t{n} (xs : List Nat) : (xs ++ []).length + {n} = xs.length + {n}", "by simp"),
        ("theorem t{n} (a b : Nat) (h : a = b) : b + {n} = a + {n}", "h ▸ rfl"),
        ("theorem t{n} (a : Nat) (h : {n} < a) : a ≠ {n}", "(Nat.ne_of_lt h).symm"),
    ],
    "automation": [
        ("theorem t{n} (a b : Nat) (h : a < b) : a + {n} < b + {n} + 1", "by omega"),
        ("theorem t{n} (a b c : Int) (h : a + {n} ≤ b) (k : b ≤ c) : a ≤ c - {n}", "by omega"),
        ("theorem t{n} (p q r : Prop) (h : p → q) (k : q → r) (hp : p) : r ∧ {n} ≤ {n}", "by simp_all"),
        ("theorem t{n} (xs ys : List Nat) : (xs ++ ys).reverse.length + {n} = ys.length + xs.length + {n}",
         "by simp [Nat.add_comm]"),
        ("theorem t{n} (f : Nat → Nat) (h : ∀ x, f x = x + {n}) : f (f 0) = {n} + {n}", "by simp [h]"),
        ("theorem t{n} (a b c : Nat) : a * (b + c) + {n} = a * c + a * b + {n}",
         "by rw [Nat.mul_add, Nat.add_comm (a * b)]"),
        ("theorem t{n} (x : Option Nat) (h : x.isSome) : ∃ y, x = some y ∧ {n} = {n}",
         "by\n  cases x with\n  | none => simp at h\n  | some y => exact ⟨y, rfl, rfl⟩"),
    ],
    "heavier": [
        ("theorem t{n} (a b c : Nat) (f : Nat → Nat) (h : a = b) (k : f b = c) : f a + {n} = c + {n}", "by grind"),
        ("theorem t{n} (a b c : Nat) (h : a ∣ b) (k : a ∣ c) : a ∣ b * {n} + c * {n}",
         "by\n  obtain ⟨x, rfl⟩ := h\n  obtain ⟨y, rfl⟩ := k\n  exact ⟨x * {n} + y * {n}, by grind⟩"),
        ("theorem t{n} (k : Nat) : 2 * ((List.range (k + 1)).foldl (· + ·) 0) + {n} = k * (k + 1) + {n}",
         "by\n  induction k with\n  | zero => rfl\n  | succ k ih =>\n    rw [List.range_succ, List.foldl_append]\n"
         "    simp only [List.foldl_cons, List.foldl_nil]\n    grind"),
        ("theorem t{n} (a b c d : Int) (h : a + b = c + {n}) (k : b + d = {n}) (l : d = 3) : a = c + 3", "by omega"),
        ("theorem t{n} (xs : List Nat) (h : {n} ∈ xs) : ∃ ys zs, xs = ys ++ {n} :: zs",
         "by\n  induction xs with\n  | nil => cases h\n  | cons x xs ih =>\n    cases h with\n"
         "    | head => exact ⟨[], xs, rfl⟩\n    | tail _ h =>\n      obtain ⟨ys, zs, rfl⟩ := ih h\n"
         "      exact ⟨x :: ys, zs, rfl⟩"),
        ("theorem t{n} (p q r s : Prop) (h : (p ∨ q) ∧ (r ∨ s)) : (p ∧ r ∨ p ∧ s ∨ q ∧ r ∨ q ∧ s) ∧ {n} = {n}",
         "by grind"),
    ],
}  # fmt: skip


@dataclass
class Task:
    """One proof and its stratum."""

    stratum: str
    theorem: Theorem
    proof: str


@dataclass
class Fresh:
    """The cost of one proof in its own process."""

    stratum: str
    seconds: float
    processor_seconds: float


def tasks(count: int, first: int = 0) -> list[Task]:
    """Return `count` proofs with different statements, alternating between strata and between the proofs of each."""
    names = list(STRATA)
    chosen = []
    for i in range(first, first + count):
        stratum = names[i % len(names)]
        statement, proof = STRATA[stratum][i // len(names) % len(STRATA[stratum])]
        statement = statement.replace("t{n}", f"t{i}").replace("{n}", str(i % 50 + 2))
        chosen.append(Task(stratum, Theorem(statement), proof.replace("{n}", str(i % 50 + 2))))
    return chosen


def config(workers: int) -> PoolConfig:
    """Return the configuration of a pool without optional features."""
    return PoolConfig(workers=workers, spares=0, max_queued=10_000)


def expect(verdict: Verdict, task: Task) -> Verdict:
    """Raise an error unless the proof is verified, since all proofs of this file are correct."""
    if not verdict.verified:
        raise SystemExit(f"{task.theorem.statement} := {task.proof}\n{verdict}")
    return verdict


def fresh_file(lean: EmbeddedLean, task: Task) -> Fresh:
    """Run `lean` on a file in its own process."""
    began, spent = time.perf_counter(), children_processor_seconds()
    output = run_file(lean, f"{task.theorem.header.text}\n{task.theorem.statement} := {task.proof}\n")
    if output:
        raise SystemExit(f"{task.theorem.statement} := {task.proof}\n{output}")
    return Fresh(task.stratum, time.perf_counter() - began, children_processor_seconds() - spent)


def run_file(lean: EmbeddedLean, source: str) -> str:
    """Return `lean`'s complaint about a file; empty if it accepts it."""
    launch = lean.launch(())
    node, *options = launch.argv[: launch.argv.index("--run")]
    stack = (launch.stack_bytes or 0) // 1024
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Proof.lean").write_text(source, encoding="utf-8")
        env = {**launch.env, "LEANSIEVE_PROGRAM": folder}
        env.pop("LEANSIEVE_IMAGES")  # the image of a worker would start the worker
        done = subprocess.run(
            [
                "/bin/sh",
                "-c",
                f'ulimit -S -s {stack} && exec "$@"',
                "sh",
                node,
                f"--allow-fs-read={folder}",
                *options,
                "/program/Proof.lean",
            ],
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    return "" if done.returncode == 0 else done.stdout[-1_000:] + done.stderr[-1_000:] or "no output"


def children_processor_seconds() -> float:
    """Return the processor time of child processes that have ended."""
    times = psutil.Process().cpu_times()
    return times.children_user + times.children_system


async def fresh_worker(lean: EmbeddedLean, task: Task) -> Fresh:
    """Check a proof in a worker started for it."""
    began = time.perf_counter()
    async with WorkerPool(lean, config(1)) as pool:
        expect(await pool.check(task.theorem, Candidate(task.proof)), task)
        return Fresh(task.stratum, time.perf_counter() - began, processor_seconds(pool))


def processor_seconds(pool: WorkerPool) -> float:
    """Return the processor time of the running workers so far."""
    spent = 0.0
    for worker in pool.stats().workers:
        if worker.pid:
            times = psutil.Process(worker.pid).cpu_times()
            spent += times.user + times.system
    return spent


@contextlib.asynccontextmanager
async def warm_pool(lean: EmbeddedLean, workers: int, checks: int = 40) -> AsyncIterator[WorkerPool]:
    """A pool whose workers are all up and warm: they make `checks` checks together, repeated until each has made at least five."""
    async with WorkerPool(lean, config(workers)) as pool:
        await pool.ready()
        warm_up = tasks(checks)
        await asyncio.gather(*(pool.check(task.theorem, Candidate(task.proof)) for task in warm_up))
        while any(worker.served < 5 for worker in pool.stats().workers):
            await asyncio.gather(*(pool.check(task.theorem, Candidate(task.proof)) for task in warm_up))
        yield pool


async def throughput(pool: WorkerPool, batch: list[Task]) -> tuple[float, list[Verdict]]:
    """Return the proofs per second with all checks submitted at once."""
    began = time.perf_counter()
    verdicts = await asyncio.gather(*(pool.check(task.theorem, Candidate(task.proof)) for task in batch))
    seconds = time.perf_counter() - began
    for verdict, task in zip(verdicts, batch, strict=True):
        expect(verdict, task)
    return len(batch) / seconds, verdicts


async def measure(lean: EmbeddedLean, fresh: int, warm: int, warm_up: int) -> dict[str, Any]:
    """All figures."""
    result: dict[str, Any] = {"machine": {"cores": psutil.cpu_count(), "load": psutil.getloadavg()[0]}}

    cold = [await fresh_worker(lean, task) for task in track(tasks(fresh), "a worker per proof")]
    result["fresh_worker"] = summary(cold)
    result["cold_start_seconds"] = statistics.median(run.seconds for run in cold)
    if not run_file(lean, "import Init\ntheorem wrong : 1 + 1 = 3 := by decide\n"):
        raise SystemExit("`lean` on a file accepts a wrong proof: it does not check, there is nothing to measure")
    files = [fresh_file(lean, task) for task in track(tasks(fresh), "lean FILE per proof")]
    result["fresh_file"] = summary(files)

    batch = tasks(warm, fresh)
    async with warm_pool(lean, 1, warm_up) as pool:
        one, verdicts = await throughput(pool, batch)
        result["warm_1"] = {"proofs_per_second": one}
        for stratum in STRATA:
            rate, _ = await throughput(pool, [task for task in tasks(warm, 10_000) if task.stratum == stratum])
            result[f"warm_1 {stratum}"] = {"proofs_per_second": rate}
        overheads = [verdict.elapsed_ms - verdict.timing["total_ms"] for verdict in verdicts]
        result["overhead_ms"] = {"median": statistics.median(overheads), "p95": quantile(overheads, 0.95)}
        elapsed = [verdict.elapsed_ms for verdict in verdicts]
        result["check_ms"] = {"median": statistics.median(elapsed), "p95": quantile(elapsed, 0.95)}
        (worker,) = pool.stats().workers
        assert worker.pid
        result["resident_mib"] = resident_bytes(worker.pid) >> 20
        result["processor_ms_per_check"] = await processor_ms(pool, tasks(warm, 20_000))
    async with warm_pool(lean, 2, warm_up) as pool:
        two, _ = await throughput(pool, batch)
        result["warm_2"] = {"proofs_per_second": two}
    result["scaling_1_to_2"] = two / one

    files_rate = len(files) / sum(run.seconds for run in files)
    cold_rate = len(cold) / sum(run.seconds for run in cold)
    result["processor_seconds_fresh_file_over_warm"] = (
        1_000 * statistics.mean(run.processor_seconds for run in files) / result["processor_ms_per_check"]
    )
    result["warm_over_fresh_file"] = one / files_rate
    result["warm_over_fresh_worker"] = one / cold_rate
    easy = [run.seconds for run in files if run.stratum == "one-liners"]
    easy_cold = [run.seconds for run in cold if run.stratum == "one-liners"]
    easy_rate = result["warm_1 one-liners"]["proofs_per_second"]
    result["warm_over_fresh_file one-liners"] = easy_rate * sum(easy) / len(easy)
    result["warm_over_fresh_worker one-liners"] = easy_rate * sum(easy_cold) / len(easy_cold)
    return result


async def processor_ms(pool: WorkerPool, batch: list[Task]) -> float:
    """Return the processor milliseconds of the Lean process for one check."""
    before = processor_seconds(pool)
    await throughput(pool, batch)
    return 1_000 * (processor_seconds(pool) - before) / len(batch)


def summary(runs: list[Fresh]) -> dict[str, float]:
    """Return the medians of runs in fresh processes."""
    return {
        "median_seconds": statistics.median(run.seconds for run in runs),
        "median_processor_seconds": statistics.median(run.processor_seconds for run in runs),
        "proofs_per_second": len(runs) / sum(run.seconds for run in runs),
    }


def quantile(values: list[float], share: float) -> float:
    """Return the value below which `share` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def show(result: dict[str, Any], console: Console) -> None:
    """Print a table of all figures."""
    table = Table("figure", "value")
    for name, value in result.items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        for part, number in parts:
            text = f"{number:,.2f}" if isinstance(number, float) else str(number)
            table.add_row(f"{name} {part}".strip(), text)
    console.print(table)


def publish(result: dict[str, Any], path: Path) -> None:
    """Print the figures and write them to a file."""
    show(result, Console())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path}", file=sys.stderr)


def main() -> None:
    """Run the benchmark and report its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fresh", type=int, default=20, help="proofs checked in fresh processes")
    parser.add_argument("--warm", type=int, default=200, help="proofs in the warm pool")
    parser.add_argument("--warm-up", type=int, default=40, help="unmeasured proofs before those")
    parser.add_argument("--json", type=Path, default=Path("lean_pool.json"), help="where to write the figures")
    arguments = parser.parse_args()
    lean = EmbeddedLean()
    lean.prepare()
    result = asyncio.run(measure(lean, arguments.fresh, arguments.warm, arguments.warm_up))
    publish(result, arguments.json)


if __name__ == "__main__":
    main()
