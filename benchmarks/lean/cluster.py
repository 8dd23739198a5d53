"""Compares checks on hosts of a local Ray cluster with checks in a pool of this process.

    python -m benchmarks.lean.cluster [--hosts 1 2 4] [--checks 300] [--json FILE]

1. Overhead: sequential checks through Ray and in a local pool with as many workers; medians of the time outside Lean.
2. Throughput: `--checks` concurrent checks of different theorems, slightly more in progress than there are workers.
3. Recovery: a host is killed during checks; seconds until each of its checks is answered by another host.
4. The driver's limit: checks a second with hosts that answer at once, without Lean.
5. Memory of Ray's own processes.

All processes are on loopback; each host has one Lean worker.
"""

import argparse
import asyncio
import functools
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import psutil

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.cluster.pool import ClusterPool
from prover.lean.cluster.ray.local import LocalCluster, local_cluster
from prover.lean.cluster.ray.nodes import RayCluster
from prover.lean.runtimes.embedded.runtime import EmbeddedLean
from prover.lean.wire.lines import Request
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.lean.workers.stats import PoolStats, State, WorkerStats
from prover.theorem import Theorem

_INSTANT = 64
PROOF = Candidate("by omega")


class InstantPool(WorkerPool):
    """A host without Lean that rejects every candidate at once."""

    async def start(self) -> None:
        """Do nothing: there is no Lean."""

    async def ready(self) -> None:
        """Return at once: it is always ready."""

    async def close(self) -> None:
        """Do nothing: no process was started."""

    @property
    def size(self) -> int:
        """Maximum number of concurrent checks."""
        return _INSTANT

    def stats(self) -> PoolStats:
        """Number of idle workers."""
        idle = WorkerStats(State.IDLE, None, self._imports.default, 0, 0)
        return PoolStats((idle,) * _INSTANT, 0, {}, 0, {}, 0, 0)

    async def ask(self, request: Request[Any], theorem: Theorem, terms: Terms) -> Any:
        fields = {"id": 1, "ok": True, "verdict": "rejected", "trust": None, "mode": "proof", "theorem": "t"}
        return request.read({**fields, "messages": [], "axioms": [], "heartbeats": 0, "timing": {}}, 0.0, False)


def config(workers: int = 1) -> PoolConfig:
    """Of each host."""
    return PoolConfig(workers=workers, spares=0)


def theorem(number: int) -> Theorem:
    """One that has not been asked yet."""
    return Theorem(f"theorem t{number} (a b : Nat) : a + b + {number} = b + a + {number}")


def cluster_pool(cluster: LocalCluster, kind: type[WorkerPool] = WorkerPool) -> ClusterPool:
    """The pool of a cluster."""
    make_pool = functools.partial(kind, EmbeddedLean(), config())
    return ClusterPool(RayCluster(cluster.address, make_pool), EmbeddedLean(), config(), 5.0)


async def overhead(pool: WorkerPool, checks: int) -> dict[str, float]:
    """Return the milliseconds outside Lean of sequential checks."""
    found = []
    for number in range(-10, checks):
        began = time.perf_counter()
        verdict = await pool.check(theorem(10_000 + number), PROOF)
        if number >= 0:
            found.append((time.perf_counter() - began) * 1e3 - verdict.elapsed_ms)
    return {"p50": statistics.median(found), "p99": statistics.quantiles(found, n=100)[98]}


async def throughput(pool: WorkerPool, checks: int, at_once: int) -> float:
    """Checks a second."""
    room = asyncio.Semaphore(at_once)

    async def check(number: int) -> None:
        async with room:
            await pool.check(theorem(number), PROOF)

    await asyncio.gather(*(check(-number) for number in range(1, 1 + 4 * pool.size)))
    began = time.perf_counter()
    await asyncio.gather(*(check(number) for number in range(checks)))
    return checks / (time.perf_counter() - began)


async def all_hosts(pool: ClusterPool, cluster: LocalCluster) -> None:
    """Wait until every host has a worker."""
    while len([place for place in pool.hosts.places if place.size]) < len(cluster.hosts):  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def recovery(pool: ClusterPool, cluster: LocalCluster, kills: int) -> list[float]:
    """Return the seconds from the end of a host to the answers of its checks in progress."""
    found: list[float] = []
    for number in range(kills):
        await all_hosts(pool, cluster)
        tasks = [asyncio.create_task(pool.check(theorem(20_000 + 100 * number + each), PROOF)) for each in range(40)]
        while not all(place.in_work for place in pool.hosts.places if place.size):  # noqa: ASYNC110
            await asyncio.sleep(0)
        victim = cluster.hosts.pop(0)
        place = next(place for place in pool.hosts.places if place.key == victim.node_id)
        had = [job.future for job in place.in_work.values()]
        ends: list[float] = []
        for future in had:
            future.add_done_callback(lambda _future, ends=ends: ends.append(time.perf_counter()))
        began = time.perf_counter()
        for pid in cluster.processes(victim):
            for process in (*psutil.Process(pid).children(recursive=True), psutil.Process(pid)):
                process.kill()
        assert all(verdict.verified for verdict in await asyncio.gather(*tasks))
        found += [end - began for end in ends]
        await asyncio.to_thread(cluster.kill, victim)
        cluster.hosts.append(cluster.add())
    return found


def memory(cluster: LocalCluster) -> float:
    """Return the MiB of Ray's own processes: proportional set sizes of the head and of every host, without actors and their Lean."""
    return sum(psutil.Process(pid).memory_full_info().pss for pid in cluster.processes()) / (1 << 20)


async def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the benchmark, and return its figures."""
    found: dict[str, Any] = {"checks": arguments.checks, "hosts": {}}
    for hosts in arguments.hosts:
        async with WorkerPool(EmbeddedLean(), config(hosts)) as pool:
            await pool.ready()
            while pool.stats().in_state(State.IDLE) < hosts:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            here = {
                "overhead_ms": await overhead(pool, arguments.checks // 3),
                "checks_per_second": await throughput(pool, arguments.checks, 2 * hosts),
            }
        with local_cluster(hosts) as cluster:
            async with cluster_pool(cluster) as pool:
                await all_hosts(pool, cluster)
                there = {
                    "overhead_ms": await overhead(pool, arguments.checks // 3),
                    "checks_per_second": await throughput(pool, arguments.checks, 2 * hosts),
                    "ray_mib": memory(cluster),
                }
                if hosts == 2:
                    ends = await recovery(pool, cluster, arguments.kills)
                    cuts = statistics.quantiles(ends, n=20, method="inclusive")
                    found["recovery_s"] = {"answers": len(ends), "p50": cuts[9], "p95": cuts[18], "most": max(ends)}
            if hosts == 2:
                async with cluster_pool(cluster, InstantPool) as pool:
                    await all_hosts(pool, cluster)
                    found["instant_checks_per_second"] = await throughput(pool, 20 * arguments.checks, 2 * _INSTANT)
        share = there["checks_per_second"] / here["checks_per_second"]
        found["hosts"][hosts] = {"local": here, "cluster": there, "share": share}
        print(hosts, json.dumps(found["hosts"][hosts]), flush=True)
    return {**found, "load_average": os.getloadavg()[0]}


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--checks", type=int, default=300)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = asyncio.run(run(arguments))
    print(json.dumps(found, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
