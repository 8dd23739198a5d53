"""Measures the cost of trust: vetting, comparison, audit and replay relative to elaboration; isolated replay; exploits; fuzzing.

    python -m benchmarks.lean.trust_cost [--proofs 600] [--examples 250] [--exploits 300] [--json trust_cost.json]

Every honest proof of tests/honest is checked twice by one warm worker. The first check of a theorem also elaborates its
statement alone, which all further candidates share, so both costs are reported. Lean elaborates a proof without the
kernel's check, since the replay makes it; "all Lean does" is therefore elaboration and replay together, and "added" is
the rest of a check: vetting, statement, comparison, audit. Whole files are vetted command by command during
elaboration, which includes that cost, and the kernel checks them twice.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rich.progress import track

from benchmarks.lean.lean_pool import publish, quantile

sys.path.insert(0, str(Path(__file__).parents[2]))  # the exploits and the honest proofs belong to the tests

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.processes.ending import End
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.theorem import Theorem
from prover.verdict import Limits, Mode, Verdict, VerdictKind
from tests.adversarial import test_fuzz
from tests.adversarial.exploits import EXPLOITS, HERE
from tests.honest.honest_proofs import HONEST, HonestProof

PATIENT = Terms(Limits(seconds=120))
STEPS = ("vet_ms", "compare_ms", "audit_ms", "replay_ms")


def spread(values: Iterable[float]) -> dict[str, float]:
    """Return the median and the 95th percentile."""
    listed = list(values)
    return {"median": statistics.median(listed), "p95": quantile(listed, 0.95)}


def costs(verdicts: list[Verdict], mode: Mode) -> dict[str, dict[str, float]]:
    """Return the milliseconds by step, and relative to elaboration, over the checks in one mode."""
    timings = [verdict.timing for verdict in verdicts if verdict.mode is mode]
    result = {
        step: spread(timing.get(step, 0.0) for timing in timings) for step in ("elaborate_ms", *STEPS, "total_ms")
    }
    result["all steps / elaboration"] = spread(
        sum(timing.get(step, 0.0) for step in STEPS) / timing["elaborate_ms"] for timing in timings
    )
    lean = [timing["elaborate_ms"] + (timing["replay_ms"] if mode is Mode.PROOF else 0.0) for timing in timings]
    result["added / all Lean does"] = spread(
        (timing["total_ms"] - own) / own for timing, own in zip(timings, lean, strict=True)
    )
    return result


async def honest(pool: WorkerPool, proofs: list[HonestProof]) -> dict[str, Any]:
    """Return the cost of trust over the honest proofs."""
    first, further = [], []
    for proof in track(proofs, "honest proofs"):
        # the second candidate differs by a comment and reuses the theorem's statement
        for text, verdicts in ((proof.candidate.text, first), (proof.candidate.text + "\n-- again", further)):
            verdict = await pool.check(proof.theorem, Candidate(text, proof.candidate.mode), PATIENT)
            if not verdict.verified:
                raise SystemExit(f"{proof.id} is not verified: {verdict}")
            verdicts.append(verdict)
    result: dict[str, Any] = {"honest proofs": len(proofs)}
    for name, verdicts in (("first", first), ("further", further)):
        for mode in Mode:
            result |= {f"{name} candidate, {mode}, {what}": share for what, share in costs(verdicts, mode).items()}
    return result


async def isolated(pool: WorkerPool, proofs: list[HonestProof]) -> dict[str, float]:
    """Return the seconds per proof of a fresh process that serves a batch, or a request of five, including its start."""
    began = time.perf_counter()
    async with pool.isolated() as checker:
        for proof in track(proofs, "isolated replay"):
            await checker.check(proof.theorem, proof.candidate, PATIENT)
    batch = time.perf_counter() - began
    began = time.perf_counter()
    async with pool.isolated() as checker:
        for proof in proofs[:5]:
            await checker.check(proof.theorem, proof.candidate, PATIENT)
    few = time.perf_counter() - began
    return {
        f"isolated replay, batch of {len(proofs)}, seconds per proof": batch / len(proofs),
        "isolated replay, request of 5, seconds per proof": few / 5,
    }


async def adversarial(pool: WorkerPool, count: int) -> dict[str, Any]:
    """Return the suite, or its first `count` folders, including slow cases."""
    verdicts: Counter[str] = Counter()
    checks = 0
    cases = list(EXPLOITS.items())[:count]
    began = time.perf_counter()
    for name, case in track(cases, "exploits"):
        candidates = case.texts(HERE / name)
        found = await asyncio.gather(*(pool.check(case.theorem, text, case.terms) for text in candidates))
        verdicts.update(verdict.kind for verdict in found)
        checks += len(found)
    return {
        "exploits": {"folders": len(cases), "candidates": checks, "accepted": verdicts[VerdictKind.VERIFIED]},
        "exploits, seconds": time.perf_counter() - began,
        "exploits, verdicts": dict(verdicts),
    }


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """Return `count` examples of a strategy."""
    examples: list[Any] = []

    @settings(max_examples=count, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(example: Any) -> None:
        examples.append(example)

    collect()
    return examples[:count]


def spaced(proofs: list[HonestProof], most: int) -> list[HonestProof]:
    """Return at most so many proofs, spread over all styles; they are sorted by style."""
    step = max(1.0, len(proofs) / most)
    return [proofs[int(i * step)] for i in range(min(most, len(proofs)))]


def died(pool: WorkerPool) -> int:
    """Return the number of workers that a candidate ended."""
    blamed = (End.CRASHED, End.PROTOCOL_ERROR, End.FLOOD, End.INTERNAL, End.MEMORY, End.UNRESPONSIVE)
    return sum(pool.stats().ends.get(end, 0) for end in blamed)


async def fuzz(pool: WorkerPool, count: int) -> dict[str, Any]:
    """Return the verdicts on `count` examples of each kind, and the number of workers that died."""
    soups = drawn(st.one_of(test_fuzz.soup(80), test_fuzz.garbage()), count)
    checks: list[tuple[Theorem, Candidate]] = [
        (test_fuzz.FALSE, Candidate(text, mode)) for text in soups for mode in Mode
    ]
    for strategy in (test_fuzz.refutation(), test_fuzz.truncation()):
        checks += [(theorem, Candidate(text)) for theorem, text in drawn(strategy, count)]
    before = died(pool)
    verdicts = await asyncio.gather(*(pool.check(theorem, text, test_fuzz.TERMS) for theorem, text in checks))
    kinds = Counter(verdict.kind for verdict in verdicts)
    return {
        "fuzz": {"cases": len(checks), "accepted": kinds[VerdictKind.VERIFIED], "worker deaths": died(pool) - before},
        "fuzz, verdicts": {str(kind): number for kind, number in kinds.items()},
    }


async def measure(lean: EmbeddedLean, most: int, examples: int, exploits: int) -> dict[str, Any]:
    """Return all figures, over at most so many honest proofs and exploits, and so many fuzz examples of each kind."""
    proofs = spaced([proof for collection in HONEST.values() for proof in collection], most)
    config = PoolConfig(workers=1, spares=0, max_queued=10_000, grace_seconds=5.0)
    result: dict[str, Any] = {"machine": {"cores": psutil.cpu_count(), "load": psutil.getloadavg()[0]}}
    async with WorkerPool(lean, config) as pool:
        await pool.ready()
        for proof in proofs[:60]:
            await pool.check(proof.theorem, proof.candidate, PATIENT)
        result |= await honest(pool, proofs)
        result |= await isolated(pool, proofs)
        result |= await fuzz(pool, examples)
        result |= await adversarial(pool, exploits)
    return result


def main() -> None:
    """Run the benchmark and report its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--proofs", type=int, default=1_000, help="maximum number of honest proofs")
    parser.add_argument("--exploits", type=int, default=1_000, help="maximum number of folders of exploits")
    parser.add_argument("--examples", type=int, default=250, help="fuzz examples of each kind")
    parser.add_argument("--json", type=Path, default=Path("trust_cost.json"), help="where to write the figures")
    arguments = parser.parse_args()
    lean = EmbeddedLean()
    lean.prepare()
    result = asyncio.run(measure(lean, arguments.proofs, arguments.examples, arguments.exploits))
    publish(result, arguments.json)


if __name__ == "__main__":
    main()
