"""A database: transactions in threads, and one clear sentence for each error.

SQLAlchemy is used from threads and not with its asyncio extension: SQLite has no asynchronous interface (aiosqlite uses
a thread, too), Alembic has none, the command line needs none, and every use here is one short transaction.
"""

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)

from prover.store import schema
from prover.store.errors import StoreError, sentence

if TYPE_CHECKING:  # imports slower than the rest of the store
    from sqlalchemy.dialects import postgresql

T = TypeVar("T")

_BUSY_SECONDS = 30.0
_READ_SECONDS, _WRITE_SECONDS = 10.0, _BUSY_SECONDS + 5.0  # time after which a hanging database counts as failed
_THREADS = 4
_RETRIES = 5
_RETRIED = frozenset({"40001", "40P01"})  # PostgreSQL: serialization failure, deadlock


class Database:
    """SQLite in a file, or PostgreSQL. Any number of processes may share it.

    Attributes:
        errors: number of failed transactions since it was opened.
        failing_since: `time.monotonic` of the first failure since the last success; None: it works.
    """

    def __init__(self, engine: Engine) -> None:
        """Internal; call `open`, which migrates first."""
        self._engine = engine
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="store")
        self._counting = threading.Lock()
        self.errors = 0
        self.failing_since: float | None = None

    @classmethod
    def open(cls, url: str) -> "Database":
        """Open the database, create it if needed, and migrate its tables.

        Args:
            url: `sqlite:///FILE`, `postgresql://USER:PASSWORD@HOST/NAME`, or the path of an SQLite file.

        Raises:
            StoreError: it cannot be used; one sentence gives the reason and the remedy.
        """
        parsed = parse_url(url)
        name = shown_url(parsed)
        try:
            if parsed.get_backend_name() == "sqlite" and "uri" not in parsed.query:
                _make_file(Path(parsed.database or ""))
            engine = _engine(parsed)
        except OSError as error:
            raise StoreError(f"the store {name} cannot be opened: {error.strerror}") from None
        except ModuleNotFoundError as error:
            raise StoreError(f"the store {name} needs the package {error.name}: {_PACKAGE_ADVICE}") from None
        database = cls(engine)
        try:
            schema.migrate(engine, name, _BUSY_SECONDS)
        except BaseException as error:
            database.close()
            if isinstance(error, DBAPIError):
                raise StoreError(sentence(name, error)) from None
            raise
        return database

    @property
    def name(self) -> str:
        """Name in messages, without password."""
        return shown_url(self._engine.url)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a read-only transaction, in a thread. Raises StoreError."""
        return await self._in_thread(self.read_now, work, _READ_SECONDS)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction, in a thread; it may run more than once until it commits.

        Raises:
            StoreError: the database cannot be written.
            IntegrityError: the data conflict with another writer's.
        """
        return await self._in_thread(self.write_now, work, _WRITE_SECONDS)

    async def _in_thread(
        self, run: Callable[[Callable[[Connection], T]], T], work: Callable[[Connection], T], seconds: float
    ) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.get_running_loop().run_in_executor(self._threads, run, work)
        except TimeoutError:  # the thread keeps waiting, and its transaction may still commit
            self._failed()
            raise StoreError(f"the store {self.name} gave no answer within {seconds:g} s") from None

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """See `read`."""
        with self._translate_errors(), self._engine.connect().execution_options(begin="BEGIN") as connection:
            return work(connection)

    def write_now(self, work: Callable[[Connection], T]) -> T:
        """See `write`."""
        with self._translate_errors():
            for attempt in range(_RETRIES):
                try:
                    with self._engine.begin() as connection:
                        return work(connection)
                except OperationalError as error:
                    if getattr(error.orig, "sqlstate", None) not in _RETRIED or attempt == _RETRIES - 1:
                        raise
                    time.sleep(random.uniform(0, 0.05 * 2**attempt))
        raise AssertionError("unreachable")

    def compact(self) -> None:
        """Return the space of deleted rows to the file system."""
        if self._engine.dialect.name == "sqlite":  # PostgreSQL does so automatically
            with self._translate_errors(), self._engine.connect().execution_options(begin="") as connection:
                connection.exec_driver_sql("VACUUM")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def insert(self, table: Any) -> "sqlite.Insert | postgresql.Insert":
        """Return an insert statement that supports `on_conflict_do_nothing`."""
        if self._engine.dialect.name == "sqlite":
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)

    def now(self, connection: Connection) -> float:
        """Seconds since the epoch by the database's clock, which all its users share."""
        if connection.dialect.name == "sqlite":
            return time.time()
        return float(connection.scalar(select(func.extract("epoch", func.clock_timestamp()))) or 0.0)

    def close(self) -> None:
        """Finish running transactions and disconnect."""
        self._threads.shutdown()
        self._engine.dispose()

    @contextlib.contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:  # two writers wrote the same key; the caller handles it
            raise
        except DBAPIError as error:
            self._failed()
            raise StoreError(sentence(self.name, error)) from None
        except SQLAlchemyError as error:
            self._failed()
            raise StoreError(f"the store {self.name} failed: {type(error).__name__}") from None
        self.failing_since = None

    def _failed(self) -> None:
        with self._counting:
            self.errors += 1
            if self.failing_since is None:
                self.failing_since = time.monotonic()


_PACKAGE_ADVICE = "pip install 'leansieve[postgres]'"


def parse_url(text: str) -> URL:
    """The URL of a database; a text without `://` is the path of an SQLite file.

    Raises:
        StoreError: it is malformed, or neither SQLite nor PostgreSQL.
    """
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser()))
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):
        raise StoreError("the store's URL cannot be read: expected sqlite:///FILE or postgresql://HOST/NAME") from None
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise StoreError(f"the store cannot be kept in {backend}: name sqlite:///FILE or postgresql://HOST/NAME")
    if not url.database or url.database == ":memory:":
        raise StoreError("the store needs a file: sqlite:///FILE; a database in memory cannot be shared")
    return url


def shown_url(url: URL) -> str:
    """Return the URL for display: a path for SQLite, without password for PostgreSQL."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def _make_file(path: Path) -> None:
    """Create an empty file that only its owner can read: proofs are private."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        path.touch(mode=0o600)


# A server that is cut off sends no notice: requests time out, and idle connections are probed.
_POSTGRES = {"connect_timeout": 10, "tcp_user_timeout": 20_000, "keepalives_idle": 10, "keepalives_interval": 5}


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            return create_engine(url, pool_size=_THREADS, pool_pre_ping=True, connect_args=_POSTGRES)
    except NoSuchModuleError as error:
        raise StoreError(f"the store's URL cannot be read: {error}") from None
    engine = create_engine(url, pool_size=_THREADS, connect_args={"timeout": _BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # Python's own BEGIN comes too late; ours is below
        # Deleted data are overwritten, so that they cannot be read from free pages.
        for pragma in ("foreign_keys = ON", "synchronous = NORMAL", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and then writes fails at once if another one has written in between.
        if begin := connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"):
            connection.exec_driver_sql(begin)

    return engine
