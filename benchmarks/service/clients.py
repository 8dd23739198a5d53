"""Measures clients: time to the first verified edit in an editor, HTTP compared with gRPC, and robustness against malformed requests.

    python -m benchmarks.service.clients --json docs/results/clients.json

One server process with one Lean worker answers gRPC and HTTP. An LSP client with its own `leansieve lsp` process
opens the files of examples/ and requests the proof of each `sorry` in its unchanged file; the measured time is
that from the request for code actions to the edit. Then one proof is checked in turns over gRPC and HTTP, each on a
persistent connection. Then schemathesis makes requests from the OpenAPI document (tests/service/http); a crash is a 5xx
answer, or an exception in the server's log.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
from lsprotocol import types
from rich.console import Console
from rich.table import Table

from prover.assistance.holes import holes_of
from prover.candidate import Candidate
from prover.requests import Check
from prover.source import lean_file
from prover.theorem import Theorem
from service.client.client import Client
from service.ops.config import Settings
from tests.service.lsp.conftest import URI, Editor, editing

EXAMPLES = Path(__file__).parents[2] / "examples"
ANY = "127.0.0.1:0"
SERVE = ["serve", "--listen", ANY, "--http", ANY, "--metrics=", "--store=none", "--workers=1"]
SWAP = Check(Theorem("theorem swap (a b : Nat) : a + b = b + a"), Candidate("by omega"))
SCHEMATHESIS = "tests/service/http/test_fuzz_lean.py::test_schemathesis_finds_nothing_that_the_document_does_not_say"


async def first_edit(editor: Editor, text: str, offset: int) -> float | None:
    """Return the seconds from the request for code actions at an offset to the edit; None if there was none."""
    editor.open(text)
    began = time.monotonic()
    offered = await editor.actions("", offset)
    await editor.execute(offered["leansieve: prove"])
    edit = asyncio.create_task(editor.edits.get())
    ended = asyncio.create_task(editor.ended.get())
    await asyncio.wait([edit, ended], return_when=asyncio.FIRST_COMPLETED)
    seconds = time.monotonic() - began
    await ended
    document = types.TextDocumentIdentifier(URI)
    editor.client.text_document_did_close(types.DidCloseTextDocumentParams(document))
    if edit.done():
        return seconds
    edit.cancel()
    return None


async def edits(address: str, times: int, examples: int | None) -> dict[str, Any]:
    """Measure every `sorry` of the examples so many times."""
    took: list[float | None] = []
    async with editing("--server", address, "--samples", "64", "--seconds", "60") as editor:
        for path in sorted(EXAMPLES.glob("*.lean"))[:examples] * times:
            text = path.read_text(encoding="utf-8")
            for hole in holes_of(lean_file.parse(text)):
                took.append(await first_edit(editor, text, hole.start))
    return {"asked": len(took), **spread([one for one in took if one is not None])}


async def overhead(address: str, url: str, checks: int) -> dict[str, Any]:
    """Make the same check in turns over both."""
    body = {"theorem": {"statement": SWAP.theorem.statement}, "proof": SWAP.candidate.text}
    grpc, http = [], []
    async with Client(address, Settings()) as client, httpx.AsyncClient(base_url=url, timeout=60) as web:
        for _ in range(checks):
            began = time.perf_counter()
            assert (await client.check(SWAP)).verified
            between = time.perf_counter()
            answer = await web.post("/v1/check-proof", json=body)
            ended = time.perf_counter()
            assert answer.json()["verdict"]["kind"] == "VERDICT_KIND_VERIFIED"
            grpc.append(between - began)
            http.append(ended - between)
    return {
        "grpc": spread(grpc),
        "http": spread(http),
        "http_over_grpc": round(statistics.median(http) / statistics.median(grpc), 3),
    }


def spread(seconds: list[float]) -> dict[str, Any]:
    """Count, median and 95th percentile in milliseconds."""
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {
        "count": len(ordered),
        "p50_ms": round(1e3 * statistics.median(ordered), 1),
        "p95_ms": round(1e3 * p95, 1),
    }


def fuzzed(requests: int) -> dict[str, Any]:
    """Run schemathesis with `requests` for each operation of the document."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", SCHEMATHESIS]
    done = subprocess.run(
        command, env={**os.environ, "LEANSIEVE_FUZZ": str(requests)}, capture_output=True, text=True, check=False
    )
    counts = re.search(r"schemathesis: ({.*})", done.stdout)
    if counts is None:
        return {"failed": done.stdout[-2000:]}
    answers = json.loads(counts[1].replace("'", '"'))
    crashes = sum(count for status, count in answers.items() if status.startswith("5"))
    # It also fails if an answer differs from its documentation, or if the log has an exception.
    return {"requests": sum(answers.values()), "answers": answers, "crashes": crashes, "passed": done.returncode == 0}


async def measure(edit_times: int, examples: int | None, checks: int) -> dict[str, Any]:
    """Measure the parts that need the server."""
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "service",
        *SERVE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "LEANSIEVE_LEAN__SPARES": "0"},
    )
    assert server.stdout is not None
    try:
        address = (await server.stdout.readline()).decode().split()[-1]
        url = (await server.stdout.readline()).decode().split()[-1]
        async with Client(address, Settings()) as client:
            await client.ready(600.0)
        return {
            "overhead": await overhead(address, url, checks),
            "first_edit": await edits(address, edit_times, examples),
        }
    finally:
        server.terminate()
        await server.wait()


def main() -> None:
    """Run the benchmark and report its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=3, help="requests of each example")
    parser.add_argument("--examples", type=int, help="number of example files; by default all")
    parser.add_argument("--checks", type=int, default=100, help="checks over each of gRPC and HTTP")
    parser.add_argument("--fuzz", type=int, default=100, help="requests for each operation; 0: none")
    parser.add_argument("--json", type=Path, default=Path("clients.json"), help="where to write the figures")
    arguments = parser.parse_args()
    machine = {"cores": psutil.cpu_count(), "load": round(psutil.getloadavg()[0], 1)}
    result = {"machine": machine, **asyncio.run(measure(arguments.times, arguments.examples, arguments.checks))}
    if arguments.fuzz:
        result["schemathesis"] = fuzzed(arguments.fuzz)
    table = Table("what", "count", "p50 ms", "p95 ms", title=f"{machine['cores']} cores, load {machine['load']}")
    for name, row in (("first verified edit", result["first_edit"]), *result["overhead"].items()):
        if isinstance(row, dict):
            table.add_row(name, *(str(row[key]) for key in ("count", "p50_ms", "p95_ms")))
    Console().print(table, result["overhead"]["http_over_grpc"], result.get("schemathesis", ""))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written to {arguments.json}", file=sys.stderr)


if __name__ == "__main__":
    main()
