"""`leansieve batch`."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from prover.errors import UserError
from prover.lean.library import header_of
from prover.lean.wire.checks import NoAnswerError
from prover.lean.workers.pool import PoolUnavailableError
from prover.options import SearchOptions
from prover.requests import Service, ServiceInfo
from prover.store.database import Database
from prover.store.errors import StoreError
from prover.store.records.queue import BatchQueue
from service.batch.batches import ItemOutcome
from service.batch.run import inner, inputs, report, writing
from service.batch.run.folder import BatchRun, Folder
from service.batch.run.following import BatchService, Follower
from service.batch.run.inputs import Shard
from service.batch.run.report import BatchTally
from service.batch.runner import BatchRunner
from service.cli import common
from service.cli.common import Setup
from service.cli.flags import Given, Without, with_flags
from service.client.client import Client
from service.core.engine import Engine
from service.core.memory import ProofCache, open_database
from service.core.resources.leans import pool_of
from service.core.resources.registry import no_sampler
from service.jsonl.rows import Row
from service.ops.config import Settings

_READY_SECONDS = 600.0
_REPORT_SECONDS = 5.0
_REMARK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Asked:
    """The inputs of a run, and the options of each search."""

    source: Path | None
    library: tuple[str, ...]
    imports: tuple[str, ...]
    shard: Shard
    options: SearchOptions
    project: str
    wanted_project: str | None

    def fingerprint(self) -> dict[str, Any]:
        """Return the inputs and options that a resumed run must have, too."""
        return {
            "input": str(self.source.resolve()) if self.source else None,
            "library": list(self.library),
            "imports": list(self.imports),
            "shard": f"{self.shard.number}/{self.shard.count}",
            "project": self.wanted_project,
            **self.options.fingerprint(),
        }


@with_flags
def batch(
    source: Annotated[
        Path | None,
        typer.Argument(help="A .jsonl file, a .lean file or a folder of those.", metavar="INPUT", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for results and report; resumed.", metavar="DIR")] = Path(
        "leansieve-batch"
    ),
    library: Annotated[
        list[str] | None, typer.Option(help="Theorems of imported modules, as 'Std.Data.*'.", metavar="PATTERN")
    ] = None,
    imports: Annotated[
        list[str] | None,
        typer.Option(
            "--import", help="What --library imports, by default the roots of its patterns.", metavar="MODULE"
        ),
    ] = None,
    shard: Annotated[str, typer.Option(help="Only the Ith of N parts, as in 2/5.", metavar="I/N")] = "1/1",
    write: Annotated[
        bool, typer.Option("--write", help="At the end write the proofs into the .lean files they belong to.")
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Cancel it on the server; existing answers are kept.")
    ] = False,
    *,
    wanted: Annotated[Given[SearchOptions], Without("as_found")],
    setup: Annotated[Setup, Without("pool")],
) -> None:
    """Prove many theorems: resumable after an interruption, with a report that is updated while it runs."""
    if (source is None) == (not library):
        raise UserError("name either a file or folder, or --library")
    if write and (source is None or source.suffix == ".jsonl"):
        raise UserError("--write goes with a .lean file, or a folder of them")
    if library and setup.project is not None and setup.server is None:
        settings, project = common.alone_in(setup.load(), setup.project, setup.workers), ""
    else:
        settings, project = setup.in_project()
    if library and project:
        raise UserError(
            "the theorems of a server's project are not listed from here: leave --server out, or "
            "write them to a file with `leansieve corpus library`"
        )
    options = common.search_options(wanted, settings, SearchOptions(repeat=False, as_found=True))
    part = Shard.parse(shard)
    asked = _Asked(source, tuple(library or ()), tuple(imports or ()), part, options, project, setup.project)
    done = common.run(_batch(settings, setup.server, out, asked, cancel, write))
    raise typer.Exit(0 if done else 1)


async def _batch(settings: Settings, server: str | None, out: Path, asked: _Asked, cancel: bool, write: bool) -> bool:
    """Work on the run, or cancel it.

    Returns whether it is complete: every theorem is proved, or the run is cancelled.
    """
    with Folder(out) as folder:
        run = folder.run(asked.fingerprint())
        tally = BatchTally()
        if run is None:
            if cancel:
                raise UserError(f"{out} holds no batch")
            run = await _begin(settings, folder, asked)
        for row in folder.resume():
            tally.add(row)
        if cancel:
            async with _service(settings, server, out) as (service, _, _):
                ended = await Follower(service, folder, run, asked.options, asked.project, tally.add, _remark).cancel()
            report.write(folder, run, tally, running=False)
            _remark(f"{ended} of {len(run.batches)} batches were cancelled")
        elif len(folder.answered) < run.items:
            try:
                await _work(settings, server, folder, run, asked, tally)
            except asyncio.CancelledError:
                _remark(
                    f"interrupted after {tally.answered:,} of {run.items:,} answers; the same command resumes there"
                )
                raise
        else:
            report.write(folder, run, tally, running=False)
        count = tally.outcomes[ItemOutcome.REFUTED.value]
        refuted = f"{count:,} refuted, " if count else ""
        summary = f"batch: {tally.solved:,} of {run.items:,} theorems proved, {refuted}{tally.answered:,} answered; {out}/report.html"
        common.stdout.print(common.shown(summary))
        written = not write or await _write(settings, server, folder, asked)
    return cancel or (tally.solved == run.items and written)


async def _write(settings: Settings, server: str | None, folder: Folder, asked: _Asked) -> bool:
    """Insert the proofs into their files. Returns whether all were inserted."""
    found = writing.proofs(folder, folder.resume())
    if not found or asked.source is None:
        return True

    async with common.opened(settings, server) as (service, _):
        return await writing.write(service, asked.source, found, asked.options.check, asked.project, _remark)


async def _begin(settings: Settings, folder: Folder, asked: _Asked) -> BatchRun:
    label = str(asked.source.name if asked.source else ", ".join(asked.library))
    if asked.shard.count > 1:
        label += f", part {asked.shard.number} of {asked.shard.count}"
    batch_bytes = settings.server.message_bytes // 2
    if asked.source is not None:
        entries = [each for each in inputs.from_path(asked.source, settings.text, _remark) if asked.shard.holds(each)]
    else:
        _remark("listing the theorems of the library")
        lean = settings.lean.model_copy(update={"workers": 1, "spares": 0})
        header = header_of(asked.library, asked.imports, settings.lean.imports)
        try:
            async with pool_of(lean, None) as pool:
                await pool.ready()
                listed = inputs.from_library(pool, asked.library, header, settings.text)
                entries = [each async for each in listed if asked.shard.holds(each)]
        except (PoolUnavailableError, NoAnswerError) as error:
            raise UserError(str(error)) from None
    if not entries:
        raise UserError("there is nothing to prove: no theorem, or none in this part")
    run = await asyncio.to_thread(folder.begin, asked.fingerprint(), label, entries, batch_bytes)
    _remark(f"theorems: {run.items:,}; batches: {len(run.batches)}")
    return run


async def _work(
    settings: Settings, server: str | None, folder: Folder, run: BatchRun, asked: _Asked, tally: BatchTally
) -> None:
    async with _service(settings, server, folder.path) as (service, searches, info):
        if asked.options.sampler not in ("", *info.samplers):
            raise UserError(no_sampler(asked.options.sampler, info.samplers))
        common.tell_unheeded(asked.options, info, server)
        tally.alphas = {model.name: f"{model.alpha:g}" for model in info.models if model.alpha is not None}
        with _display(run) as display:

            def answered(row: Row) -> None:
                tally.add(row)
                display.show(tally)

            display.show(tally)
            follower = Follower(service, folder, run, asked.options, asked.project, answered, _remark)

            async def finish() -> None:
                await follower.finish()
                if asked.source is not None:
                    arguments = (asked.source, folder, run, asked.options, asked.project, answered)
                    await inner.finish(searches, *arguments)

            reporting = asyncio.create_task(_report(folder, run, tally, display))
            try:
                finishing = asyncio.create_task(finish())
                await asyncio.wait([finishing, reporting], return_when=asyncio.FIRST_COMPLETED)
                if reporting.done():
                    finishing.cancel()
                    reporting.result()
                await finishing
            finally:
                for task in (reporting, finishing):
                    task.cancel()
                await asyncio.gather(reporting, finishing, return_exceptions=True)
                report.write(folder, run, tally, running=False)


async def _report(folder: Folder, run: BatchRun, tally: BatchTally, display: "_Display") -> None:
    """Keep the report up to date."""
    while True:
        report.write(folder, run, tally, running=True)
        await asyncio.sleep(_REPORT_SECONDS)
        display.show(tally)


@contextlib.asynccontextmanager
async def _service(
    settings: Settings, server: str | None, out: Path
) -> AsyncIterator[tuple[BatchService, Service, ServiceInfo]]:
    """Connect to a server, once it is ready, or start a service in this process with its batches in the folder.

    It runs batches and searches.
    """
    if server is not None:
        async with Client(server, settings) as client:
            await client.ready(_READY_SECONDS)
            yield client, client, await client.info()
        return
    async with contextlib.AsyncExitStack() as stack:
        try:
            batches = await asyncio.to_thread(Database.open, str(_database(out)))
            stack.callback(batches.close)
            queue = BatchQueue(batches)
            await queue.take_back()  # the folder is locked: earlier lease holders are gone
        except StoreError as error:
            raise UserError(str(error)) from None
        store = await open_database(settings.store)
        if store is not None:
            stack.callback(store.close)
        with common.preparing() as preparing:
            memory = ProofCache(store, settings.store, lambda hit: None) if store else None
            engine = await stack.enter_async_context(Engine(settings, report=preparing, memory=memory))
        yield await stack.enter_async_context(BatchRunner(engine, queue, settings.batches)), engine, await engine.info()


def _database(out: Path) -> Path:
    """Return the file of batches that this process runs itself. Earlier versions called it jobs."""
    earlier = out / "jobs.sqlite"
    return earlier if earlier.exists() else out / "batches.sqlite"


class _Display:
    """Progress with the remaining time: a bar on a terminal, otherwise a line now and then."""

    def __init__(self, run: BatchRun, progress: Progress, task: TaskID) -> None:
        self._run = run
        self._progress = progress
        self._task = task
        self._remarked = time.monotonic()

    def show(self, tally: BatchTally) -> None:
        rate = tally.rate()
        left = (self._run.items - tally.answered) / rate if rate else None
        remaining = f", {report.clock(left)} left" if left is not None else ""
        self._progress.update(self._task, completed=tally.answered, solved=tally.solved, remaining=remaining)
        if self._progress.disable and time.monotonic() - self._remarked > _REMARK_SECONDS:
            self._remarked = time.monotonic()
            _remark(f"{tally.answered:,} of {self._run.items:,} answered, {tally.solved:,} proved{remaining}")


@contextlib.contextmanager
def _display(run: BatchRun) -> Iterator[_Display]:
    columns = (
        BarColumn(),
        TextColumn("{task.completed} of {task.total} answered, {task.fields[solved]} proved{task.fields[remaining]}"),
    )
    with Progress(*columns, console=common.stderr, transient=True, disable=not common.stderr.is_terminal) as progress:
        yield _Display(run, progress, progress.add_task("", total=run.items, solved=0, remaining=""))


def _remark(line: str) -> None:
    common.stderr.print(common.shown(line))
