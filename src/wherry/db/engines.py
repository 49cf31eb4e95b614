"""Engines for the two databases that Wherry runs on, with the settings that durability rests on."""

import sqlite3
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import Connection

from wherry.db.outcomes import forget_what_is_undone

# A writer waits this long for another process (a second worker, an administrative command) to commit.
BUSY_TIMEOUT_MS = 30_000


def open_engine(url: str, *, writer: bool) -> Engine:
    """An engine for `url` (`sqlite:///PATH` or `postgresql://…`).

    On SQLite a `writer` begins each transaction with the write lock (`BEGIN IMMEDIATE`), so that what it has
    read still holds when it writes; a reader gets a snapshot and cannot write at all.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(url, writer)
    if parsed.get_backend_name() == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=8,
            max_overflow=8,
            pool_pre_ping=True,
            pool_timeout=30,
        )
        forget_what_is_undone(engine)
        return engine
    raise ValueError(
        f"database URL {parsed.render_as_string()!r}: valid are sqlite:///PATH and postgresql://…"
    )


def configure_sqlite(connection: sqlite3.Connection, *, writer: bool) -> None:
    """WAL, every commit fsynced (`FULL`), foreign keys checked; a busy file is waited for."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -16000")
    if not writer:
        cursor.execute("PRAGMA query_only = ON")
    cursor.close()


def _sqlite(url: str, writer: bool) -> Engine:
    # SQLite has one write lock: the writer's thread keeps one connection, the other is for `write_now`.
    engine = create_engine(
        url, pool_size=2 if writer else 4, max_overflow=0, connect_args={"check_same_thread": False}
    )

    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin or commit behind our back
        configure_sqlite(connection, writer=writer)

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    if writer:
        forget_what_is_undone(engine)
    return engine
