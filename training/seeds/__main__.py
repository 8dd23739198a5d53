"""Search several different proofs of every theorem of a corpus.

    python -m training.seeds CORPUS.jsonl --out seeds.jsonl [--proved proved.jsonl] [--cache verdicts.jsonl]

The same command goes on where it was stopped. `--statistics` only counts what `--out` holds.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from prover.lean.embedded import EmbeddedLean
from prover.lean.pool import NoAnswerError, PoolConfig, PoolUnavailableError, WorkerPool
from training.corpus.record import read_corpus
from training.seeds.questions import InfrastructureError, SeedBudget
from training.seeds.run import read_seeds, search_corpus, statistics, write_proved

_DEFAULT = SeedBudget()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.seeds", description="Search different proofs of theorems."
    )
    parser.add_argument("corpus", type=Path, help="theorems, one JSON object a line")
    parser.add_argument("--out", type=Path, required=True, help="what is found, one line a theorem; resumed")
    parser.add_argument("--proved", type=Path, help="also write the theorems with proofs, to fine-tune on")
    parser.add_argument("--cache", type=Path, help="file of verdicts to share with other runs")
    parser.add_argument("--limit", type=int, help="only the first so many theorems")
    parser.add_argument("--proofs", type=int, default=_DEFAULT.proofs, help="proofs wanted for each theorem")
    parser.add_argument("--requests", type=int, default=_DEFAULT.requests, help="most questions to Lean a theorem")
    parser.add_argument("--seconds", type=float, default=_DEFAULT.seconds, help="most seconds a theorem")
    parser.add_argument("--depth", type=int, default=_DEFAULT.depth, help="most steps on top of each other")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        help="try the portfolio's templates of names that begin so; may be repeated",
    )
    parser.add_argument("--workers", type=int, help="Lean workers; by default as many as the machine carries")
    parser.add_argument("--statistics", action="store_true", help="only count what is there")
    return parser


async def _search(arguments: argparse.Namespace, budget: SeedBudget) -> None:
    records = read_corpus(arguments.corpus)[: arguments.limit]
    async with WorkerPool(EmbeddedLean(), PoolConfig(workers=arguments.workers, spares=0)) as pool:
        found = await search_corpus(
            pool, records, arguments.out, budget, arguments.cache, lambda line: print(line, flush=True)
        )
    print(found.text)


def main() -> None:
    arguments = _parser().parse_args()
    try:
        budget = SeedBudget(
            arguments.proofs, arguments.requests, arguments.seconds, arguments.depth, only=tuple(arguments.only)
        )
        if arguments.statistics:
            print(statistics(read_seeds(arguments.out)).text)
        else:
            asyncio.run(_search(arguments, budget))
        if arguments.proved:
            print(f"{write_proved(arguments.out, arguments.proved)} theorems with proofs in {arguments.proved}")
    except KeyboardInterrupt:
        sys.exit(f"interrupted; the same command goes on: {arguments.out} holds what was found")
    except (ValueError, OSError, InfrastructureError, NoAnswerError, PoolUnavailableError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
