"""Failure test on loopback: batches and calls while the store fails and servers are killed.

    python -m benchmarks.service.outages [--seconds 600] [--json FILE]

Two servers share one PostgreSQL, which is stopped for 5 s in every minute. Every 20 to 50 s a random server
is killed (`kill -9`) and restarted. Meanwhile a client submits batch after batch to any server that answers and
watches each to its end from its last position; others search and check. Reported: theorems of batches
that were lost, answered twice, or are still `running` without a server working on them; and accepted calls that ended without an
answer although their server kept running.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import pwd
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.service.load import proof, theorem
from prover.candidate import Candidate
from prover.errors import UserError
from prover.events import Finished
from prover.options import Budget, SearchOptions
from prover.requests import Accepted, Check, Search, UnavailableError
from prover.theorem import Theorem
from service.batch.batches import Answered, BatchItem, BatchRequest, BatchState
from service.client.client import Client
from service.ops.config import Settings

_OUTAGE_SECONDS, _EVERY_SECONDS = 5.0, 60.0
_BATCH = 40
_PORTS = (19471, 19472)


@dataclass
class Seen:
    """The results."""

    items: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    twice: int = 0
    stuck: int = 0
    attempts: Counter[int] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    outages: int = 0
    kills: int = 0


class Postgres:
    """A PostgreSQL server on a socket in a folder."""

    def __init__(self, folder: Path) -> None:
        """Create the object; nothing is started."""
        self._programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self._folder = folder
        self._user = pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None
        self.url = f"postgresql://leansieve@/postgres?host={folder}"

    async def make(self) -> None:
        """Create the database and start the server."""
        if self._user:
            shutil.chown(self._folder, self._user)
        await self._run("initdb", "-U", "leansieve", "-A", "trust", "-N", "--locale=C", "-E", "UTF8")
        await self.start()

    async def start(self) -> None:
        """Start the server."""
        options = f"-c listen_addresses='' -c unix_socket_directories={self._folder}"
        await self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    async def stop(self) -> None:
        """Stop the server like a crash."""
        await self._run("pg_ctl", "-m", "immediate", "stop")

    async def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self._folder / "data"), *arguments]
        quiet = asyncio.subprocess.DEVNULL
        for _ in range(30):  # a server that is still recovering from the last crash cannot be stopped or started
            running = await asyncio.create_subprocess_exec(
                *command, user=self._user, cwd="/", stdout=quiet, stderr=quiet
            )
            if not await running.wait():
                return
            await asyncio.sleep(1.0)
        raise RuntimeError(f"{program} failed")


class Server:
    """A leansieve server on a fixed port, which can be restarted."""

    def __init__(self, port: int, store: str, log: Path) -> None:
        """Create the object; nothing is started."""
        self.address = f"127.0.0.1:{port}"
        self._store = store
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the server; if the database is down, wait for it."""
        flags = ["--listen", self.address, "--metrics", "", "--workers", "1", "--store", self._store]
        environment = {**os.environ, "LEANSIEVE_LEAN__SPARES": "0", "LEANSIEVE_BATCHES__LEASE_SECONDS": "8"}
        while True:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "service", "serve", *flags),
                env=environment,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 3.0)
            if self._process.returncode is None:
                return

    async def end(self, number: signal.Signals) -> None:
        """Send a signal, and wait until the process has ended."""
        assert self._process is not None
        # A server started while the database was down has ended by itself.
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            left_behind = psutil.Process(self._process.pid).children(recursive=True)
            self._process.send_signal(number)
            await self._process.wait()
            for worker in left_behind:  # left by a killed server
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.kill()


async def batches(servers: list[Server], numbers: Iterator[int], ends: float, seen: Seen) -> None:
    """Submit batches and watch each to its end, on any server that answers."""
    while time.monotonic() < ends:
        items = tuple(BatchItem(str(number), Theorem(theorem(number))) for number in itertools.islice(numbers, _BATCH))
        request = BatchRequest(items, SearchOptions(Budget(samples=8, seconds=60)), key=f"batch {items[0].id}")
        got: Counter[str] = Counter()
        position, done, late = 0, False, time.monotonic() + 240
        while not done and time.monotonic() < late:
            async with Client(random.choice(servers).address, Settings()) as client:
                try:
                    batch = await client.submit(request)
                    async with asyncio.timeout(60):
                        async for event in client.watch(batch.id, position):
                            if isinstance(event, Answered):
                                got[event.answer.id] += 1
                                seen.twice += event.position <= position
                                position = event.position
                                seen.outcomes[event.answer.outcome.value] += 1
                                seen.attempts[event.answer.attempts] += 1
                            else:
                                done = event.state is BatchState.DONE
                except (UnavailableError, TimeoutError) as error:
                    await asyncio.sleep(getattr(error, "seconds", None) or 1.0)
        seen.items += len(items)
        seen.lost += len({item.id for item in items} - got.keys())
        seen.twice += sum(count - 1 for count in got.values())
        seen.stuck += 0 if done else 1


async def calls(servers: list[Server], numbers: Iterator[int], ends: float, seen: Seen) -> None:
    """Search and check, one after the other."""
    while time.monotonic() < ends:
        number = next(numbers)
        accepted = answered = False
        async with Client(random.choice(servers).address, Settings()) as client:
            try:
                if number % 2:
                    verdict = await client.check(Check(Theorem(theorem(number)), Candidate(proof(number))))
                    seen.calls["checks verified" if verdict.verified else f"checks {verdict.kind.name}"] += 1
                    continue
                request = Search(Theorem(theorem(number)), SearchOptions(Budget(samples=8, seconds=30)))
                async for event in client.prove(request):
                    accepted = accepted or isinstance(event, Accepted)
                    answered = answered or isinstance(event, Finished)
                seen.calls["searches answered" if answered else "searches LOST"] += 1
            except UserError as error:
                seen.calls["told to come back" + (", begun" if accepted else "")] += 1
                await asyncio.sleep(getattr(error, "seconds", None) or 1.0)


async def outages(postgres: Postgres, ends: float, seen: Seen) -> None:
    """Stop the database for 5 s in every minute."""
    while time.monotonic() + _EVERY_SECONDS < ends:
        await asyncio.sleep(_EVERY_SECONDS - _OUTAGE_SECONDS)
        await postgres.stop()
        await asyncio.sleep(_OUTAGE_SECONDS)
        await postgres.start()
        seen.outages += 1


async def kills(servers: list[Server], ends: float, seen: Seen) -> None:
    """Kill one of the servers at random intervals."""
    while time.monotonic() < ends:
        await asyncio.sleep(random.uniform(20, 50))
        victim = random.choice(servers)
        await victim.end(signal.SIGKILL)
        seen.kills += 1
        await victim.start()


@contextlib.asynccontextmanager
async def two_servers() -> AsyncIterator[tuple[Postgres, list[Server]]]:
    """Start a database and two servers that share it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, tempfile.TemporaryDirectory() as logs:
        postgres = Postgres(Path(name))
        await postgres.make()
        servers = [Server(port, postgres.url, Path(logs, str(port))) for port in _PORTS]
        try:
            for server in servers:
                await server.start()
                async with Client(server.address, Settings()) as waiting:
                    await waiting.ready(600)
            yield postgres, servers
        finally:
            for server in servers:
                await server.end(signal.SIGTERM)
            await postgres.stop()


async def run(seconds: float) -> dict[str, Any]:
    """Run the benchmark, and return its figures."""
    seen, numbers = Seen(), itertools.count(1)
    async with two_servers() as (postgres, servers):
        ends = time.monotonic() + seconds
        chaos = [asyncio.create_task(outages(postgres, ends, seen)), asyncio.create_task(kills(servers, ends, seen))]
        async with asyncio.TaskGroup() as group:
            group.create_task(batches(servers, numbers, ends, seen))
            for _ in range(2):
                group.create_task(calls(servers, numbers, ends, seen))
        for task in chaos:
            await asyncio.wait([task], timeout=60)
    figures = {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(seen).items()}
    return {"seconds": seconds, **figures, "load_average": os.getloadavg()[0]}


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = asyncio.run(run(arguments.seconds))
    print(json.dumps(found, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
