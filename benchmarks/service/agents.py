"""Costs of agents and graders: MCP compared with gRPC, many sessions on one server, `/verify` compared with `CheckProofs`.

    python -m benchmarks.service.agents [--calls 200] [--sessions 20] [--files 60] [--json agents.json]

One server with gRPC and HTTP, and an MCP server over streamable HTTP in front of it, run on this machine with one Lean worker. *Overhead*: the same
check by a warm worker over gRPC and by `lean_check`, in turns; medians and their difference. *Sessions*: clients each open their own session,
check and leave, concurrently, `--rounds` times, with the growth of this process's memory. *Throughput*: the same files by Kimina's
`POST /verify` in one request, and by `CheckProofs`.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
from mcp.client import Client as Agent
from mcp.client.streamable_http import streamable_http_client
from rich.console import Console

from benchmarks.lean.lean_pool import quantile, show
from prover.candidate import Candidate
from prover.requests import Check
from prover.theorem import Theorem
from prover.verdict import Mode
from service.client.client import Client
from service.core.engine import Engine
from service.mcp.http import serve_http
from service.ops.config import HttpSettings, LeanSettings, ServerSettings, Settings
from service.server import listening

STATEMENT, PROOF = "theorem t (a b : Nat) : a + b = b + a", "Nat.add_comm a b"


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[tuple[Client, str, str]]:
    """Start the servers, and yield a client, the URL of HTTP, and that of MCP."""
    settings = Settings(
        server=ServerSettings(listen="127.0.0.1:0"),
        http=HttpSettings(listen="127.0.0.1:0"),
        lean=LeanSettings(workers=1, spares=0),
    )
    urls: list[str] = []
    mcp: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with (
        Engine(settings) as engine,
        listening(engine, settings, asyncio.Event(), announce_http=urls.append) as (address, state),
        Client(address, settings) as client,
    ):
        await state.report(serving=True)

        async def service() -> Client:
            return client

        task = asyncio.create_task(serve_http(service, settings, "127.0.0.1:0", mcp.set_result))
        try:
            yield client, urls[0], await mcp
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def overhead(client: Client, url: str, calls: int) -> dict[str, float]:
    """Return the medians of the same check over gRPC and over MCP, which itself calls gRPC."""
    taken: dict[str, list[float]] = {"grpc": [], "mcp": []}
    async with Agent(streamable_http_client(url)) as agent:
        for number in range(calls + 5):
            proof = f"{PROOF} -- {number}"
            began = time.perf_counter()
            verdict = await client.check(Check(Theorem(STATEMENT), Candidate(proof)))
            between = time.perf_counter()
            answer = await agent.call_tool("lean_check", {"statement": STATEMENT, "proof": f"{proof} again"})
            ended = time.perf_counter()
            if not verdict.verified or not (answer.structured_content or {}).get("ok"):
                raise SystemExit(f"an honest proof is not verified: {verdict} {answer}")
            if number >= 5:
                taken["grpc"].append(1000 * (between - began))
                taken["mcp"].append(1000 * (ended - between))
    grpc, mcp = taken["grpc"], taken["mcp"]
    return {
        "grpc_p50_ms": round(statistics.median(grpc), 2),
        "mcp_p50_ms": round(statistics.median(mcp), 2),
        "overhead_p50_ms": round(statistics.median(mcp) - statistics.median(grpc), 2),
        "mcp_p95_ms": round(quantile(mcp, 0.95), 2),
    }


async def sessions(url: str, many: int, rounds: int) -> dict[str, float]:
    """Measure many concurrent sessions, and the memory left by repetitions."""

    async def session(number: int) -> bool:
        async with Agent(streamable_http_client(url)) as agent:
            answer = await agent.call_tool("lean_check", {"statement": STATEMENT, "proof": f"{PROOF} -- s{number}"})
            return bool((answer.structured_content or {}).get("ok"))

    async def once() -> float:
        began = time.perf_counter()
        answered = await asyncio.gather(*map(session, range(many)))
        if not all(answered):
            raise SystemExit("a session's honest proof was not verified")
        return time.perf_counter() - began

    first = await once()
    process, before = psutil.Process(), 0
    for number in range(rounds):
        await once()
        if number == 0:  # caches are filled after this round
            gc.collect()
            before = process.memory_info().rss
    gc.collect()
    grown = process.memory_info().rss - before
    return {
        "sessions": many,
        "first_seconds": round(first, 2),
        "rounds": rounds,
        "grown_kib_per_session": round(grown / 1024 / max(1, (rounds - 1) * many), 1),
        "open_files": process.num_fds(),
    }


async def throughput(client: Client, url: str, files: int) -> dict[str, float]:
    """Return the files per second by Kimina's endpoint and by the gRPC call."""
    texts = [f"theorem t{number} (a b : Nat) : a + b = b + a := Nat.add_comm a b\n" for number in range(2 * files)]
    codes = [{"custom_id": str(number), "proof": text} for number, text in enumerate(texts[:files])]
    async with httpx.AsyncClient(timeout=600.0) as web:
        began = time.perf_counter()
        answer = await web.post(f"{url}/verify", json={"codes": codes, "timeout": 60})
        by_kimina = time.perf_counter() - began
    if any(one["verdict"] != "VERIFIED" for one in answer.json()["results"]):
        raise SystemExit("an honest file was not verified")

    async def items() -> AsyncIterator[tuple[str, Check]]:
        for number, text in enumerate(texts[files:]):
            yield str(number), Check(Theorem(""), Candidate(text, Mode.FILE))

    began = time.perf_counter()
    async for _, verdict in client.check_all(items()):
        if not getattr(verdict, "verified", False):
            raise SystemExit(f"an honest file was not verified: {verdict}")
    by_grpc = time.perf_counter() - began
    return {"verify_per_second": round(files / by_kimina, 1), "check_proofs_per_second": round(files / by_grpc, 1)}


async def measure(options: argparse.Namespace) -> dict[str, object]:
    """Return all figures."""
    async with serving() as (client, http, mcp):
        return {
            "load_average": round(os.getloadavg()[0], 1),
            "overhead": await overhead(client, mcp, options.calls),
            "at_once": await sessions(mcp, options.sessions, options.rounds),
            "files": await throughput(client, http, options.files),
        }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=10, help="repetitions of all sessions, for the memory")
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures = asyncio.run(measure(options))
    show(figures, Console())
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
