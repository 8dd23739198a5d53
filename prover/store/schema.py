"""Tables brought up to date when a database is opened, however many servers open it at the same moment."""

import time
from pathlib import Path

from sqlalchemy import Connection, Engine, column, inspect, select, table, text
from sqlalchemy.exc import OperationalError

from prover.store.errors import StoreError
from prover.store.tables import SCHEMA, VERSION_TABLE

_LOCK = 0x6C65616E  # PostgreSQL's advisory locks are numbers; any number will do that no other program takes


def migrate(engine: Engine, name: str, busy_seconds: float) -> None:
    """Run the migrations that the database has not seen yet.

    Raises:
        StoreError: a newer leansieve made it, or it is something else's.
        DBAPIError: it cannot be read or written.
    """
    # 1. Nearly always there is nothing to do: that takes no lock, and works where a database can only be read.
    with engine.connect().execution_options(begin="BEGIN") as connection:
        if _version(connection, name) == SCHEMA:
            return
    # 2. Writers shall not lock readers out.
    if engine.dialect.name == "sqlite":
        _write_ahead(engine, busy_seconds)
    # 3. One migrates, the others wait and then find nothing to do.
    with engine.begin() as connection:  # SQLite: BEGIN IMMEDIATE
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if _version(connection, name) != SCHEMA:
            _upgrade(connection)


def _version(connection: Connection, name: str) -> str | None:
    """The last migration that the database has seen; None: none."""
    tables = inspect(connection).get_table_names()
    if VERSION_TABLE not in tables:
        # PostgreSQL's databases are shared, and our tables have names of their own.
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
    from alembic import command  # loaded only when there is something to do: it takes a third of a second
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, SCHEMA)


def _write_ahead(engine: Engine, busy_seconds: float) -> None:
    """Switch the write-ahead log on. SQLite does not wait by itself for others that do the same."""
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
