"""Measures automation with suggested library theorems, on theorems that the portfolio does not prove.

    python -m benchmarks.search.premise_sets CORPUS=PORTFOLIO.jsonl... [--json docs/results/premise-sets.json] [--index FOLDER]

PORTFOLIO.jsonl is the output of `leansieve evaluate portfolio` for CORPUS. For each theorem left unproved there, the library is
searched for the goal, and the results are given to automation in each form of `prover.sampling.portfolio.premises`, within 8 s and
40,000 heartbeats per check. A library theorem is not given to its own proof. The portfolio has tried the forms without suggestions,
in up to 256 checks without success.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.premises.library import Library
from prover.premises.suggested import SuggestedPremises
from prover.sampling.portfolio.premises import FORMS, MOST, with_premises
from prover.verdict import Limits
from training.corpus.record import TheoremRecord, read_corpus
from training.evaluation.portfolio import read_portfolio

_LIMITS = Limits(seconds=8.0, heartbeats=40_000)


async def measure(
    corpora: Sequence[tuple[Path, Path]], folder: Path, modules: Sequence[str], console: Console
) -> dict[str, object]:
    """Return all figures."""
    figures: dict[str, object] = {"load_average": round(os.getloadavg()[0], 1)}
    async with WorkerPool(EmbeddedLean(), PoolConfig(workers=1, spares=0)) as pool:
        await pool.ready()
        suggested = SuggestedPremises(Library(pool, folder, modules), pool, seconds=300.0)
        for corpus, portfolio in corpora:
            unsolved = {result.name for result in read_portfolio(portfolio) if result.solved_at is None}
            records = read_corpus(corpus)
            chosen = [record for record in records if record.name in unsolved]
            figures[corpus.stem] = {"theorems": len(records), **await _corpus(pool, suggested, chosen, console)}
    return figures


async def _corpus(
    pool: WorkerPool, suggested: SuggestedPremises, records: Sequence[TheoremRecord], console: Console
) -> dict[str, object]:
    solved: dict[str, list[str]] = {form: [] for form in FORMS}
    seconds = dict.fromkeys(FORMS, 0.0)
    without = 0
    for done, record in enumerate(records, start=1):
        found = await suggested.premises(record.theorem, MOST + 1)
        names = [name for name in found if name != record.guard][:MOST]
        if not names:
            without += 1
            continue
        for form, proof in with_premises(names):
            began = time.monotonic()
            verdict = await pool.check(record.theorem, Candidate(proof), Terms(_LIMITS, record.policy))
            seconds[form] += time.monotonic() - began
            if verdict.verified:
                solved[form].append(record.name)
        console.print(f"{done}/{len(records)}: {len({name for each in solved.values() for name in each})} proved")
    every = sorted({name for each in solved.values() for name in each})
    return {
        "unproved_by_portfolio": len(records),
        "nothing_suggested": without,
        "proved": len(every),
        "names": every,
        "forms": {form: {"proved": len(solved[form]), "seconds": round(seconds[form], 1)} for form in FORMS},
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpora", nargs="+", metavar="CORPUS=PORTFOLIO")
    parser.add_argument(
        "--index", type=Path, help="folder for the library's index; by default one that is removed afterwards"
    )
    parser.add_argument("--modules", nargs="+", default=["*"], help="shell patterns of the modules to search")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    pairs = [
        (Path(corpus), Path(portfolio)) for corpus, _, portfolio in (each.partition("=") for each in options.corpora)
    ]
    with tempfile.TemporaryDirectory() as scratch:
        figures = asyncio.run(measure(pairs, options.index or Path(scratch), options.modules, Console(stderr=True)))
    text = json.dumps(figures, indent=1) + "\n"
    print(text, end="")
    if options.json:
        options.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
