"""Copies of stores, and stores from copies."""

import contextlib
import re
import shlex
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from prover.store.backup import backup, restore
from prover.store.database import Database
from prover.store.errors import StoreError
from prover.store.records.batches import Submission
from prover.store.records.queue import BatchQueue

ROOT = Path(__file__).parents[3]


def submission(count: int) -> Submission:
    return Submission("ann", None, "d", "", "{}", [(str(number), "r") for number in range(count)])


async def unfinished(url: str) -> int:
    with contextlib.closing(Database.open(url)) as database:
        backlog = await BatchQueue(database).backlog()
    return backlog.waiting + backlog.running


async def test_a_copy_holds_what_is_still_in_the_write_ahead_log(tmp_path: Path) -> None:
    store, copy, plain = (tmp_path / name for name in ("store.sqlite", "copy.sqlite", "plain.sqlite"))
    with contextlib.closing(Database.open(str(store))) as database:
        await BatchQueue(database).submit(submission(3), 100, 100)
        shutil.copy(store, plain)
        backup(store, copy)
        await BatchQueue(database).submit(submission(4), 100, 100)
        with pytest.raises(StoreError, match="there is a file"):
            backup(store, copy)
        with pytest.raises(StoreError, match="stop the servers"):
            restore(copy, store, replace=True)
    with contextlib.suppress(sqlite3.Error, StoreError):
        assert await unfinished(str(plain)) != 3, "a plain copy would do: this test shows nothing"
    assert await unfinished(str(copy)) == 3
    with pytest.raises(StoreError, match="--replace"):
        restore(copy, store, replace=False)
    assert await unfinished(str(store)) == 7
    restore(copy, store, replace=True)
    assert await unfinished(str(store)) == 3
    assert store.stat().st_mode & 0o777 == 0o600


async def test_a_damaged_copy_is_not_put_in_place(tmp_path: Path) -> None:
    store, copy = tmp_path / "store.sqlite", tmp_path / "copy.sqlite"
    with contextlib.closing(Database.open(str(store))) as database:
        await BatchQueue(database).submit(submission(200), 1000, 1000)
    backup(store, copy)
    data = bytearray(copy.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    copy.write_bytes(data)
    for broken in (copy, ROOT / "README.md", tmp_path / "nowhere"):
        with pytest.raises(StoreError):
            restore(broken, store, replace=True)
    assert await unfinished(str(store)) == 200


async def test_a_damaged_store_is_replaced_by_its_copy(tmp_path: Path) -> None:
    store, copy = tmp_path / "store.sqlite", tmp_path / "copy.sqlite"
    with contextlib.closing(Database.open(str(store))) as database:
        await BatchQueue(database).submit(submission(3), 100, 100)
    backup(store, copy)
    store.write_bytes(b"what a disk made of it" * 1000)
    restore(copy, store, replace=True)
    assert await unfinished(str(store)) == 3


async def test_postgresqls_own_tools_do_it_as_the_manual_says(postgres: str, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "store.md").read_text()
    dump, load = re.findall(r"^(pg_(?:dump|restore) .+?)(?: +#.*)?$", page, re.MULTILINE)

    def run(command: str) -> None:
        arguments = [
            postgres if part == "$URL" else part.replace("=$URL", f"={postgres}") for part in shlex.split(command)
        ]
        subprocess.run(arguments, cwd=tmp_path, check=True, capture_output=True)

    with contextlib.closing(Database.open(postgres)) as database:
        await BatchQueue(database).submit(submission(3), 100, 100)
        before = await unfinished(postgres)
        run(dump)
        await BatchQueue(database).submit(submission(4), 100, 100)
    run(load)
    assert await unfinished(postgres) == before
