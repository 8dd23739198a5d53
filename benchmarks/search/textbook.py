"""Proves the textbook theorems with rules only: number proved, time, and readability of the proofs.

    python -m benchmarks.search.textbook [--strategy auto] [--seconds 20] [--log textbook-proofs.jsonl] [--minutes 7] [--report]

The theorems of benchmarks/textbook.jsonl were written for this project. Those marked `held_back` were chosen by a hash of their text
and not used while the rules were developed; figures are reported for both parts. One Lean worker proves one theorem at a time.
Completed searches are stored in --log and not repeated: the next run continues an interrupted one, or one ended by --minutes.
"""

import argparse
import asyncio
import contextlib
import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.options import STRATEGIES, Budget
from prover.sampling.portfolio.portfolio import PortfolioSampler
from prover.search.readability import readability
from prover.search.search import Finished, Proof, ProofSearch
from prover.search.strategies import build_plan
from prover.search.terms import SearchTerms
from prover.source.binders import read_shape
from prover.theorem import Header, Theorem

TEXTBOOK = Path(__file__).resolve().parents[1] / "textbook.jsonl"

Row = dict[str, Any]


def main() -> None:
    """Search what is not in the log; print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategy", choices=STRATEGIES, default=STRATEGIES[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="time limit of each theorem")
    parser.add_argument("--checks", type=int, default=20, help="time limit of making each proof more readable; 0: none")
    parser.add_argument("--theorems", type=Path, default=TEXTBOOK, help="JSON lines with id, statement, context")
    parser.add_argument("--only", nargs="*", default=[], help="prefixes of the ids of theorems to search")
    parser.add_argument("--minutes", type=float, default=math.inf, help="start no theorem after so many minutes")
    parser.add_argument("--log", type=Path, default=Path("textbook-proofs.jsonl"), help="file of completed searches")
    parser.add_argument("--report", action="store_true", help="do not search")
    options = parser.parse_args()
    theorems = [json.loads(line) for line in options.theorems.read_text(encoding="utf-8").splitlines()]
    if options.only:
        theorems = [each for each in theorems if each["id"].startswith(tuple(options.only))]
    lines = options.log.read_text(encoding="utf-8").splitlines() if options.log.exists() else []
    rows = {row["id"]: row for row in map(json.loads, lines)}
    if not options.report:
        todo = [each for each in theorems if each["id"] not in rows]
        with options.log.open("a", encoding="utf-8") as log, contextlib.suppress(KeyboardInterrupt):
            asyncio.run(search(todo, rows, options, log))
    for held_back in (False, True):
        some = [each for each in theorems if each.get("held_back", False) is held_back and each["id"] in rows]
        if some:
            report("held back" if held_back else "looked at", some, rows)


async def search(theorems: Sequence[Row], rows: dict[str, Row], options: argparse.Namespace, log: TextIO) -> None:
    """Search each theorem; rows have the first proof, the final one, and the seconds up to both."""
    until = time.monotonic() + 60 * options.minutes
    async with WorkerPool(EmbeddedLean(), PoolConfig(workers=1, spares=0)) as pool:
        await pool.ready()
        engine = ProofSearch(pool, pool.size)
        for each in theorems:
            if time.monotonic() > until:
                return
            theorem = Theorem(each["statement"], Header(), each.get("context", ""))
            row: Row = {"id": each["id"]}
            began = time.monotonic()
            plan = build_plan(options.strategy, [PortfolioSampler(pool)], pool)
            budget = Budget(samples=10_000, seconds=options.seconds)
            choice = SearchTerms(minimise=options.checks, minimise_seconds=1.0)
            async with contextlib.aclosing(engine.prove(theorem, plan, budget, choice)) as events:
                async for event in events:
                    seconds = round(time.monotonic() - began, 2)
                    match event:
                        case Proof():
                            row |= {"first": event.candidate.text, "source": event.candidate.source, "seconds": seconds}
                        case Finished():
                            row |= {"ending": event.ending.value, "all_seconds": seconds}
                            if event.proofs:
                                row["best"] = event.proofs[0].candidate.text
            rows[each["id"]] = row
            log.write(json.dumps(row, ensure_ascii=False) + "\n")
            log.flush()


def report(part: str, theorems: Sequence[Row], rows: Mapping[str, Row]) -> None:
    """Print the figures of some theorems."""
    proved = [each for each in theorems if "first" in rows[each["id"]]]
    print(f"{part}: {len(proved)} of {len(theorems)} proved, {len(proved) / len(theorems):.1%}")
    if not proved:
        return
    seconds = sorted(rows[each["id"]]["seconds"] for each in proved)
    print(f"  seconds to the first: median {statistics.median(seconds):.2f}, mean {statistics.mean(seconds):.2f}")
    for key in ("first", "best"):
        measures = [
            readability(rows[each["id"]][key], [binder.name for binder in read_shape(each["statement"]).binders])
            for each in proved
        ]
        tokens, automation, named = (
            statistics.mean(getattr(each, name) for each in measures) for name in ("tokens", "automation", "named")
        )
        print(f"  {key}: {tokens:.1f} tokens, automation {automation:.1f}, {named:.2f} hypotheses named")
    if part != "held back":
        print("  not proved:", *(each["id"] for each in theorems if each not in proved))


if __name__ == "__main__":
    main()
