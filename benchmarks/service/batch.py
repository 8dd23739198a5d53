"""Batches over the theorems of a library, with kills: theorems per minute, solved, lost, done twice.

    python -m benchmarks.service.batch --library 'Std.Data.*' --shard 1/4 --model shipped --out batch.json

Starts a server and `leansieve batch` as child processes; sends SIGKILL to the client, to the server, and to both, each
once, after a quarter, a half and three quarters of the answers; restarts them; and counts the lines of results.jsonl. A
theorem without a line is lost, one with two is done twice. Times include the starts. Theorems with a proof by a model are then
searched again with the portfolio alone and the same budget; those not proved then are proved by the model only.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

SERVE = [sys.executable, "-m", "service", "serve", "--metrics", ""]
BATCH = [sys.executable, "-m", "service", "batch"]


def start_server(arguments: argparse.Namespace, folder: Path, address: str) -> tuple[subprocess.Popen[str], str]:
    """Start a server on the database in `folder`, and return its address."""
    command = [
        *SERVE,
        "--listen",
        address,
        "--store",
        str(folder / "store.sqlite"),
        "--workers",
        str(arguments.workers),
    ]
    if arguments.model:
        command += ["--model", arguments.model]
    environment = {**os.environ, "LEANSIEVE_BATCHES__LEASE_SECONDS": "5"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    assert process.stdout is not None
    return process, process.stdout.readline().split()[-1]


def results(out: Path) -> list[dict[str, Any]]:
    """Return the answers written so far, without an incomplete last line."""
    path = out / "results.jsonl"
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def total(out: Path) -> int | None:
    """Return the number of theorems; None if not yet known."""
    path = out / "run.json"
    return int(json.loads(path.read_text())["items"]) if path.exists() else None


def of_models(rows: list[dict[str, Any]]) -> set[int]:
    """Return the numbers of the theorems with a proof by a model."""
    return {row["number"] for row in rows for proof in row["proofs"] if not proof["source"].startswith("portfolio")}


def proved_by_portfolio(items: Path, numbers: set[int], folder: Path, search: list[str]) -> int:
    """Return how many of these the portfolio proves alone, without the store."""
    asked = folder / "of_models.jsonl"
    with items.open() as entries, asked.open("w") as lines:
        for number, entry in enumerate(map(json.loads, entries), start=1):
            if number in numbers:
                line = {"id": entry["id"], "statement": entry["theorem"]["statement"], "guard": entry["guard"]}
                lines.write(json.dumps(line) + "\n")
    out = folder / "portfolio"
    subprocess.run([*BATCH, str(asked), "--out", str(out), "--sampler", "portfolio", "--fresh", *search], check=True)
    return sum(row["outcome"] == "proved" for row in results(out))


def run(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return the figures."""
    out = folder / "out"
    server, address = start_server(arguments, folder, "127.0.0.1:0")
    search = ["--samples", str(arguments.samples), "--seconds", str(arguments.seconds), "--server", address]
    command = [*BATCH, "--out", str(out), "--shard", arguments.shard, *search]
    for pattern in arguments.library:
        command += ["--library", pattern]
    began, before = time.monotonic(), len(results(out))
    client = subprocess.Popen(command)
    kills = [(True, False), (False, True), (True, True)][: arguments.kills]
    killed = 0
    try:
        while client.poll() is None:
            time.sleep(0.2)
            items = total(out)
            if items is None or killed == len(kills) or len(results(out)) < items * (killed + 1) / 4:
                continue
            kill_client, kill_server = kills[killed]
            killed += 1
            if kill_server:
                server.send_signal(signal.SIGKILL)
                server.wait()
            if kill_client:
                client.send_signal(signal.SIGKILL)
                client.wait()
            if kill_server:
                server, _ = start_server(arguments, folder, address)
            if kill_client:
                client = subprocess.Popen(command)
        seconds = time.monotonic() - began
        rows, items = results(out), total(out) or 0
        numbers = of_models(rows)
        both = proved_by_portfolio(out / "items.jsonl", numbers, folder, search) if numbers else 0
    finally:
        for process in (client, server):
            if process.poll() is None:
                process.terminate()
                process.wait()
    counts = Counter(row["number"] for row in rows)
    return {
        "library": arguments.library,
        "shard": arguments.shard,
        "model": arguments.model,
        "samples": arguments.samples,
        "seconds_each": arguments.seconds,
        "workers": arguments.workers,
        "theorems": items,
        "answered_before": before,
        "exit_status": client.returncode,
        "kills": killed,
        "lost": items - len(counts),
        "done_twice": sum(count > 1 for count in counts.values()),
        "solved": sum(row["outcome"] == "proved" for row in rows),
        "solved_by_a_model": len(numbers),
        "solved_by_a_model_only": len(numbers) - both,
        "outcomes": dict(Counter(row["outcome"] for row in rows)),
        "began_more_than_once": sum(row["attempts"] > 1 for row in rows),
        "seconds": round(seconds, 1),
        "theorems_per_minute": round(60 * (len(rows) - before) / seconds, 1),
    }


def main() -> None:
    """Run, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", action="append", required=True)
    parser.add_argument("--shard", default="1/1")
    parser.add_argument("--model", default="")
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kills", type=int, default=3, help="number of kills, at most three")
    parser.add_argument("--folder", type=Path, help="folder to keep and resume; by default a temporary one")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        found = run(arguments, arguments.folder or Path(temporary))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
