"""What library theorems that a search suggests do for automation, on theorems that the portfolio does not prove.

    python -m benchmarks.search.premise_sets CORPUS=PORTFOLIO.jsonl... [--json docs/results/premise-sets.json] [--index FOLDER]

PORTFOLIO.jsonl is what `leansieve evaluate portfolio` wrote for CORPUS. For each of its theorems that it left unproved the library is searched
for the goal, and the theorems found are given to automation in each of `FORMS`, within 8 s and 40,000 heartbeats a check. A library theorem is
not given to its own proof. The forms without what is suggested are in the portfolio, which spent up to 256 checks without success.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from prover.candidate import Candidate
from prover.errors import UserError
from prover.lean.checker import Terms
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.premises.library import Library
from prover.premises.query import Premises, QueryKind
from prover.verdict import Limits
from training.corpus.record import TheoremRecord, read_corpus
from training.evaluation.portfolio import read_portfolio

_LIMITS = Limits(seconds=8.0, heartbeats=40_000)


def _facts(names: Sequence[str], last: str) -> str:
    return "\n  ".join([*(f"have fact{number} := @{name}" for number, name in enumerate(names, start=1)), last])


FORMS: Mapping[str, tuple[int, Callable[[Sequence[str]], str]]] = {
    "simp [8]": (8, lambda names: f"simp [{', '.join(names)}]"),
    "simp_all [8]": (8, lambda names: f"simp_all [{', '.join(names)}]"),
    "grind [4]": (4, lambda names: f"grind [{', '.join(names)}]"),
    "facts of 4, grind": (4, lambda names: _facts(names, "grind")),
    "apply one of 8": (
        8,
        lambda names: (
            "first " + " ".join(f"| (apply {name} <;> first | assumption | omega | simp_all)" for name in names)
        ),
    ),
}
"""How many theorems each is given, and the tactics that it makes of them."""


async def measure(
    corpora: Sequence[tuple[Path, Path]], folder: Path, modules: Sequence[str], console: Console
) -> dict[str, object]:
    """All figures."""
    figures: dict[str, object] = {"load_average": round(os.getloadavg()[0], 1)}
    async with WorkerPool(EmbeddedLean(), PoolConfig(workers=1, spares=0)) as pool:
        await pool.ready()
        library = Library(pool, folder, modules)
        for corpus, portfolio in corpora:
            unsolved = {result.name for result in read_portfolio(portfolio) if result.solved_at is None}
            records = read_corpus(corpus)
            chosen = [record for record in records if record.name in unsolved]
            figures[corpus.stem] = {"theorems": len(records), **await _corpus(pool, library, chosen, console)}
    return figures


async def _corpus(
    pool: WorkerPool, library: Library, records: Sequence[TheoremRecord], console: Console
) -> dict[str, object]:
    solved: dict[str, list[str]] = {form: [] for form in FORMS}
    seconds = dict.fromkeys(FORMS, 0.0)
    without = 0
    for done, record in enumerate(records, start=1):
        names = await _suggested(pool, library, record)
        if not names:
            without += 1
            continue
        for form, (most, tactics) in FORMS.items():
            proof = f"by\n  intros\n  {tactics(names[:most])}"
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


async def _suggested(pool: WorkerPool, library: Library, record: TheoremRecord) -> list[str]:
    """Names of theorems to give to a proof, the most relevant first."""
    theorem = record.theorem
    request = Premises(QueryKind.GOAL, theorem.statement, theorem.header, theorem.context, most=24, seconds=300.0)
    try:
        found = await library.find(request, pool, Terms(Limits(seconds=20.0)))
    except UserError:
        return []
    return [one.name for one in found.premises if one.kind == "theorem" and one.name != record.guard]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpora", nargs="+", metavar="CORPUS=PORTFOLIO")
    parser.add_argument(
        "--index", type=Path, help="folder for the library's index; by default one that is removed afterwards"
    )
    parser.add_argument("--modules", nargs="+", default=["*"], help="shell patterns of what is searched")
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
