"""Measures the library search: its latency, and its recall of the lemmas that proofs use.

    python -m benchmarks.search.premises [--queries 100] [--theorems 600] [--json premises.json]

Indexes Init and Std, which takes about a minute, in its own folder, or loads the index of an earlier run from `--index`. Then it
makes one query at a time with one warm worker: parts of names, patterns, and goals, with the results printed by Lean (`p50_ms`,
`p95_ms`). Goals are statements of randomly drawn library theorems. Each is proved anew by a short tactic; a search for the goal should
find the library theorems in the proof's term, unless the theorem itself is among them (`recall@10`, `recall@32`: the share found, over
all proofs). Theorems of logic that every proof by simplification uses do not count: those without a namespace, and those that only
tactics use.
"""

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from benchmarks.lean.lean_pool import quantile, show
from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.premises.index import INTERNAL, Index
from prover.premises.library import Library
from prover.premises.query import Premises, QueryKind
from prover.theorem import Theorem
from prover.verdict import Limits

PATTERNS = (
    "_ + _ = _ + _", "?a + ?b = ?b + ?a", "List.length (_ ++ _)", "?a ∧ ?b → ?a", "_ * 0 = 0", "Nat.succ _ ≤ _", "∀ x ∈ _, _",
    "List.map _ (_ ++ _) = _", "(_ : Nat) % _ < _", "fun x => x", "_ ∣ _ → _ ∣ _", "Array.size _ = _", "¬ (_ ∧ _)", "_ ↔ _ ∨ _",
    "List.reverse (List.reverse _)", "Option.map _ none", "min ?a ?a = ?a", "_ - _ ≤ _", "String.length _", "(_ ^ _ : Nat)",
)  # fmt: skip
TACTICS = ("simp [-{name}]", "simp", "simp_all [-{name}]", "grind", "omega")
WHERE = ("Init.Data.", "Std.Data.", "Init.Core", "Init.PropLemmas")
_PATIENT = Terms(Limits(seconds=20.0))


def _counts(name: str) -> bool:
    """Return whether users would search for this theorem."""
    return "." in name and not name.startswith((*INTERNAL, "Eq.", "Decidable.", "Bool.", "Classical.", "Iff."))


async def statements(pool: WorkerPool, index: Index, wanted: int, seed: int) -> dict[str, Theorem]:
    """Return randomly drawn library theorems by name, as statements to prove; some do not elaborate again, and are left out at their use."""
    found = [
        one.name
        for module in index.modules
        if module.name.startswith(WHERE)
        for one in module.declarations
        if one.kind == "theorem" and not one.outdated and not one.name.startswith(INTERNAL)
    ]
    names = random.Random(seed).sample(found, min(wanted, len(found)))
    theorems = {}
    for start in range(0, wanted, 50):
        for constant in await pool.constants(Theorem(""), names[start : start + 50], _PATIENT):
            levels = f".{{{', '.join(constant.levels)}}}" if constant.levels else ""
            theorems[constant.name] = Theorem(f"theorem leansieve_goal{levels} : {constant.type}")
    return theorems


async def used(pool: WorkerPool, name: str, theorem: Theorem, known: set[str]) -> set[str]:
    """Return the library theorems in a new proof of `theorem`; none if no proof is found."""
    for tactic in TACTICS:
        proof = Candidate(f"by\n  intros\n  {tactic.format(name=name)}")
        verdict, export = await pool.exported(theorem, proof, Terms(Limits(seconds=10.0)))
        if verdict.verified and export is not None:
            needs = {".".join(map(str, parts)) for parts in export.needs}
            if name in needs:
                continue
            return {one for one in needs if one in known and _counts(one)}
    return set()


def spread(values: Iterable[float]) -> dict[str, float]:
    """Return median and 95th percentile in milliseconds."""
    ordered = list(values)
    return {
        "p50_ms": round(quantile(ordered, 0.5), 1),
        "p95_ms": round(quantile(ordered, 0.95), 1),
        "queries": len(ordered),
    }


async def measure(options: argparse.Namespace, folder: Path, console: Console) -> dict[str, object]:
    """Return all figures."""
    queries, seed = options.queries, options.seed
    async with WorkerPool(EmbeddedLean(), PoolConfig(workers=1, spares=0)) as pool:
        await pool.ready()
        library = Library(pool, folder, options.modules)
        began = time.monotonic()
        index = await library.index(Theorem(""))
        made = round(time.monotonic() - began, 1)
        began = time.monotonic()
        await Library(pool, folder, options.modules).index(Theorem(""))
        loaded = round(time.monotonic() - began, 1)
        console.print(f"{len(index.declarations):,} declarations: read in {made} s, loaded in {loaded} s")
        random_ = random.Random(seed)
        theorems = await statements(pool, index, max(options.theorems, queries), seed)
        names = [one.rpartition(".")[2] for one in random_.sample(list(theorems), min(queries, len(theorems)))]
        goals = list(theorems.items())[:queries]
        asked = {
            QueryKind.NAME: names,
            QueryKind.PATTERN: [PATTERNS[number % len(PATTERNS)] for number in range(queries)],
            QueryKind.GOAL: [theorem.statement for _, theorem in goals],
        }
        latency: dict[str, object] = {}
        for kind, texts in asked.items():
            taken = []
            for text in texts:
                began = time.perf_counter()
                try:
                    await library.find(Premises(kind, text, seconds=60.0), pool, _PATIENT)
                except Exception as error:
                    if kind is not QueryKind.GOAL:
                        raise
                    console.log(f"left out, since it does not elaborate again: {error}"[:120])
                    continue
                taken.append(1000 * (time.perf_counter() - began))
            latency[kind.value] = spread(taken)
        known = {one.name for one in index.declarations if one.kind == "theorem"}
        shares: dict[int, list[float]] = {10: [], 32: []}
        proved = mentioned = 0
        for name, theorem in list(theorems.items())[: options.theorems]:
            needs = await used(pool, name, theorem, known) - {name}
            if not needs:
                continue
            found = await library.find(
                Premises(QueryKind.GOAL, theorem.statement, most=40, seconds=60.0), pool, _PATIENT
            )
            ranked = [one.name for one in found.premises if one.name != name]
            proved, mentioned = proved + 1, mentioned + len(needs)
            for most, each in shares.items():
                each.append(len(needs & set(ranked[:most])) / len(needs))
        recall = {f"recall@{most}": round(sum(each) / max(1, len(each)), 3) for most, each in shares.items()}
        return {
            "declarations": len(index.declarations),
            "load_average": round(os.getloadavg()[0], 1),
            "read_seconds": made,
            "loaded_seconds": loaded,
            **{f"by_{kind}": row for kind, row in latency.items()},
            "held_out": {"proofs": proved, "premises": mentioned, **recall},
        }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--queries", type=int, default=100, help="number of queries of each kind")
    parser.add_argument("--theorems", type=int, default=600, help="library theorems to prove anew")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--modules", nargs="+", default=["*"], help="shell patterns of the modules to search")
    parser.add_argument("--index", type=Path, help="folder for the index; by default one that is removed afterwards")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.index or Path(scratch)
        figures = asyncio.run(measure(options, folder, console))
    show(figures, console)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
