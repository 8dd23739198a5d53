"""Migrates the tables when a database is opened, even by many servers at once."""

import time
from pathlib import Path

from sqlalchemy import Connection, Engine, column, inspect, select, table, text
from sqlalchemy.exc import OperationalError

from prover.store.errors import StoreError
from prover.store.tables import SCHEMA, VERSION_TABLE

_LOCK = 0x6C65616E  # key of PostgreSQL's advisory lock: an arbitrary number that other programs do not use


def migrate(engine: Engine, name: str, busy_seconds: float) -> None:
    """Run pending migrations.

    Raises:
        StoreError: the database is from a newer leansieve, or belongs to another program.
        DBAPIError: it cannot be read or written.
    """
    # 1. Usually nothing is to be done: this takes no lock, and works with a read-only database.
    with engine.connect().execution_options(begin="BEGIN") as connection:
        if _version(connection, name) == SCHEMA:
            return
    # 2. Writers must not block readers.
    if engine.dialect.name == "sqlite":
        _write_ahead(engine, busy_seconds)
    # 3. One server migrates; the others wait and then find nothing to do.
    with engine.begin() as connection:  # SQLite: BEGIN IMMEDIATE
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if _version(connection, name) != SCHEMA:
            _upgrade(connection)


def _version(connection: Connection, name: str) -> str | None:
    """Return the last migration applied to the database; None if there is none."""
    tables = inspect(connection).get_table_names()
    if VERSION_TABLE not in tables:
        # PostgreSQL databases are shared with others; our tables have distinctive names.
        if tables and connection.dialect.name == "sqlite":
            raise StoreError(f"the store {name} is a database of something else: name another file")
        return None
    version = connection.scalar(select(column("version_num")).select_from(table(VERSION_TABLE)))
    if version is not None and version > SCHEMA:
        raise StoreError(
            f"the store {name} was made by a newer leansieve (tables {version}, this one knows {SCHEMA}): "
            "upgrade leansieve, or name another database"
        )
    return version


def _upgrade(connection: Connection) -> None:
    from alembic import command  # imported only when needed: it takes a third of a second
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, SCHEMA)


def _write_ahead(engine: Engine, busy_seconds: float) -> None:
    """Enable the write-ahead log. SQLite does not wait for concurrent attempts by itself."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            with engine.connect().execution_options(begin="") as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                return
        except OperationalError as error:
            if "locked" not in str(error.orig) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
