"""End-to-end demonstration: a server in a child process proves the theorems of a folder over gRPC."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from prover.assistance import fill
from prover.concurrency.tasks import spawned
from prover.errors import UserError
from prover.options import SearchOptions
from prover.requests import Search, StatementError
from prover.search.search import Finished, Proof
from prover.source import disk
from prover.source.scanner import Command
from service.client.client import Client

START_SECONDS = 600.0
"""Time limit of a server's start including its self-check; the first start prepares Lean."""
_END_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class DemoTheorem:
    """A theorem of a file."""

    path: Path
    item: Command
    search: Search


@dataclass(frozen=True, slots=True)
class Result:
    """The result for an example: a proof, the reason why the search ended, or an error."""

    example: DemoTheorem
    proof: Proof | None = None
    finished: Finished | None = None
    error: str = ""


def examples(folder: Path, options: SearchOptions) -> list[DemoTheorem]:
    """Return the theorems with `sorry` in the `.lean` files of a folder, file by file.

    Args:
        folder: the folder.
        options: options of each search.

    Raises:
        UserError: there are none, or a file cannot be read.
    """
    found: list[DemoTheorem] = []
    for path in sorted(folder.glob("*.lean")):
        file = disk.read(path)
        found += [DemoTheorem(path, item, Search(file.theorem(item), options)) for item in file.theorems if item.hole]
    if not found:
        raise UserError(f"there are no .lean files with theorems to prove in {folder}; name a folder that has some")
    return found


async def prove_all(
    client: Client, todo: Sequence[DemoTheorem], at_once: int, report: Callable[[Result], None]
) -> list[Result]:
    """Prove every example and report each result as it arrives."""
    room = asyncio.Semaphore(at_once)

    async def prove(example: DemoTheorem) -> Result:
        async with room:
            try:
                proofs, finished = await fill.search(client, example.search, lambda _event: None)
                result = Result(example, next(iter(proofs), None), finished)
            except StatementError as error:
                result = Result(example, error=str(error))
        report(result)
        return result

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(prove(example)) for example in todo]
    return [task.result() for task in tasks]


@contextlib.asynccontextmanager
async def running_server(arguments: Sequence[str], settings: Mapping[str, str] | None = None) -> AsyncIterator[str]:
    """Run a server as a user would, on a port chosen by the system; yields its address.

    At the end it gets SIGTERM, and all its processes must be gone.

    Args:
        arguments: arguments of `leansieve serve`.
        settings: settings without arguments, as environment variables.

    Raises:
        UserError: it does not start, or a process remains.
    """
    command = [sys.executable, "-m", "service", "serve", "--listen", "127.0.0.1:0", "--metrics", "", *arguments]
    environment = {**os.environ, **(settings or {})}
    start = asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment)
    process = await spawned(start, _end)
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        if not line:
            raise UserError(f"the server did not start: exit status {await process.wait()}")
        yield line.split()[-1]
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    workers: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        workers = psutil.Process(process.pid).children(recursive=True)
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _END_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise UserError(f"the server did not end within {_END_SECONDS:g} s of SIGTERM and was killed") from None
    finally:
        _, alive = await asyncio.to_thread(psutil.wait_procs, workers, 5.0)
        for worker in alive:
            worker.kill()
    if alive:
        raise UserError(f"the server left {len(alive)} processes behind; they were killed")
