"""Load test on loopback: hundreds of clients for minutes, with health and memory.

    python -m benchmarks.service.load [--streams 500] [--seconds 300] [--workers W] [--json FILE]

Starts a server and keeps `--streams` clients busy with `Prove`, `CheckProofs` and `CheckProof`. A client that receives
RESOURCE_EXHAUSTED waits for the given delay and retries. Reported: the results of calls, the latency of
`grpc.health.v1.Health/Check` for a process that does nothing else, resident memory of the server without its Lean
workers and its growth, and whether each accepted stream ended properly.

On a shared machine, wall-clock figures include other load. A run therefore also reports the lateness of a process that only
sleeps (`sleep_late_ms`), the share of the processors used by others, and processor times.
"""

import argparse
import asyncio
import concurrent.futures
import contextlib
import itertools
import json
import multiprocessing
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rich.console import Console
from rich.table import Table

from leansieve.v1 import check_pb2, prove_pb2
from leansieve.v1.check_pb2_grpc import ProofCheckServiceStub
from leansieve.v1.proof_search_pb2_grpc import ProofSearchServiceStub
from prover.requests import BusyError
from service.client.client import Client
from service.grpc import status
from service.ops.config import Settings

STATEMENTS = (
    "theorem t{n} (a b : Nat) : a + b + {n} = b + a + {n}",
    "theorem t{n} (a b c : Int) (h : a + {n} ≤ b) (k : b ≤ c) : a ≤ c - {n}",
    "theorem t{n} (p q : Prop) (hp : p) (hq : q) : (p ∧ q) ∧ {n} = {n}",
    "theorem t{n} (xs : List Nat) : (xs ++ []).length + {n} = xs.length + {n}",
)
_CHECKS = 4  # in a stream: 500 streams keep a worker busy for a minute, and the run waits for all of them at its end
PROOFS = ("by omega", "by omega", "⟨⟨hp, hq⟩, rfl⟩", "by simp")


def theorem(number: int) -> str:
    """Return one of the statements, with its own number."""
    return STATEMENTS[number % len(STATEMENTS)].format(n=number)


def proof(number: int) -> str:
    """Return a proof of that statement."""
    return PROOFS[number % len(PROOFS)]


def check_request(number: int) -> check_pb2.CheckProofRequest:
    """Return a check that verifies."""
    request = check_pb2.CheckProofRequest(proof=proof(number))
    request.theorem.statement = theorem(number)
    return request


@dataclass
class Seen:
    """Observations of the clients."""

    ends: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    answered: int = 0
    proofs: int = 0
    verdicts: int = 0
    wrong: list[str] = field(default_factory=list)
    resident_mib: list[tuple[float, float]] = field(default_factory=list)


async def one_search(channel: grpc.aio.Channel, number: int, seen: Seen) -> None:
    """Run a search to its end; an accepted one must be answered."""
    request = prove_pb2.ProveRequest()
    request.theorem.statement = theorem(number)
    request.options.budget.samples = 8
    accepted = answered = False
    async for response in ProofSearchServiceStub(channel).Prove(request, timeout=300):
        match response.WhichOneof("event"):
            case "accepted":
                accepted = True
                seen.accepted += 1
            case "proof":
                seen.proofs += 1
            case "summary":
                answered = True
                seen.answered += 1
    if accepted and not answered:
        seen.wrong.append("a search that was accepted ended without a summary")


async def one_stream_of_checks(channel: grpc.aio.Channel, number: int, seen: Seen) -> None:
    """Make some checks in a stream, and compare the ids of the answers."""
    wanted = {str(number + step) for step in range(_CHECKS)}

    async def items() -> AsyncIterator[check_pb2.CheckProofsRequest]:
        for name in wanted:
            yield check_pb2.CheckProofsRequest(id=name, check=check_request(int(name)))

    got: set[str] = set()
    async for answer in ProofCheckServiceStub(channel).CheckProofs(items(), timeout=300):
        seen.accepted += not got  # a refused stream has no answers
        if answer.WhichOneof("outcome") == "verdict":
            seen.verdicts += 1
            got.add(answer.id)
        elif answer.error.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]:
            seen.ends["RESOURCE_EXHAUSTED (item)"] += 1
            got.add(answer.id)
        else:
            seen.wrong.append(f"an item ended with {answer.error.message}")
    if got == wanted:
        seen.answered += 1
    else:
        seen.wrong.append(f"a stream of {len(wanted)} checks answered {len(got)}")


async def one_check(channel: grpc.aio.Channel, number: int, seen: Seen) -> None:
    """Make a check."""
    await ProofCheckServiceStub(channel).CheckProof(check_request(number), timeout=300)
    seen.accepted += 1
    seen.answered += 1
    seen.verdicts += 1


async def client(address: str, numbers: "itertools.count[int]", ends: float, seen: Seen) -> None:
    """Run one client: randomly chosen calls, one after the other, until the time is over."""
    async with grpc.aio.insecure_channel(address) as channel:
        while time.monotonic() < ends:
            call = random.choices([one_search, one_stream_of_checks, one_check], [0.5, 0.3, 0.2])[0]
            try:
                await call(channel, next(numbers) * _CHECKS, seen)
                seen.ends["OK"] += 1
            except grpc.aio.AioRpcError as error:
                seen.ends[error.code().name] += 1
                meant = status.to_error(error, address)
                if not isinstance(meant, BusyError):
                    seen.wrong.append(f"{error.code().name}: {error.details()}")
                    await asyncio.sleep(1.0)
                else:
                    await asyncio.sleep(meant.seconds * random.uniform(0.5, 1.5))


def probe(address: str, seconds: float) -> dict[str, Any]:
    """Requests health ten times a second, like a load balancer, in its own process and on its own connection."""
    health_ms, late_ms, wrong = [], [], 0
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            began = time.perf_counter()
            try:
                answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=30)
                wrong += answer.status != health_pb2.HealthCheckResponse.SERVING
            except grpc.RpcError:
                wrong += 1
            answered = time.perf_counter()
            health_ms.append((answered - began) * 1e3)
            time.sleep(0.1)
            late_ms.append((time.perf_counter() - answered - 0.1) * 1e3)
    return {"health_ms": spread(health_ms), "sleep_late_ms": spread(late_ms), "health_wrong": wrong}


def spread(values: list[float]) -> dict[str, float]:
    """Return quantiles and the maximum."""
    cuts = statistics.quantiles(values, n=1000, method="inclusive")
    return {"p50": cuts[499], "p99": cuts[989], "p999": cuts[998], "most": max(values)}


async def weigh(process: psutil.Process, began: float, ends: float, seen: Seen) -> None:
    """Record the resident memory of the server's own process once a second."""
    while time.monotonic() < ends:
        seen.resident_mib.append((time.monotonic() - began, process.memory_info().rss / 2**20))
        await asyncio.sleep(1.0)


@contextlib.asynccontextmanager
async def server(workers: int, streams: int) -> AsyncIterator[tuple[int, str]]:
    """Start a server process with default limits except the quota of its one client; yield its process id and address."""
    with tempfile.TemporaryDirectory() as folder:
        flags = ["--listen", "127.0.0.1:0", "--metrics", "", "--workers", str(workers)]
        environment = {
            **os.environ,
            "LEANSIEVE_CLIENTS__CALLS": str(streams + 16),
            "LEANSIEVE_LOG__LEVEL": "warning",
            "LEANSIEVE_STORE__URL": str(Path(folder, "store.sqlite")),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "service", "serve", *flags, stdout=asyncio.subprocess.PIPE, env=environment
        )
        try:
            assert process.stdout is not None
            address = (await process.stdout.readline()).decode().split()[-1]
            async with Client(address, Settings()) as waiting:
                await waiting.ready(600)
            yield process.pid, address
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.wait(), 60)


def busy(times: Any) -> float:
    """Return the processor seconds of the whole machine so far, without idle time."""
    return float(sum(times)) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)


def ours(server: psutil.Process) -> dict[str, float]:
    """Return the processor seconds so far of the server, its running Lean workers and this process."""

    def seconds(process: psutil.Process) -> float:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            return times.user + times.system
        return 0.0

    lean = sum(map(seconds, server.children(recursive=True)))
    return {"server": seconds(server), "lean": lean, "clients": seconds(psutil.Process())}


async def streams(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the benchmark, and return its figures."""
    seen, numbers = Seen(), itertools.count(1)
    loop = asyncio.get_running_loop()
    spawn = multiprocessing.get_context("spawn")  # a fork would share gRPC's threads
    with concurrent.futures.ProcessPoolExecutor(1, spawn) as probing:
        async with server(arguments.workers, arguments.streams) as (pid, address):
            process, machine = psutil.Process(pid), psutil.cpu_times()
            spent = ours(process)
            began = time.monotonic()
            ends = began + arguments.seconds
            async with asyncio.TaskGroup() as group:
                probed = loop.run_in_executor(probing, probe, address, arguments.seconds)
                group.create_task(weigh(process, began, ends, seen))
                for _ in range(arguments.streams):
                    group.create_task(client(address, numbers, ends, seen))
            health = await probed
            spent = {name: seconds - spent.get(name, 0.0) for name, seconds in ours(process).items()}
            taken, here = busy(psutil.cpu_times()) - busy(machine), sum(spent.values())
    # The memory of the first fifth is the baseline under this load.
    settled = seen.resident_mib[len(seen.resident_mib) // 5 :]
    growth, _ = statistics.linear_regression(*zip(*settled, strict=True))
    calls = sum(seen.ends.values())
    return {
        "streams": arguments.streams,
        "seconds": arguments.seconds,
        "workers": arguments.workers,
        "ends": dict(seen.ends),
        "accepted": seen.accepted,
        "answered": seen.answered,
        "verdicts": seen.verdicts,
        "proofs": seen.proofs,
        **health,
        "resident_mib": {
            "median": statistics.median(mib for _, mib in settled),
            "most": max(mib for _, mib in settled),
            "growth_per_minute": growth * 60,
        },
        "processor_seconds": spent,
        "server_processor_ms_per_call": spent["server"] / calls * 1e3,
        "share_of_processors_taken_by_others": max(0.0, 1 - here / taken),
        "wrong": len(seen.wrong),
        "examples": seen.wrong[:5],
    }


def tell(found: dict[str, Any], title: str, file: Path | None) -> None:
    """Print and write the results."""
    table = Table(title=f"{title}, load average {os.getloadavg()[0]:.1f}", show_header=False)
    for name, value in found.items():
        table.add_row(name, json.dumps(value, ensure_ascii=False))
    Console().print(table)
    if file:
        file.write_text(json.dumps(found, indent=2) + "\n")


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    tell(asyncio.run(streams(arguments)), "streams", arguments.json)


if __name__ == "__main__":
    main()
