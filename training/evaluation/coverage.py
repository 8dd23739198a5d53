"""Coverage of samples that are checked in part: what is certain from the verdicts so far.

    python -m training.evaluation.coverage TEXTS.jsonl.gz CORPUS.jsonl --cache VERDICTS.jsonl --heartbeats 40000 \\
      [--portfolio PORTFOLIO.jsonl] [--plans PROVED.jsonl] --out COVERAGE.json

TEXTS are those of `python -m training.evaluation.apart`, and VERDICTS those of `leansieve evaluate check`, with the same
limits. A verdict of another version of Lean or of the checker does not count.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prover.atomic import atomic_write_text
from prover.candidate import Candidate
from prover.lean.checker import Checker, Terms
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.verdict import Limits
from training.corpus.jsonl import read_jsonl
from training.corpus.proofs import read_proofs
from training.corpus.record import TheoremRecord, read_corpus
from training.evaluation.apart import Drawn, read_drawn, texts_of
from training.evaluation.portfolio import PortfolioResult
from training.rollouts.verdicts import VerdictCache, checker_version


def measure(
    drawn: Sequence[Drawn], records: Sequence[TheoremRecord], verdicts: VerdictCache, limits: Limits
) -> dict[str, Any]:
    """Return how many texts there are and are checked, which theorems are solved, and how many texts of the others are
    not checked.
    """
    texts = checked = unchecked = samples = verified_samples = unchecked_samples = 0
    solved = []
    for record, row in zip(records, drawn, strict=True):
        terms = Terms(limits, record.policy)
        waiting, good = 0, 0
        for text, count, finished in texts_of(row):
            samples += count
            if not (finished and text):  # wrong without a check
                continue
            texts += 1
            verdict = verdicts.known(record.theorem, Candidate(text), terms)
            checked += verdict is not None
            waiting += verdict is None
            unchecked_samples += count if verdict is None else 0
            good += count if verdict is not None and verdict.verified else 0
        verified_samples += good
        if good:
            solved.append(record.name)
        else:
            unchecked += waiting
    return {
        "theorems": len(records),
        "samples": samples,
        "texts": texts,
        "checked": checked,
        "verified_samples": verified_samples,
        "unchecked_samples": unchecked_samples,
        "unchecked_of_unsolved": unchecked,
        "solved": solved,
    }


async def _version() -> str:
    async with WorkerPool(EmbeddedLean(), PoolConfig(workers=1, spares=0)) as pool:
        return await checker_version(pool)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.evaluation.coverage", description="Certain coverage.")
    parser.add_argument("texts", type=Path)
    parser.add_argument("corpora", type=Path, nargs="+", metavar="corpus")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--heartbeats", type=int, default=100_000)
    parser.add_argument("--portfolio", type=Path)
    parser.add_argument("--plans", type=Path, help="theorems with proofs by plans")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        records = [record for corpus in arguments.corpora for record in read_corpus(corpus)]
        found = read_drawn(arguments.texts, records)
        absent: Checker = None  # type: ignore[assignment]  # only cached verdicts are read
        with VerdictCache(absent, arguments.cache, asyncio.run(_version())) as verdicts:
            limits = Limits(heartbeats=arguments.heartbeats)
            result = measure([found[record.name] for record in records], records, verdicts, limits)
        solved = set(result["solved"])
        others = {}
        if arguments.portfolio:
            rows = (row for _, row in read_jsonl(arguments.portfolio, PortfolioResult))
            others["portfolio"] = {row.name for row in rows if row.solved_at is not None}
        if arguments.plans:
            others["plans"] = {proved.theorem.name for proved in read_proofs(arguments.plans)}
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print(
        f"{result['checked']} of {result['texts']} texts checked; {len(solved)} of {len(records)} solved; "
        f"{result['unchecked_of_unsolved']} texts of the others are not checked"
    )
    least, most = result["verified_samples"], result["verified_samples"] + result["unchecked_samples"]
    print(f"pass@1: {100 * least / result['samples']:.1f} to {100 * most / result['samples']:.1f} %")
    together = set(solved)
    for name, results in others.items():
        together |= results
        result[f"with_{name}"] = sorted(together)
        print(f"with the {name}: {len(together)}; solved by neither of these before: {len(solved - results)}")
    atomic_write_text(arguments.out, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
