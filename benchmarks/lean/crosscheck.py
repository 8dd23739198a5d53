"""Compares the second kernel with the worker's replay of the same proofs: cost and agreement.

    python -m benchmarks.lean.crosscheck [--proofs 600] [--json crosscheck.json]

Every honest proof of tests/honest is checked by one warm worker, whose replay is timed. Each verified proof is sent to the
second kernel twice: first with an empty environment, so that it also reads the library constants of the proof (cold), then
to the same process again (warm). Reported: its own milliseconds, and the wall-clock time including pipes and library constants.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from rich.progress import track

from benchmarks.lean.lean_pool import publish, quantile
from prover.lean.checker import Terms
from prover.lean.crosscheck.process import KernelProcess
from prover.lean.crosscheck.second import Opinion, SecondKernel
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.wire.answers import Export, Name
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.verdict import Limits
from tests.honest.honest_proofs import HONEST, HonestProof

PATIENT = Terms(Limits(seconds=120))
LATE = 0.95


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the median, the 95th percentile and the sum."""
    return {"p50": quantile(list(values), 0.5), "p95": quantile(list(values), LATE), "sum": sum(values)}


async def starts(count: int = 20) -> dict[str, float]:
    """Return the milliseconds to start a process that is ready for a proof."""
    taken = []
    await (await KernelProcess.start()).close()  # builds the program
    for _ in range(count):
        began = time.perf_counter()
        process = await KernelProcess.start()
        taken.append(1e3 * (time.perf_counter() - began))
        await process.close()
    return spread(taken)


async def measure(lean: EmbeddedLean, most: int) -> dict[str, Any]:
    """Return all figures, over at most so many honest proofs."""
    proofs = [proof for collection in HONEST.values() for proof in collection][:most]
    result: dict[str, Any] = {"machine": {"cores": psutil.cpu_count(), "load": psutil.getloadavg()[0]}}
    result["start, ms"] = await starts()
    second = SecondKernel()
    config = PoolConfig(workers=1, spares=0, max_queued=10_000, grace_seconds=5.0)
    async with WorkerPool(lean, config) as pool:
        await pool.ready()
        replays: list[float] = []
        verified: list[tuple[HonestProof, Export]] = []
        for proof in track(proofs, "our own kernel"):
            verdict, export = await pool.exported(proof.theorem, proof.candidate, PATIENT)
            if export is not None:
                verified.append((proof, export))
                replays.append(verdict.timing["replay_ms"])

        async def judged(proof: HonestProof, export: Export) -> tuple[Opinion, float]:
            async def closure(names: Sequence[Name], known: Sequence[Name]) -> str:
                return await pool.closure(proof.theorem, names, known, PATIENT)

            began = time.perf_counter()
            opinion = await second.judge(export, closure, PATIENT.limits)
            return opinion, 1e3 * (time.perf_counter() - began)

        result["our own replay, ms"] = spread(replays)
        outcomes: Counter[str] = Counter()
        for phase in ("cold", "warm"):
            answers = [await judged(proof, export) for proof, export in track(verified, f"second kernel, {phase}")]
            result[f"second kernel, {phase}, ms"] = spread([opinion.ms for opinion, _ in answers])
            result[f"second kernel, {phase}, wall clock, ms"] = spread([taken for _, taken in answers])
            outcomes.update(f"{phase}: {opinion.outcome}" for opinion, _ in answers)
        result["proofs"] = {"checked": len(proofs), "verified": len(verified), **outcomes}
        result["second kernel / our own replay"] = {
            part: result["second kernel, warm, ms"][part] / result["our own replay, ms"][part]
            for part in ("p50", "p95", "sum")
        }
        processes = [psutil.Process(pid) for pid in second.pids]
        family = [child for process in processes for child in (process, *process.children(recursive=True))]
        result["memory, MiB"] = {"resident": sum(process.memory_info().rss for process in family) / (1 << 20)}
    await second.close()
    return result


def main() -> None:
    """Run the benchmark and report its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--proofs", type=int, default=1_000, help="maximum number of honest proofs")
    parser.add_argument("--json", type=Path, default=Path("crosscheck.json"), help="where to write the figures")
    arguments = parser.parse_args()
    lean = EmbeddedLean()
    lean.prepare()
    result = asyncio.run(measure(lean, arguments.proofs))
    publish(result, arguments.json)


if __name__ == "__main__":
    main()
