"""Compares the service with the bare pool: throughput of streams of checks, and milliseconds of a search.

    python -m benchmarks.service.overhead checks   [--items 400] [--rounds 3] [--workers W]
    python -m benchmarks.service.overhead searches [--searches 60] [--workers W]
    (each with [--json FILE])

Server, client and pool run in this process, in turns with the pool alone on the same kind of items; the difference
is the cost of the service. Client and server share the machine with Lean.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.service.load import proof, tell, theorem
from prover.candidate import Candidate
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.requests import Check, Search
from prover.search.search import Finished
from prover.theorem import Theorem
from prover.verdict import Verdict
from service.client.client import Client
from service.core.engine import Engine
from service.ops import logs
from service.ops.config import ClientSettings, LogSettings, ServerSettings, Settings
from service.server import listening


@contextlib.asynccontextmanager
async def over_one_pool(workers: int) -> AsyncIterator[tuple[Engine, Client, WorkerPool]]:
    """Start a server in this process; yield a client and the server's pool."""
    settings = Settings(server=ServerSettings(listen="127.0.0.1:0"), clients=ClientSettings(calls=10_000))
    async with WorkerPool(EmbeddedLean(), PoolConfig(workers=workers, spares=0)) as pool:
        engine = Engine(settings, pool)
        await engine.start()
        async with listening(engine, settings, asyncio.Event()) as (address, state):
            await state.report(serving=True)
            async with Client(address, settings) as client:
                yield engine, client, pool
        await engine.close()


async def checks(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the benchmark, and return its figures."""

    async def bare(pool: WorkerPool, items: list[Check]) -> None:
        slots = asyncio.Semaphore(max(4, 3 * arguments.workers))  # as in the service

        async def one(item: Check) -> None:
            async with slots:
                assert (await pool.check(item.theorem, item.candidate)).verified

        await asyncio.gather(*map(one, items))

    async def served(client: Client, items: list[Check]) -> None:
        async def requests() -> AsyncIterator[tuple[str, Check]]:
            for number, item in enumerate(items):
                yield str(number), item

        async for _, verdict in client.check_all(requests()):
            assert isinstance(verdict, Verdict)
            assert verdict.verified

    numbers = itertools.count(1)

    def some() -> list[Check]:
        chosen = [next(numbers) for _ in range(arguments.items)]
        return [Check(Theorem(theorem(n)), Candidate(proof(n))) for n in chosen]

    rates: dict[str, list[float]] = {"bare": [], "served": []}
    used: dict[str, list[float]] = {"bare": [], "served": []}
    async with over_one_pool(arguments.workers) as (_, client, pool):
        await bare(pool, some())
        ways: list[tuple[str, Callable[[list[Check]], Awaitable[None]]]] = [
            ("bare", lambda items: bare(pool, items)),
            ("served", lambda items: served(client, items)),
        ]
        for _ in range(arguments.rounds):
            for name, way in ways:
                items = some()
                began, spent = time.perf_counter(), time.process_time()
                await way(items)
                rates[name].append(len(items) / (time.perf_counter() - began))
                used[name].append((time.process_time() - spent) / len(items) * 1e3)
            ways.reverse()
    # Adjacent rounds have similar load from other processes.
    shares = [there / here for here, there in zip(rates["bare"], rates["served"], strict=True)]
    return {
        "items": arguments.items,
        "workers": arguments.workers,
        "checks_per_second": rates,
        "share_of_bare_pool": statistics.median(shares),
        "shares": shares,
        # Processor time of pool, server and client together, without Lean.
        "processor_ms_per_check": {name: statistics.median(found) for name, found in used.items()},
    }


async def searches(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the benchmark, and return its figures."""

    async def search(service: Engine | Client, number: int) -> tuple[float, float]:
        began, used = time.perf_counter(), time.process_time()
        async with contextlib.aclosing(service.prove(Search(Theorem(theorem(number))))) as events:
            found = [event async for event in events if isinstance(event, Finished)]
        assert found[0].spent.proofs == 1
        return (time.perf_counter() - began) * 1e3, (time.process_time() - used) * 1e3

    alone: list[tuple[float, float]] = []
    served: list[tuple[float, float]] = []
    async with over_one_pool(arguments.workers) as (engine, client, _):
        await search(client, 0)
        for number in range(1, arguments.searches + 1):
            pair = [(engine, alone), (client, served)]
            for service, times in pair if number % 2 else reversed(pair):
                times.append(await search(service, number))
    differences = [there[0] - here[0] for here, there in zip(alone, served, strict=True)]
    used = [there[1] - here[1] for here, there in zip(alone, served, strict=True)]
    return {
        "searches": arguments.searches,
        "workers": arguments.workers,
        "alone_ms": statistics.median(ms for ms, _ in alone),
        "served_ms": statistics.median(ms for ms, _ in served),
        "overhead_ms": {
            "median": statistics.median(differences),
            "p90": statistics.quantiles(differences, n=10)[-1],
        },
        # Processor time of client and server together, without Lean: it depends little on other load.
        "overhead_processor_ms": statistics.median(used),
    }


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["checks", "searches"])
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--searches", type=int, default=60)
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    logs.configure(LogSettings(level="warning"))
    run = {"checks": checks, "searches": searches}[arguments.what]
    tell(asyncio.run(run(arguments)), arguments.what, arguments.json)


if __name__ == "__main__":
    main()
