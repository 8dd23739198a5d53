"""Counts leftovers of workers and Dojos that end in every way: processes, file descriptors, files.

    python -m benchmarks.lean.leaks [--cycles 20] [--killed 180] [--dojo-python .venv-dojo/bin/python] [--json leaks.json]

A full cycle starts a process, waits for an answer, and closes it. Other cycles are cancelled, or killed with SIGKILL, at a random
moment between the start and the answer. After each cycle, the processes, descriptors and files beyond those of the beginning are
counted. Workers use the embedded Lean; Dojos use an emulated Lean unless --traced names a traced repository.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.lean.processes.process import WorkerProcess
from prover.lean.runtimes.dojo import DojoConfig, DojoPool
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.native.sandbox import Sandbox
from prover.lean.vetting import allow_list
from prover.lean.wire import checks
from prover.theorem import Theorem
from prover.verdict import Limits

SOME = Theorem("theorem leaks : 1 + 1 = 2")
IMPORTS = ("Init", "Std")
_SETTLE_SECONDS = 10.0


@dataclass
class Left:
    """Processes, descriptors and files that exist beyond those of the beginning."""

    processes: int
    descriptors: int
    files: int

    @classmethod
    def now(cls, folders: list[Path]) -> "Left":
        """Count them; zombies count as processes."""
        files = sum(1 for folder in folders for _ in folder.rglob("*"))
        return cls(len(psutil.Process().children(recursive=True)), len(os.listdir("/proc/self/fd")), files)

    def beyond(self, other: "Left") -> "Left":
        """The difference."""
        return Left(self.processes - other.processes, self.descriptors - other.descriptors, self.files - other.files)

    @property
    def nothing(self) -> bool:
        """Whether nothing is left."""
        return self.processes <= 0 and self.descriptors <= 0 and self.files <= 0


@dataclass
class Outcome:
    """Results for one kind of process: number of cycles, and the largest and the last number of leftovers."""

    kind: str
    cycles: int
    killed: int
    unclean: int
    most: Left
    last: Left


@contextlib.asynccontextmanager
async def worker(lean: EmbeddedLean) -> AsyncGenerator[None, None]:
    """A worker that has answered a check."""
    process = await WorkerProcess.spawn(lean.launch(IMPORTS))
    try:
        await process.hello(IMPORTS, allow_list(), 300.0)
        request = checks.check(SOME, Candidate("rfl"), DEFAULT_TERMS)
        answer = await process.ask(request)
        assert request.read(answer, 0.0, False).verified
        yield
    finally:
        if hasattr(process, "pid"):
            await process.close()


@contextlib.asynccontextmanager
async def dojo(pool: DojoPool) -> AsyncGenerator[None, None]:
    """A Dojo that has run a tactic."""
    async with pool.open(SOME, Terms(Limits(seconds=300.0))) as session:
        state = (await session.begin()).state
        assert state is not None
        await session.run(state, "skip")
        yield


async def cycle(start: Callable[[], AbstractAsyncContextManager[None]]) -> None:
    """Start a process, wait for its answer, close it."""
    async with start():
        pass


async def interrupted(start: Callable[[], AbstractAsyncContextManager[None]], seconds: float, kill: bool) -> None:
    """Start a process and end it early: cancel its caller, or kill its processes."""
    task = asyncio.create_task(cycle(start))
    await asyncio.wait({task}, timeout=seconds)
    if kill:
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.send_signal(signal.SIGKILL)
    else:
        task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


async def measure(
    kind: str,
    start: Callable[[], AbstractAsyncContextManager[None]],
    arguments: argparse.Namespace,
    folders: list[Path],
    console: Console,
) -> Outcome:
    """Run all cycles and count after each."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await cycle(start)
    await cycle(
        start
    )  # the first makes an image, the second starts from it: afterwards, everything that is made once exists
    usual = (loop.time() - began) / 2
    before = Left.now(folders)
    chance = random.Random(1)
    unclean, most, last = 0, Left(0, 0, 0), Left(0, 0, 0)
    ends = [True] * arguments.cycles + [False] * arguments.killed
    chance.shuffle(ends)
    for full in track(ends, kind, console=console, disable=not console.is_terminal):
        if full:
            await cycle(start)
        else:
            await interrupted(start, chance.uniform(0, usual), chance.random() < 0.5)
        until = loop.time() + _SETTLE_SECONDS
        while not (last := Left.now(folders).beyond(before)).nothing and loop.time() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        unclean += not last.nothing
        most = Left(*(max(one, other) for one, other in zip(asdict(most).values(), asdict(last).values(), strict=True)))
    return Outcome(kind, arguments.cycles, arguments.killed, unclean, most, last)


async def main(arguments: argparse.Namespace) -> None:
    """Measure workers, and Dojos if lean-dojo is installed."""
    console = Console(stderr=True)
    outcomes: list[Outcome] = []

    def keep(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if arguments.json is not None:
            arguments.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=2) + "\n")

    with tempfile.TemporaryDirectory(prefix="leaks-") as name:
        root = Path(name)
        os.environ["TMPDIR"] = str(root / "tmp")
        (root / "tmp").mkdir()
        tempfile.tempdir = None
        if not arguments.no_worker:
            lean = EmbeddedLean()
            await asyncio.to_thread(lean.prepare)
            keep(await measure("embedded worker", lambda: worker(lean), arguments, [root], console))
        if arguments.dojo_python is not None:
            for sandbox in (Sandbox.ALWAYS, Sandbox.NEVER):
                config = dojo_config(arguments, root / sandbox, sandbox)
                pool = DojoPool(config)
                kind = f"{'' if arguments.traced else 'emulated '}Dojo, sandbox {sandbox}"
                folders = [root / "tmp", config.traced]
                keep(await measure(kind, lambda pool=pool: dojo(pool), arguments, folders, console))
    table = Table("kind", "full cycles", "ended early", "unclean", "processes left", "descriptors left", "files left")
    for outcome in outcomes:
        most = outcome.most
        row = (outcome.cycles, outcome.killed, outcome.unclean, most.processes, most.descriptors, most.files)
        table.add_row(outcome.kind, *map(str, row))
    Console(width=120).print(table)
    sys.exit(any(outcome.unclean for outcome in outcomes))


def dojo_config(arguments: argparse.Namespace, root: Path, sandbox: Sandbox) -> DojoConfig:
    """Return an existing traced repository, or an emulated one."""
    if arguments.traced is not None:
        return DojoConfig(arguments.traced, arguments.dojo_python, sandbox=sandbox)
    from tests.prover.lean.runtimes.dojo.emulation import emulate

    return emulate(root, arguments.dojo_python, sandbox)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--killed", type=int, default=180)
    parser.add_argument("--no-worker", action="store_true", help="Dojos alone")
    parser.add_argument("--dojo-python", type=Path, help="interpreter that has lean-dojo")
    parser.add_argument("--traced", type=Path, help="repository as LeanDojo has traced it")
    parser.add_argument("--json", type=Path, default=None)
    sys.path.insert(0, str(Path(__file__).parents[2]))
    asyncio.run(main(parser.parse_args()))
