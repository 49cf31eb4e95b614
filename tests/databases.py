"""Fixtures of the domains' tests: the real SQLite, a real PostgreSQL, each without a row, and a clock."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engines.pytest_plugin import require
from engines.servers.postgresql import PostgreSQL, postgresql
from wherry.db.database import Database
from wherry.migrations.schema import whole_metadata
from wherry.migrations.upgrade import upgrade

Do = Callable[..., Any]

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.engine("postgresql"))]


class FixedClock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def move(self, **how: float) -> datetime:
        """`move(minutes=5)`; answers the new moment."""
        self._now += timedelta(**how)
        return self._now


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    require("postgresql")
    with postgresql() as server:
        yield server
        _assert_nobody_is_connected(server)


def _assert_nobody_is_connected(server: PostgreSQL) -> None:
    """What was closed has let go of its connections; a leak would show as a server that waits to end.

    The server's side of a connection that we closed just now takes a moment to end; a leak does not end.
    """
    url, deadline = server.create_database("last_look"), time.monotonic() + 10
    query = (
        "SELECT datname, state, query FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        while left := connection.execute(query).fetchall():
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which database; a test that asks for one runs on both."""
    return str(request.param)


@pytest.fixture
def empty_database_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database without a table."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path / 'wherry.db'}"
    server: PostgreSQL = request.getfixturevalue("postgres")
    return server.create_database(f"test_{uuid.uuid4().hex[:12]}")


@pytest.fixture
def database_url(kind: str, request: pytest.FixtureRequest) -> str:
    """A database with the schema and without a row."""
    return str(request.getfixturevalue(f"{kind}_url"))


@pytest.fixture
def sqlite_url(_migrated_sqlite: Path, tmp_path: Path) -> str:
    shutil.copy(_migrated_sqlite, tmp_path / "wherry.db")
    return f"sqlite:///{tmp_path / 'wherry.db'}"


@pytest.fixture
def postgresql_url(_migrated_postgresql: str) -> str:
    # Emptied, not made anew: a new database for each test would take most of the run's time.
    empty_postgresql(_migrated_postgresql)
    return _migrated_postgresql


def empty_postgresql(url: str) -> None:
    """Remove all rows, and count ids from 1 again. For a few rows DELETE is quicker than TRUNCATE."""
    tables = reversed(whole_metadata().sorted_tables)
    emptying = "".join(f"DELETE FROM {table.name};" for table in tables)
    restarting = "SELECT setval(schemaname || '.' || sequencename, 1, false) FROM pg_sequences"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"{emptying} {restarting}".encode())


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "wherry.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _migrated_postgresql(postgres: PostgreSQL) -> str:
    url = postgres.create_database("domains")
    upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        # Tests of races make deadlocks on purpose; nobody wants to wait a second for each.
        connection.execute("ALTER DATABASE domains SET deadlock_timeout = '20ms'")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def do(database: Database) -> Do:
    """`do(function, …)` runs a domain function in a transaction of its own and answers what it answers."""

    def run(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return database.write_now(lambda tx: function(tx, *arguments, **named))

    return run
