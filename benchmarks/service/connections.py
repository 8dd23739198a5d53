"""Measures health while an attacker on loopback holds connections open: silent ones to gRPC, slow and silent ones to HTTP.

    python -m benchmarks.service.connections [--connections 2000] [--seconds 60] [--descriptors 1024] [--json FILE]

Starts a server with a soft limit of `--descriptors` descriptors. An attacker at 127.0.0.2 opens `--connections` connections
to each port, replaces a closed one after 5 to 30 s, and on a third of those to HTTP sends a request byte by byte,
after a complete one. Meanwhile a process at 127.0.0.1 requests health ten times a second, each time on a new connection:
`grpc.health.v1.Health/Check`, `/healthz` and `/readyz`. Reported: latencies, requests without an answer, lines of log.
"""

import argparse
import asyncio
import concurrent.futures
import contextlib
import json
import multiprocessing
import os
import random
import resource
import signal
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service.client.client import Client
from service.ops.config import Settings

_ATTACKER = "127.0.0.2"
_PAUSE_SECONDS = (5.0, 30.0)
_WHOLE = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"


async def hold(port: int, drips: bool, ends: float) -> None:
    """Hold one connection, and open another when it is closed."""
    while time.monotonic() < ends:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(max(0.1, ends - time.monotonic())):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(_ATTACKER, 0))
                try:
                    if drips:
                        writer.write(_WHOLE)
                    while not reader.at_eof():
                        if drips:
                            writer.write(b"G")
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(reader.read(65536), 2.0)
                finally:
                    writer.close()
        await asyncio.sleep(min(random.uniform(*_PAUSE_SECONDS), max(0.0, ends - time.monotonic())))


def probe(ask: Callable[[], bool], seconds: float) -> dict[str, float]:
    """Request health ten times a second; return latencies in ms, the number of missing answers, and the lateness of a process that only sleeps."""
    took, late, missing = [], [], 0
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        began = time.perf_counter()
        try:
            missing += not ask()
        except (OSError, grpc.RpcError):
            missing += 1
        answered = time.perf_counter()
        took.append((answered - began) * 1e3)
        time.sleep(0.1)
        late.append((time.perf_counter() - answered - 0.1) * 1e3)
    cuts = statistics.quantiles(took, n=1000, method="inclusive")
    machine = statistics.quantiles(late, n=1000, method="inclusive")[989]
    found = {"asked": len(took), "missing": missing, "p50": cuts[499], "p99": cuts[989], "most": max(took)}
    return {**found, "sleep_late_p99": machine}


def probe_grpc(address: str, seconds: float) -> dict[str, float]:
    """Request health over gRPC."""

    def ask() -> bool:
        with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    return probe(ask, seconds)


def probe_http(url: str, seconds: float) -> dict[str, float]:
    """Request a health page."""

    def ask() -> bool:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)

    return probe(ask, seconds)


@contextlib.asynccontextmanager
async def server(descriptors: int) -> AsyncIterator[tuple[str, str, str, Path]]:
    """Start a server, and return its addresses and its log."""
    with tempfile.TemporaryDirectory() as folder:
        log, metrics = Path(folder, "log"), 19464
        flags = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--metrics", f"127.0.0.1:{metrics}"]
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "service", "serve", *flags, "--workers", "1"),
            stdout=asyncio.subprocess.PIPE,
            stderr=os.open(log, os.O_WRONLY | os.O_CREAT),
            env={**os.environ, "LEANSIEVE_STORE__URL": "none", "LEANSIEVE_LEAN__SPARES": "0"},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard)),
        )
        try:
            assert process.stdout is not None
            address, url = [(await process.stdout.readline()).decode().split()[-1] for _ in range(2)]
            async with Client(address, Settings()) as waiting:
                await waiting.ready(600)
            yield address, f"{url}/healthz", f"http://127.0.0.1:{metrics}/readyz", log
        finally:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 60)


async def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the benchmark, and return its figures."""
    loop = asyncio.get_running_loop()
    spawn = multiprocessing.get_context("spawn")  # a fork would share gRPC's threads
    with concurrent.futures.ProcessPoolExecutor(3, spawn) as probing:
        async with server(arguments.descriptors) as (address, health, ready, log):
            ends = time.monotonic() + arguments.seconds + 5
            ports = [int(address.rpartition(":")[2]), int(health.split(":")[2].partition("/")[0])]
            async with asyncio.TaskGroup() as group:
                for number in range(arguments.connections):
                    group.create_task(hold(ports[0], False, ends))
                    group.create_task(hold(ports[1], number % 3 == 0, ends))
                await asyncio.sleep(5)  # until the connections are open
                found = await asyncio.gather(
                    loop.run_in_executor(probing, probe_grpc, address, arguments.seconds),
                    loop.run_in_executor(probing, probe_http, health, arguments.seconds),
                    loop.run_in_executor(probing, probe_http, ready, arguments.seconds),
                )
            lines = log.read_bytes().count(b"\n")
    names = ("grpc_health_ms", "http_healthz_ms", "metrics_readyz_ms")
    return {**vars(arguments), **dict(zip(names, found, strict=True)), "log_lines": lines}


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--descriptors", type=int, default=1024)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    found = asyncio.run(run(arguments))
    file = found.pop("json")
    print(json.dumps(found, indent=2))
    if file:
        file.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
