"""Backups of an SQLite store: made while servers use it, and restored while none does.

A copy of the file alone would lack the data in the write-ahead log next to it. PostgreSQL has its own backup tools.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from prover.store.errors import StoreError
from prover.store.tables import SCHEMA, VERSION_TABLE

_BUSY_SECONDS = 30.0
_BESIDE = ("-wal", "-shm", "-journal")


def backup(source: Path, out: Path) -> int:
    """Write the current content of the store to a new file; returns its size in bytes.

    Raises:
        StoreError: the file exists already, it cannot be written, or the store cannot be read.
    """
    draft = out.with_name(f".{out.name}.draft")
    if out.exists():
        raise StoreError(f"there is a file {out} already: name another one")
    try:
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with _opened(source) as store, _opened(draft) as copy:
            store.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # a single self-contained file
        verify(draft)
        with draft.open("rb") as stream:
            os.fsync(stream.fileno())
        draft.rename(out)
    except (OSError, sqlite3.Error) as error:
        draft.unlink(missing_ok=True)
        raise StoreError(f"the store {source} cannot be copied to {out}: {_reason(error)}") from None
    return out.stat().st_size


def restore(file: Path, store: Path, replace: bool) -> None:
    """Replace the store with a copy, atomically.

    Args:
        file: a file written by `backup`; it is kept.
        store: path of the store, which need not exist.
        replace: whether an existing store may be overwritten.

    Raises:
        StoreError: the copy is damaged or from a newer leansieve, or the store may not be replaced or is in use.
    """
    draft = store.with_name(f".{store.name}.draft")
    try:
        verify(file)
        if store.exists():
            if not replace:
                raise StoreError(f"there is a store {store} already: --replace overwrites it")
            _refuse_if_in_use(store)
        store.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.unlink(missing_ok=True)
        with (
            file.open("rb") as source,
            open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target,
        ):
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        for suffix in _BESIDE:  # these belong to the old store
            Path(f"{store}{suffix}").unlink(missing_ok=True)
        draft.rename(store)
    except (OSError, sqlite3.Error) as error:
        draft.unlink(missing_ok=True)
        raise StoreError(f"{file} cannot be put in the place of {store}: {_reason(error)}") from None


def verify(file: Path) -> None:
    """Check every page of a store.

    Raises:
        StoreError: it is damaged, not a store, or from a newer leansieve.
        OSError, sqlite3.Error: it cannot be read.
    """
    if not file.is_file():
        raise StoreError(f"there is no file {file}")
    try:
        with _opened(file) as store:
            (found,) = store.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise StoreError(f"{file} is damaged: {found}")
            (version,) = store.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone() or ("",)
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{file} is not a store of leansieve: {error}") from None
    if version > SCHEMA:
        raise StoreError(f"{file} was made by a newer leansieve (tables {version}, this one knows {SCHEMA})")


def _refuse_if_in_use(store: Path) -> None:
    """Raise StoreError if another process has the store open: leaving write-ahead mode requires exclusive access."""
    try:
        with contextlib.closing(sqlite3.connect(store, timeout=1.0, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        raise StoreError(f"the store {store} is in use ({error}): stop the servers that use it first") from None
    except sqlite3.DatabaseError:
        return  # damaged, which is why it is being replaced


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
        yield connection


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
