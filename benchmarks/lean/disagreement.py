"""Looks for exploits on which two kernels disagree: every text of the adversarial suite, in quarantine, with the second kernel.

    python -m benchmarks.lean.disagreement [--only NAME]… [--json disagreement.json]

Nothing is vetted, so that the judge's kernel receives everything that elaborates, and the second kernel everything that the
judge accepts. Takes eight minutes.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.lean.lean_pool import show

sys.path.insert(0, str(Path(__file__).parents[2]))  # the exploits belong to the tests

from prover.lean.checker import Terms
from prover.lean.crosscheck.build import find_kernel
from prover.lean.crosscheck.checker import CrossChecker
from prover.lean.crosscheck.second import SecondKernel
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.wire.checks import LONGEST_TEXT
from prover.lean.workers.client import PoolClient
from prover.lean.workers.pool import PoolConfig, WorkerPool
from tests.adversarial.exploits import EXPLOITS, HERE

_SECONDS = 8.0


async def measure(names: Sequence[str]) -> dict[str, Any]:
    """Return the number of texts by verdict, and the verified exploits."""
    verdicts: Counter[str] = Counter()
    verified: dict[str, None] = {}
    second = SecondKernel(find_kernel())
    config = PoolConfig(workers=1, spares=0, contained=True)
    try:
        async with WorkerPool(EmbeddedLean(), config) as pool, PoolClient(pool) as client:
            checker = client.checking(pool, partial(CrossChecker, second=second))
            for name in names:
                case = EXPLOITS[name]
                limits = replace(case.terms.limits, seconds=min(_SECONDS, case.terms.limits.seconds))
                for candidate in case.texts(HERE / name):
                    if len(candidate.text.encode()) <= LONGEST_TEXT:
                        verdict = await checker.check(case.theorem, candidate, Terms(limits))
                        verdicts[verdict.kind.name] += 1
                        if verdict.verified:
                            verified[name] = None
    finally:
        await second.close()
    return {"exploits": len(names), "texts": verdicts.total(), "verdicts": dict(verdicts), "verified": list(verified)}


def main() -> None:
    """Run the benchmark and report its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(EXPLOITS))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result = asyncio.run(measure(arguments.only or list(EXPLOITS)))
    show(result, Console())
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
