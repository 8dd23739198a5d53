"""Compares the cost of the three paths of a check on the same proofs.

    python -m benchmarks.lean.paths [--proofs 60] [--rounds 3] [--before COMMIT] [--json paths.json]

Each honest proof is checked by one warm worker (`listed`), by the same worker with `ℕ`, a notation of the context, for `Nat` (`transparent`), and
by an elaborator and a judge (`quarantine`), in turns. The first candidate of a theorem, whose statement is elaborated alone, does
not count. Further figures: the time from the start of a quarantine to its first verdict, the memory of its processes, and the size
of exports and the time to read them. With `--before`, the `listed` path is also measured with the worker program of an earlier
commit, in turns with today's.
"""

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.lean.lean_pool import quantile, show
from benchmarks.lean.memory import pids, weigh

sys.path.insert(0, str(Path(__file__).parents[2]))  # the honest proofs belong to the tests

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.wire import quarantine as wire
from prover.lean.workers.isolation.quarantine import Quarantine
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.theorem import Header, Theorem
from prover.verdict import Limits, Mode, Verdict
from prover.verdict import Path as Lane
from tests.honest.honest_proofs import HONEST, HonestProof

PATIENT = Terms(Limits(seconds=120))
_CONFIG = PoolConfig(workers=1, spares=0)


def spread(values: list[float]) -> dict[str, float]:
    """Return the median and the 95th percentile."""
    return {"p50": round(statistics.median(values), 3), "p95": round(quantile(values, 0.95), 3)}


async def timed(check: Awaitable[Verdict]) -> float:
    """Return the milliseconds of a check that must verify."""
    started = time.perf_counter()
    verdict = await check
    if not verdict.verified:
        raise SystemExit(f"an honest proof is not verified: {verdict}")
    return 1000 * (time.perf_counter() - started)


async def costs(
    ways: dict[str, Callable[[Theorem, Candidate], Awaitable[Verdict]]], proofs: list[HonestProof], rounds: int
) -> dict[str, list[float]]:
    """Return the milliseconds of each path for each proof: the median of further candidates that differ by a comment."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for proof in proofs:
        runs: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds + 1):
            text = f"{proof.candidate.text}\n-- {number}"
            for name, way in ways.items():
                ms = await timed(way(proof.theorem, Candidate(text)))
                if number:
                    runs[name].append(ms)
        for name, each in runs.items():
            taken[name].append(statistics.median(each))
    return taken


async def exports(pool: WorkerPool, proofs: list[HonestProof]) -> dict[str, dict[str, float]]:
    """Return the size of exports in bytes, and a judge's time to read them in milliseconds."""
    sizes: list[float] = []
    reading: list[float] = []
    for proof in proofs:
        theorem = pool.canonical(proof.theorem)
        elaborator = await _elaborator(pool, theorem)
        fixed = await elaborator.ask(wire.reference(theorem, PATIENT), theorem, PATIENT)
        handed = await elaborator.ask(wire.candidate(theorem, proof.candidate, PATIENT), theorem, PATIENT)
        judges = await pool.judges()
        verdict, _ = await judges.ask(wire.judge(theorem, fixed, handed, PATIENT), theorem, PATIENT)
        sizes.append(len(handed.export.encode()))
        reading.append(verdict.timing["judge_read_ms"])
    await _END.pop().close()
    return {"bytes": spread(sizes), "read_ms": spread(reading)}


_END: list[WorkerPool] = []


async def _elaborator(pool: WorkerPool, theorem: Theorem) -> WorkerPool:
    if not _END:
        _END.append(await pool.elaborator(theorem))
    return _END[0]


async def first_verdict(pool: WorkerPool) -> list[float]:
    """Return the seconds from the start of a quarantine to its first verdict, for a context with code; the judge is warm."""
    theorem = pool.canonical(Theorem("theorem t (a b : ℕ) : a + b = b + a", Header(), 'notation "ℕ" => Nat'))
    seconds = []
    for _ in range(5):
        quarantine = Quarantine(lambda: pool.elaborator(theorem), pool.judges)
        seconds.append(await timed(quarantine.check(theorem, Candidate("by omega"), PATIENT)) / 1000)
        await quarantine.close()
    return seconds


def in_notation(text: str) -> str:
    """Return a text with `ℕ` for `Nat`."""
    return re.sub(r"(?<![\w.])Nat(?![\w.'])", "ℕ", text)


async def transparently(pool: WorkerPool, theorem: Theorem, candidate: Candidate) -> Verdict:
    """Return the verdict on a proof that contains `ℕ`."""
    context = f'{theorem.context}\nnotation "ℕ" => Nat'
    stated = replace(theorem, context=context, statement=in_notation(theorem.statement))
    verdict = await pool.check(stated, Candidate(in_notation(candidate.text)), PATIENT)
    if verdict.verified and verdict.path is not Lane.TRANSPARENT:
        raise SystemExit(f"a proof took another path: {verdict}")
    return verdict


def memory(*pools: WorkerPool) -> int:
    """Return the MiB of the pools' workers together; shared pages count once."""
    return weigh(pids(*pools))["together MiB"]


def program_of(commit: str) -> str:
    """Return the worker program of a commit."""
    folder = "prover/lean/worker/"
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", commit, folder], capture_output=True, text=True, check=True
    )
    files = sorted((name for name in listed.stdout.split() if name.endswith(".lean")), key=lambda name: Path(name).name)
    shown = [
        subprocess.run(["git", "show", f"{commit}:{name}"], capture_output=True, text=True, check=True)
        for name in files
    ]
    return "\n".join(file.stdout for file in shown)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proofs", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", help="a commit whose worker program is measured, too")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    honest = [
        proof
        for name in ("terms", "tactics", "structured")
        for proof in HONEST[name]
        if proof.candidate.mode is Mode.PROOF
    ]
    proofs = honest[:: max(1, len(honest) // options.proofs)][: options.proofs]
    result: dict[str, Any] = {"proofs": len(proofs)}
    async with WorkerPool(EmbeddedLean(), _CONFIG) as pool:
        await pool.ready()
        some = pool.canonical(proofs[0].theorem)
        judges, running = await pool.judges(), await pool.elaborator(some)
        quarantine = Quarantine(lambda: pool.elaborator(some), pool.judges)
        _END.append(running)
        result["exports"] = await exports(pool, proofs)
        ways: dict[str, Callable[[Theorem, Candidate], Awaitable[Verdict]]] = {
            "listed": lambda theorem, candidate: pool.check(theorem, candidate, PATIENT),
            "transparent": lambda theorem, candidate: transparently(pool, theorem, candidate),
            "quarantine": lambda theorem, candidate: quarantine.check(pool.canonical(theorem), candidate, PATIENT),
        }
        taken = await costs(ways, proofs, options.rounds)
        result |= {f"{name}_ms": spread(values) for name, values in taken.items()}
        for name in ("transparent", "quarantine"):
            ratios = [other / listed for other, listed in zip(taken[name], taken["listed"], strict=True)]
            result[f"{name} / listed"] = spread(ratios)
        assert quarantine._running is not None
        elaborator = quarantine._running
        assert isinstance(elaborator, WorkerPool)
        result["memory: elaborator + judge / worker"] = round(memory(elaborator, judges) / memory(pool), 2)
        result["memory: elaborator / worker"] = round(memory(elaborator) / memory(pool), 2)
        await quarantine.close()
        result["seconds to the first verdict of a new quarantine"] = spread(await first_verdict(pool))
        if options.before:
            async with WorkerPool(EmbeddedLean(program=program_of(options.before)), _CONFIG) as earlier:
                await earlier.ready()
                ways = {
                    "now": ways["listed"],
                    "before": lambda theorem, candidate: earlier.check(theorem, candidate, PATIENT),
                }
                taken = await costs(ways, proofs, options.rounds)
            result["listed now / before"] = spread(
                [now / then for now, then in zip(taken["now"], taken["before"], strict=True)]
            )
    show(result, Console())
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
