"""Measures a cluster's driver with simulated hosts, more than one machine could run: checks per second.

    python -m benchmarks.lean.many_hosts [--hosts 1 10 100 1000] [--checks 20000] [--milliseconds 0] [--json FILE]

Hosts are objects of this process with eight workers each, without Ray and without Lean: every answer comes after `--milliseconds` of
waiting. This measures the driver's own work (queue, choice of a host, health, parsing of answers) on one core, without the
cost of actor calls, which `benchmarks.lean.cluster` measures.
"""

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any

from prover.candidate import Candidate
from prover.lean.cluster.handle import Handle
from prover.lean.cluster.pool import ClusterPool
from prover.lean.cluster.questions import HostQuestion, HostState, Lending, Outcome, RawAnswer
from prover.lean.runtimes.embedded.runtime import EmbeddedLean
from prover.lean.workers.pool import PoolConfig
from prover.lean.workers.stats import PoolStats, State, WorkerStats
from prover.theorem import DEFAULT_IMPORTS, Theorem

_WORKERS = 8
_ANSWER = {"id": 1, "ok": True, "verdict": "rejected", "trust": None, "mode": "proof", "theorem": "t"}
_REST: dict[str, Any] = {"messages": [], "axioms": [], "heartbeats": 0, "timing": {}}
_STATS = PoolStats((WorkerStats(State.IDLE, 1, DEFAULT_IMPORTS, 0, 0),) * _WORKERS, 0, {}, 0, {}, 0, 0)


class Simulated:
    """A host of the cluster whose workers wait instead of asking Lean."""

    def __init__(self, name: str, seconds: float) -> None:
        """Create a host that waits `seconds` before each answer."""
        self.name = name
        self._seconds = seconds
        self._room = asyncio.Semaphore(_WORKERS)
        self.states = 0

    async def state(self) -> HostState:
        """Return the state of a healthy, idle host, and count the call."""
        self.states += 1
        await asyncio.sleep(0)
        return HostState(_WORKERS, _WORKERS, "", "simulated", "0", _STATS)

    async def ask(self, number: int, question: HostQuestion, process: int = 0) -> Outcome:
        """Occupy one worker for the configured time and return a fixed answer."""
        async with self._room:
            await asyncio.sleep(self._seconds)
        return RawAnswer({**_ANSWER, **_REST}, 1e3 * self._seconds, False)

    def cancel(self, number: int) -> None:
        """Ignore the call: the benchmark cancels nothing."""

    async def lend(self, wanted: Lending) -> int:
        """Raise AssertionError: the benchmark borrows no process."""
        raise AssertionError(wanted)

    async def take_back(self, process: int) -> None:
        """Ignore the call: no process was lent."""

    async def close(self) -> None:
        """Do nothing: the host has no process."""

    def kill(self) -> None:
        """Do nothing: the host has no process."""


class Many:
    """A cluster of simulated hosts."""

    def __init__(self, hosts: int, seconds: float) -> None:
        """Create `hosts` hosts that wait `seconds` before each answer."""
        self.simulated = {f"host{number}": Simulated(f"host{number}", seconds) for number in range(hosts)}

    async def connect(self) -> None:
        """Return at once: there is nothing to connect to."""

    async def hosts(self) -> set[str]:
        """Return the names of all hosts."""
        return set(self.simulated)

    async def host(self, key: str) -> Handle:
        """Return the host of this name."""
        return self.simulated[key]

    async def want(self, hosts: int) -> None:
        """Ignore the wish: the number of hosts is fixed."""

    async def close(self) -> None:
        """Do nothing: no host outlives this object."""


async def measure(hosts: int, checks: int, seconds: float) -> dict[str, float]:
    """Return the checks per second, and the number of health polls."""
    cluster = Many(hosts, seconds)
    async with ClusterPool(cluster, EmbeddedLean(), PoolConfig()) as pool:
        await pool.ready()
        room = asyncio.Semaphore(min(2 * _WORKERS * hosts, 4_000))
        theorem, proof = Theorem("theorem t : True"), Candidate("trivial")

        async def check() -> None:
            async with room:
                await pool.check(theorem, proof)

        before = sum(host.states for host in cluster.simulated.values())
        began = time.perf_counter()
        await asyncio.gather(*(check() for _ in range(checks)))
        took = time.perf_counter() - began
        states = sum(host.states for host in cluster.simulated.values()) - before
        lost = pool.hosts.lost
    return {"checks_per_second": checks / took, "states_per_second": states / took, "lost": lost}


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--checks", type=int, default=20_000)
    parser.add_argument("--milliseconds", type=float, default=0.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = {}
    for hosts in arguments.hosts:
        found[hosts] = asyncio.run(measure(hosts, arguments.checks, arguments.milliseconds / 1e3))
        print(hosts, json.dumps(found[hosts]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
