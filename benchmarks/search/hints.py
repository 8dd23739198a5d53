"""Measures hints: their latency, the number of vetoed phrasings, and hints that reveal a proof or are wrong.

    python -m benchmarks.search.hints [--theorems 40] [--rounds 6] [--seconds 10] [--workers 1] [--out hints.json]

A simulated learner, who follows the last hint exactly, proves the textbook theorems (benchmarks/textbook.jsonl) and requests all five levels
at each step. `first` is the first request of a step, which may need a search for proofs; `warm` are the later ones.
Two counts come from checks that the tutor does not make: a *leak* is code in a hint below the last level that the kernel accepts as the rest
of the proof; a *false* hint is a whole step that Lean rejects at the place named by the hint.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from prover.candidate import Candidate
from prover.options import CheckOptions
from prover.requests import Check
from prover.theorem import Theorem
from prover.tutor.hints import GivenHint, HintOutcome, Level, Tutored, Tutoring
from prover.tutor.wording.vetoes import fragments
from service.core.engine import Engine
from service.ops.config import Settings

TEXTBOOK = Path(__file__).resolve().parents[1] / "textbook.jsonl"


def main() -> None:
    """Measure; print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--theorems", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=6, help="maximum number of steps of one theorem")
    parser.add_argument("--seconds", type=float, default=10.0, help="time limit of one hint")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("hints.json"))
    options = parser.parse_args()
    figures = asyncio.run(measure(options.theorems, options.rounds, options.seconds, options.workers))
    options.out.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


async def measure(theorems: int, rounds: int, seconds: float, workers: int) -> dict[str, object]:
    """Return the figures."""
    settings = Settings()
    settings = settings.model_copy(update={"lean": settings.lean.model_copy(update={"workers": workers})})
    times: dict[str, list[float]] = {"first": [], "warm": []}
    counts: Counter[str] = Counter()
    async with Engine(settings) as engine:
        for theorem in list(textbook())[:theorems]:
            counts["theorems"] += 1
            await session(engine, theorem, rounds, seconds, times, counts)
    return {
        "counts": dict(sorted(counts.items())),
        **{
            name: {"hints": len(some), "p50_s": _quantile(some, 0.5), "p95_s": _quantile(some, 0.95)}
            for name, some in times.items()
        },
    }


async def session(
    engine: Engine, theorem: Theorem, rounds: int, seconds: float, times: dict[str, list[float]], counts: Counter[str]
) -> None:
    """Simulate one learner with one theorem."""
    proof = "by\n  sorry"
    for _ in range(rounds):
        earlier: list[GivenHint] = []
        answer: Tutored | None = None
        for _ in Level:
            began = time.monotonic()
            answer = await engine.hint(Tutoring(theorem, proof, tuple(earlier), seconds=seconds))
            if answer.refused is not None:
                counts["false"] += 1
            if answer.hint is None:
                break
            times["warm" if earlier else "first"].append(time.monotonic() - began)
            earlier.append(GivenHint(answer.hint.level, answer.hint.step))
            counts["hints"] += 1
            counts["fixed"] += answer.hint.fixed
            counts.update({f"veto {veto.value}": number for veto, number in answer.vetoes.items()})
            if answer.hint.level is not Level.FULL_STEP:
                counts["leaks"] += await leaks(engine, theorem, proof, answer.hint.text)
        assert answer is not None
        if answer.hint is None:
            counts[answer.outcome.value] += 1
            return
        counts["steps"] += 1
        proof = followed(proof, answer)
        if "sorry" not in proof:
            break
    finished = await engine.hint(Tutoring(theorem, proof, seconds=seconds))
    counts[HintOutcome.PROVED.value] += finished.outcome is HintOutcome.PROVED
    counts["false"] += finished.refused is not None


async def leaks(engine: Engine, theorem: Theorem, proof: str, hint: str) -> bool:
    """Return whether the kernel accepts code of a hint in place of the learner's only `sorry`."""
    if proof.count("sorry") != 1:
        return False
    for code in fragments(hint):
        verdict = await engine.check(Check(theorem, Candidate(proof.replace("sorry", code)), CheckOptions()))
        if verdict.verified:
            return True
    return False


def followed(proof: str, answer: Tutored) -> str:
    """Return the proof with the step of a hint in place of its first `sorry`, followed by a `sorry` for each goal that it opens."""
    assert answer.hint is not None
    lines = [line[4:] for line in answer.hint.text.split("\n") if line.startswith("    ")]
    at = proof.index("sorry")
    margin = " " * (at - proof.rfind("\n", 0, at) - 1)
    step = ("\n" + margin).join(lines)
    inside = any("sorry" in line for line in lines)
    explained = answer.hint.text.split("\n")[-1]
    if "another goal is in its place" in explained or (inside and lines[0].startswith(("have", "suffices"))):
        step += f"\n{margin}sorry"
    elif " goals are in its place" in explained:
        number = int(explained.partition(" goals are in its place")[0].rpartition(" ")[2])
        step += f"\n{margin}· sorry" * number
    return proof[:at] + step + proof[at + len("sorry") :]


def textbook() -> Iterator[Theorem]:
    """Return the textbook theorems."""
    for line in TEXTBOOK.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield Theorem(row["statement"], context=row.get("context", ""))


def _quantile(some: list[float], share: float) -> float | None:
    if len(some) < 2:
        return round(some[0], 3) if some else None
    return round(statistics.quantiles(some, n=100, method="inclusive")[round(100 * share) - 1], 3)


if __name__ == "__main__":
    main()
