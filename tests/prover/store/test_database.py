import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import prover.store
from prover.store import schema
from prover.store.database import Database
from prover.store.errors import StoreError
from prover.store.tables import SCHEMA, Base

OPEN = "import sys; from prover.store.database import Database; Database.open(sys.argv[1]).close()"


def test_the_migrations_make_the_tables(database: Database) -> None:
    def differences(connection):  # type: ignore[no-untyped-def]
        context = MigrationContext.configure(connection, opts={"version_table": "leansieve_schema"})
        return compare_metadata(context, Base.metadata)

    assert database.read_now(differences) == []


def test_the_newest_migration_is_the_one_the_code_knows() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(prover.store.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA]


def test_a_database_of_the_version_before_keeps_what_it_holds(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(schema, "SCHEMA", "0001")
        database = Database.open(url)
    row = "('old', 'ann', 'd', 'l', '{}', 1, 0, 1.0)"
    columns = "id, owner, digest, label, options, total, answered, created"
    database.write_now(lambda c: c.execute(text(f"INSERT INTO leansieve_jobs ({columns}) VALUES {row}")))
    database.close()
    database = Database.open(url)
    assert database.read_now(lambda c: c.scalar(text("SELECT owner FROM leansieve_jobs"))) == "ann"
    assert database.read_now(lambda c: c.scalar(text("SELECT count(*) FROM leansieve_classrooms"))) == 0
    assert database.read_now(lambda c: c.scalar(text("SELECT version_num FROM leansieve_schema"))) == SCHEMA
    database.close()


def test_servers_that_start_at_once_migrate_once(url: str) -> None:
    starting = [subprocess.Popen([sys.executable, "-c", OPEN, url], stderr=subprocess.PIPE) for _ in range(4)]
    assert [(process.communicate()[1], process.returncode) for process in starting] == [(b"", 0)] * 4
    database = Database.open(url)
    assert database.read_now(lambda c: c.scalar(text("SELECT count(*) FROM leansieve_schema"))) == 1
    database.close()


def test_a_database_of_a_newer_version_is_left_alone(url: str) -> None:
    database = Database.open(url)
    database.write_now(lambda c: c.execute(text("UPDATE leansieve_schema SET version_num = '9999'")))
    database.close()
    with pytest.raises(StoreError, match=r"newer leansieve .*upgrade leansieve"):
        Database.open(url)


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def work(connection):  # type: ignore[no-untyped-def]
        connection.execute(text("UPDATE leansieve_schema SET version_num = '0000'"))
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        database.write_now(work)
    assert database.read_now(lambda c: c.scalar(text("SELECT version_num FROM leansieve_schema"))) == SCHEMA


async def test_transactions_of_one_process_do_not_lose_updates(database: Database) -> None:
    database.write_now(lambda c: c.execute(text("CREATE TABLE counter (n INTEGER)")))
    database.write_now(lambda c: c.execute(text("INSERT INTO counter VALUES (0)")))
    add = text("UPDATE counter SET n = n + 1")
    await asyncio.gather(*(database.write(lambda c: c.execute(add)) for _ in range(50)))
    assert await database.read(lambda c: c.scalar(text("SELECT n FROM counter"))) == 50


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sherlock, " * 100)
    with pytest.raises(StoreError, match=f"the store {path} is not a database"):
        Database.open(str(path))
    assert path.read_text().startswith("Dear")


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (title)")
    connection.close()
    with pytest.raises(StoreError, match="is a database of something else"):
        Database.open(str(path))


def test_a_damaged_database_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    Database.open(str(path)).close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + os.urandom(len(content) - 4096))
    with pytest.raises(StoreError, match="is damaged"):
        Database.open(str(path))


def test_a_full_disk_is_reported_and_loses_nothing(tmp_path: Path) -> None:
    database = Database.open(str(tmp_path / "store.sqlite"))

    def fill(connection):  # type: ignore[no-untyped-def]
        connection.execute(text("PRAGMA max_page_count = 40"))
        connection.execute(text("CREATE TABLE filling (content)"))
        for _ in range(100):
            connection.execute(text("INSERT INTO filling VALUES (zeroblob(4096))"))

    with pytest.raises(StoreError, match="the disk is full: free some space"):
        database.write_now(fill)
    assert database.read_now(lambda c: c.scalar(text("SELECT version_num FROM leansieve_schema"))) == SCHEMA
    database.close()


def test_a_database_that_can_only_be_read_is_read_and_a_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    Database.open(str(path)).close()
    database = Database.open(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert database.read_now(lambda c: c.scalar(text("SELECT version_num FROM leansieve_schema"))) == SCHEMA
    with pytest.raises(StoreError, match="can only be read"):
        database.write_now(lambda c: c.execute(text("DELETE FROM leansieve_schema")))
    database.close()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        Database.open(str(tmp_path))


def test_a_folder_that_cannot_be_made_is_reported() -> None:
    with pytest.raises(StoreError, match=r"/proc/nowhere/store\.sqlite cannot be opened"):
        Database.open("/proc/nowhere/store.sqlite")


def test_the_file_is_for_its_user_alone(tmp_path: Path) -> None:
    Database.open(str(tmp_path / "new" / "store.sqlite")).close()
    assert (tmp_path / "new" / "store.sqlite").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("url", ["mysql://user:secret@host/name", "sqlite://", "http:://", "://", "oracle://x"])
def test_other_urls_are_refused_without_their_password(url: str) -> None:
    with pytest.raises(StoreError, match="sqlite:///FILE") as refused:
        Database.open(url)
    assert "secret" not in str(refused.value)


def test_a_server_that_is_not_there_is_reported_without_the_password() -> None:
    with pytest.raises(StoreError, match=r"postgresql://u:\*\*\*@127.0.0.1:9/x cannot be reached") as refused:
        Database.open("postgresql://u:secret@127.0.0.1:9/x")
    assert "secret" not in str(refused.value)


def test_a_database_that_does_not_exist_is_reported(postgres: str) -> None:
    with pytest.raises(StoreError, match="createdb"):
        Database.open(postgres.replace("/postgres?", "/nowhere?"))
