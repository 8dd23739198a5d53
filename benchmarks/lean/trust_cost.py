"""What trust costs: vetting, comparison, audit and replay beside elaboration; isolated replay; the exploits; fuzzing.

    python -m benchmarks.lean.trust_cost [--proofs 600] [--examples 250] [--exploits 300] [--json trust_cost.json]

Every honest proof of tests/honest is checked twice by one warm worker. The first check of a theorem also elaborates its
statement alone, which all further candidates for it share; so both costs are shown. Lean elaborates a proof without the
kernel's check, since the replay makes it; "all Lean does" is therefore elaboration and replay together, and "added" is
what remains of a check: vetting, statement, comparison, audit. In whole files vetting goes command by command with
elaboration and is counted there, and the kernel's check is made twice.
"""

import argparse
import asyncio
import json
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
from rich.console import Console
from rich.progress import track

from benchmarks.lean.lean_pool import quantile, show

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
    """Median and 95th percentile."""
    listed = list(values)
    return {"median": statistics.median(listed), "p95": quantile(listed, 0.95)}


def costs(verdicts: list[Verdict], mode: Mode) -> dict[str, dict[str, float]]:
    """Milliseconds by step, and what they are worth beside elaboration, over the checks in one mode."""
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
    """The cost of trust over the honest proofs."""
    first, further = [], []
    for proof in track(proofs, "honest proofs"):
        # the second candidate differs by a comment: its theorem is known by then
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
    """Seconds for each proof when one fresh process serves a batch, or a request of five, its start included."""
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
    """The suite, or its first `count` folders; slow cases too."""
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
    """`count` examples of a strategy."""
    examples: list[Any] = []

    @settings(max_examples=count, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(example: Any) -> None:
        examples.append(example)

    collect()
    return examples[:count]


def spaced(proofs: list[HonestProof], most: int) -> list[HonestProof]:
    """At most so many of the proofs, of all styles: they stand sorted by style."""
    step = max(1.0, len(proofs) / most)
    return [proofs[int(i * step)] for i in range(min(most, len(proofs)))]


def died(pool: WorkerPool) -> int:
    """Workers that a candidate ended."""
    blamed = (End.CRASHED, End.PROTOCOL_ERROR, End.FLOOD, End.INTERNAL, End.MEMORY, End.UNRESPONSIVE)
    return sum(pool.stats().ends.get(end, 0) for end in blamed)


async def fuzz(pool: WorkerPool, count: int) -> dict[str, Any]:
    """`count` examples of each kind: what became of them, and whether a worker died of one."""
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
    """All figures, over at most so many honest proofs and exploits and so many fuzz examples of each kind."""
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
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--proofs", type=int, default=1_000, help="most honest proofs")
    parser.add_argument("--exploits", type=int, default=1_000, help="most folders of exploits")
    parser.add_argument("--examples", type=int, default=250, help="fuzz examples of each kind")
    parser.add_argument("--json", type=Path, default=Path("trust_cost.json"), help="where to write the figures")
    arguments = parser.parse_args()
    lean = EmbeddedLean()
    lean.prepare()
    result = asyncio.run(measure(lean, arguments.proofs, arguments.examples, arguments.exploits))
    show(result, Console())
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written to {arguments.json}", file=sys.stderr)


if __name__ == "__main__":
    main()
