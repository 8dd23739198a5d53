"""Databases of both kinds."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from prover.store.database import Database, parse_url
from tests.prover.store.postgres import NoPostgresError, running_cluster

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server's first database; the test is skipped where none can be started."""
    try:
        cluster = running_cluster()
        url = cluster.__enter__()
    except NoPostgresError as reason:
        pytest.skip(str(reason))
    yield url
    cluster.__exit__(None, None, None)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that does not exist yet (SQLite) or is empty (PostgreSQL)."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.sqlite"
    server: str = request.getfixturevalue("postgres")
    name = f"store{next(_numbers)}"
    engine = create_engine(parse_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database.open(url)
    yield database
    database.close()
