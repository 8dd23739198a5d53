"""`leansieve store`."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from prover.atomic import atomic_write
from prover.errors import UserError
from prover.receipts.receipt import Receipt, ReceiptError, Toolchain
from prover.requests import BusyError, Service
from prover.store import backup as copies
from prover.store.database import Database, parse_url
from prover.store.errors import StoreError
from prover.store.records import batches, classrooms, failures, proofs
from prover.store.records.proofs import Capacity, ProofStore, StoredProof, every_proof
from prover.store.summary import summary
from prover.verdict import Limits, Trust, Verdict, VerdictKind
from service.cli import common
from service.core import receipts
from service.core.memory import default_path
from service.ops.config import Settings

app = typer.Typer(help="The store of verified proofs, failures, batches and classrooms.", no_args_is_help=True)

_Url = Annotated[
    str | None,
    typer.Option("--store", help="sqlite:///FILE, a file, or postgresql://…; by default as the settings say."),
]
_NamePart = Annotated[str, typer.Argument(help="Part of the name of the theorems wanted; by default all.")]
_DAY = 86_400.0


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Part of the name of theorems whose proofs are listed.")] = "",
    limit: Annotated[int, typer.Option(help="Most proofs listed.", min=0, metavar="N")] = 20,
    store: _Url = None,
    config: common.Config = None,
) -> None:
    """Show the content of the store as figures; with a name, list proofs."""
    settings = common.load_settings(config)
    with _opened(settings, store) as database:
        if name:
            for proof in database.read_now(lambda connection: proofs.page(connection, 0, limit, name)):
                _list(proof)
            return
        found = database.read_now(summary)
        size = f"{found.size / 2**20:,.1f} MiB"
        batch_counts = f"{found.running} running with {found.unfinished:,} theorems left, {found.done} done"
        lines = (
            f"store: {database.name}",
            f"proofs: {found.proofs:,} of {found.theorems:,} theorems, {size}",
            f"failures: {found.failures:,}",
            f"batches: {batch_counts}, {found.cancelled} cancelled",
            f"classrooms: {found.classrooms} with {found.learners:,} learners",
        )
        for line in lines:
            common.stdout.print(common.shown(line))


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", help="File to write, one receipt a line.", metavar="OUT")],
    name: _NamePart = "",
    store: _Url = None,
    config: common.Config = None,
) -> None:
    """Export proofs as receipts, one per line; `leansieve check` accepts each."""
    settings = common.load_settings(config)
    count = 0
    with _opened(settings, store) as database, _written(out) as stream:
        for proof in every_proof(database, name):
            stream.write(proof.receipt.model_dump_json().encode() + b"\n")
            count += 1
    common.stderr.print(common.shown(f"{count:,} receipts in {out}"))


@app.command()
def backup(
    out: Annotated[Path, typer.Option("--out", help="File to write; there may be none yet.", metavar="OUT")],
    store: _Url = None,
    config: common.Config = None,
) -> None:
    """Copy an SQLite store, write-ahead log included, while servers use it. For PostgreSQL: pg_dump, docs/store.md."""
    path = _sqlite_path(common.load_settings(config), store, "pg_dump")
    with _as_user_error():
        if not path.exists():
            raise UserError(f"there is no store {path}")
        size = copies.backup(path, out)
    common.stderr.print(common.shown(f"{size / 2**20:,.1f} MiB in {out}"))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `store backup` wrote.", metavar="FILE")],
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the store that is there.")] = False,
    store: _Url = None,
    config: common.Config = None,
) -> None:
    """Restore an SQLite store from a backup, while no server uses it. For PostgreSQL: pg_restore, docs/store.md."""
    path = _sqlite_path(common.load_settings(config), store, "pg_restore")
    with _as_user_error():
        copies.restore(file, path, replace)
    common.stderr.print(common.shown(f"{path} is what {file} holds"))


@app.command()
def prune(
    older_than: Annotated[
        float | None, typer.Option(help="Delete proofs not used for so long.", min=0, metavar="DAYS")
    ] = None,
    max_proofs: Annotated[int | None, typer.Option("--proofs", help="Most proofs kept.", min=0, metavar="N")] = None,
    megabytes: Annotated[int | None, typer.Option(help="Most MiB of receipts kept.", min=0, metavar="N")] = None,
    failures_older_than: Annotated[
        float | None, typer.Option(help="Forget failures as old as that.", min=0, metavar="DAYS")
    ] = None,
    batches_older_than: Annotated[
        float | None, typer.Option(help="Delete batches that were finished so long ago.", min=0, metavar="DAYS")
    ] = None,
    store: _Url = None,
    config: common.Config = None,
) -> None:
    """Delete old or surplus records, the least recently used first; by default down to the limits of the settings."""
    settings = common.load_settings(config)
    kept = settings.store
    capacity = Capacity(
        kept.proofs if max_proofs is None else max_proofs,
        (kept.megabytes if megabytes is None else megabytes) << 20,
    )
    batch_days = settings.batches.keep_days if batches_older_than is None else batches_older_than
    with _opened(settings, store) as database:
        deleted = database.write_now(
            lambda connection: (
                proofs.trim(database, connection, capacity, _seconds(older_than)),
                failures.trim(database, connection, _seconds(failures_older_than)),
                batches.trim(database, connection, batch_days * _DAY),
                classrooms.trim(database, connection),
            )
        )
        database.compact()
    common.stdout.print(common.shown("deleted {} proofs, {} failures, {} batches, {} classrooms".format(*deleted)))


@app.command()
def check(
    drop: Annotated[bool, typer.Option("--drop", help="Delete proofs that Lean now rejects.")] = False,
    name: _NamePart = "",
    store: _Url = None,
    server: common.Server = None,
    workers: common.Workers = None,
    config: common.Config = None,
) -> None:
    """Check every proof again; proofs from another version of Lean that still verify are stored for this one, too."""
    settings = common.load_settings(config, lean={"workers": workers})
    with _opened(settings, store) as database:
        tally = common.run(_check(settings, server, database, name, drop))
    common.stdout.print(
        common.shown(
            f"{tally.verified:,} proofs verified, {tally.renewed:,} of them new for this Lean; "
            f"{tally.fallen:,} are none any more{' and were deleted' if drop and tally.fallen else ''}; "
            f"{tally.unknown:,} could not be checked"
        )
    )
    raise typer.Exit(0 if not tally.fallen and not tally.unknown else 1)


@dataclass(slots=True)
class _Tally:
    verified: int = 0
    renewed: int = 0
    fallen: int = 0
    unknown: int = 0


async def _check(settings: Settings, server: str | None, database: Database, name: str, drop: bool) -> _Tally:
    tally = _Tally()
    async with common.opened(settings, server) as (service, workers):
        here = await receipts.toolchain(service)
        queue: asyncio.Queue[StoredProof] = asyncio.Queue(2 * workers)
        columns = (SpinnerColumn(), TextColumn("{task.completed} proofs checked"))
        with Progress(*columns, console=common.stderr, transient=True, disable=not common.stderr.is_terminal) as shown:
            task = shown.add_task("", total=None)

            async def work() -> None:
                while True:
                    proof = await queue.get()
                    try:
                        await _check_one(service, here, database, proof, drop, tally)
                    finally:
                        queue.task_done()
                    shown.advance(task)

            async with asyncio.TaskGroup() as group:
                working = [group.create_task(work()) for _ in range(workers)]
                proofs_there = every_proof(database, name)
                while (proof := await asyncio.to_thread(next, proofs_there, None)) is not None:
                    await queue.put(proof)
                await queue.join()
                for each in working:
                    each.cancel()
    return tally


async def _check_one(
    service: Service, here: Toolchain, database: Database, proof: StoredProof, drop: bool, tally: _Tally
) -> None:
    receipt = proof.receipt
    verdict = await _verdict(service, receipt, here)
    if verdict.verified:
        tally.verified += 1
        if receipt.lean != here.lean:
            limits = Limits(receipt.limits.seconds, receipt.limits.heartbeats, receipt.limits.recursion)
            store = ProofStore(database, here)
            tally.renewed += await store.remember(receipt.as_theorem(), receipt.as_candidate(), verdict, limits)
    elif verdict.kind in proofs.NO_PROOF or verdict.kind is VerdictKind.INVALID_STATEMENT:
        tally.fallen += 1
        reason = f": {verdict.messages[0].text}" if verdict.messages else ""
        common.stdout.print(common.shown(f"{proof.id} {receipt.theorem}: {verdict.kind.name}{reason}", "red"))
        # Proofs that another Lean accepts may still be requested from a server with that Lean.
        if drop and receipt.lean == here.lean:
            await database.write(lambda connection: proofs.forget(connection, proof.id))
    else:
        tally.unknown += 1


async def _verdict(service: Service, receipt: Receipt, here: Toolchain) -> Verdict:
    while True:
        try:
            checker = receipts.ServiceChecker(service, Trust.KERNEL_REPLAYED)
            return (await receipt.check_again(checker, here))[0]
        except BusyError as error:
            await asyncio.sleep(error.seconds)


def _list(proof: StoredProof) -> None:
    receipt = proof.receipt
    used = f"found {_date(proof.created)}, last used {_date(proof.used)}, served {proof.hits} times"
    common.stdout.print(common.shown(f"{proof.id} {receipt.theorem} (Lean {receipt.lean}, {used})", "bold"))
    common.stdout.print(common.shown(f"{receipt.statement} := {receipt.candidate}"))


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def _seconds(days: float | None) -> float | None:
    return None if days is None else days * _DAY


@contextlib.contextmanager
def _opened(settings: Settings, url: str | None) -> Iterator[Database]:
    """Open the existing database."""
    url = _url(settings, url)
    with _as_user_error():
        parsed = parse_url(url)
        if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
            raise UserError(f"there is no store {parsed.database}")
        with contextlib.closing(Database.open(url)) as database:
            yield database


def _url(settings: Settings, url: str | None) -> str:
    url = url or settings.store.url.get_secret_value() or str(default_path())
    if url == "none":
        raise UserError("the settings keep no store: name one with --store")
    return url


def _sqlite_path(settings: Settings, url: str | None, tool: str) -> Path:
    """Return the file of an SQLite store; the error for PostgreSQL names `tool`."""
    with _as_user_error():
        parsed = parse_url(_url(settings, url))
    if parsed.get_backend_name() != "sqlite":
        raise UserError(f"this store is PostgreSQL's: use {tool}, as docs/store.md says")
    return Path(parsed.database or "")


@contextlib.contextmanager
def _as_user_error() -> Iterator[None]:
    try:
        yield
    except (StoreError, ReceiptError) as error:
        raise UserError(str(error)) from None


@contextlib.contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """Yield a file readable only by its user, written atomically."""
    try:
        with atomic_write(path, 0o600) as stream:
            yield stream
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
