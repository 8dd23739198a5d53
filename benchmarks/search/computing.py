"""Makes the table of docs/native.md: which computations the embedded Lean proves, and by which tactics.

    python -m benchmarks.search.computing [--equations 100] [--out FILE]

The embedded library contains only exported parts of modules: bodies that are not exposed are absent, so terms that depend on them
do not reduce. Each row is a true equation without variables; each column is a way to prove it by computing or rewriting.
"""

import argparse
import asyncio
from pathlib import Path

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.theorem import Theorem
from prover.verdict import Limits

WAYS = ("rfl", "by decide", "by decide +kernel", "by simp", "by grind")
EQUATIONS = (
    "2 ^ 64 % 7 = 2",
    "Nat.gcd 12 18 = 6",
    "Nat.toDigits 10 42 = ['4', '2']",
    'Nat.repr 42 = "42"',
    "Nat.log2 1000 = 9",
    "Int.emod (-7) 3 = 2",
    "[3, 1, 2].mergeSort = [1, 2, 3]",
    "[1, 2, 3].reverse = [3, 2, 1]",
    "(List.range 5).sum = 10",
    "[1, 2, 3, 4].filter (· % 2 = 0) = [2, 4]",
    "List.replicate 3 'a' = ['a', 'a', 'a']",
    "#[1, 2] = #[1, 2]",
    "#[1, 2] ++ #[3] = #[1, 2, 3]",
    "#[1, 2, 3].toList = [1, 2, 3]",
    "#[1, 2, 3].map (· + 1) = #[2, 3, 4]",
    "(Array.range 4).size = 4",
    '"a b".splitOn " " = ["a", "b"]',
    '"ab" ++ "c" = "abc"',
    '"abc".length = 3',
    "\"abc\".toList = ['a', 'b', 'c']",
    "'a'.toNat = 97",
    "(5 : Fin 7) + 4 = 2",
    "(200 : UInt8) + 100 = 44",
    "(5#8 ^^^ 3#8) = 6#8",
    "some 3 = (some 2).map (· + 1)",
    "(if 3 < 4 then 1 else 2) = 1",
    "compare 2 3 = .lt",
)


async def table(count: int) -> str:
    """Return the rows of the table for the first equations."""
    lines = [f"| | {' | '.join(f'`{way}`' for way in WAYS)} |", "|---" * (len(WAYS) + 1) + "|"]
    terms = Terms(Limits(seconds=10.0))
    async with WorkerPool(EmbeddedLean(), PoolConfig(workers=1, spares=0)) as pool:
        await pool.ready()
        for equation in EQUATIONS[:count]:
            theorem = Theorem(f"theorem t : {equation}")
            verdicts = [await pool.check(theorem, Candidate(way), terms) for way in WAYS]
            marks = ["yes" if verdict.verified else "–" for verdict in verdicts]
            lines.append(f"| `{equation.replace('|', chr(92) + '|')}` | {' | '.join(marks)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--equations", type=int, default=100, help="number of equations")
    parser.add_argument("--out", type=Path, help="a file for the table; by default it is printed")
    options = parser.parse_args()
    text = asyncio.run(table(options.equations))
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
