"""The unit of work: a plain function over a connection, run as one transaction in a thread of the database.

Domain functions are synchronous and take the connection; they never commit. Measured: a statement through
SQLAlchemy's asyncio layer costs 620 to 845 µs, the same one in a thread 31 µs.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from wherry.db.bell import WORK_CHANNEL, has_rung
from wherry.db.engines import open_engine
from wherry.db.errors import DatabaseUnavailable, translated
from wherry.db.outcomes import Heard, Told, take_outcomes
from wherry.db.sqlite_writer import SqliteWriter

logger = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[Connection], T]
Observe = Callable[[str, float], None]

# What replicas on PostgreSQL listen to; see `wherry.db.pull_reader`.
CHANGES_CHANNEL = "wherry_changes"

# serialization_failure, deadlock_detected, and foreign_key_violation: a row that was there when the
# transaction looked is gone when it commits. The second try sees what the other transaction left.
_RETRY_STATES = frozenset({"40001", "40P01", "23503"})
RETRIES = 5


class Writer(Protocol):
    """Runs work in a transaction and returns when it is committed."""

    async def run(self, work: Work[T], *, durable: bool) -> T: ...

    def close(self) -> None: ...


class Database:
    """Reads and writes, each one transaction. Close it at the end."""

    def __init__(self, url: str, observe: Observe = lambda _operation, _seconds: None) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self._observe = observe
        self._write_engine = open_engine(url, writer=True)
        self._read_engine = open_engine(url, writer=False) if self.is_sqlite else self._write_engine
        self._readers = ThreadPoolExecutor(4 if self.is_sqlite else 8, thread_name_prefix="db-read")
        self._writer: Writer = (
            SqliteWriter(self._write_engine, self._rung, self._told)
            if self.is_sqlite
            else _PostgresWriter(self._write_engine, self._rung, self._told)
        )
        self._own_writes = 0
        self._ring_listeners: list[Callable[[], None]] = []
        self._outcome_listeners: list[Heard] = []

    @property
    def own_writes(self) -> int:
        """Counts the durable commits of this process; a reader's cache is stale when it moved."""
        return self._own_writes

    def on_ring(self, heard: Callable[[], None]) -> None:
        """`heard` is called after each commit that rang the bell (`wherry.db.bell`), in any thread."""
        self._ring_listeners.append(heard)

    def on_outcome(self, heard: Heard) -> None:
        """`heard` gets each outcome (`wherry.db.outcomes`) of what is committed here, in any thread.

        When a write returns, its outcomes were told. What `heard` raises is logged, and changes nothing.
        """
        self._outcome_listeners.append(heard)

    async def read(self, work: Work[T]) -> T:
        """Run `work`, which changes nothing. Raises what `work` raises, or a `DatabaseError`."""
        began = time.perf_counter()
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._readers, _in_transaction, self._read_engine, work)
        finally:
            self._observe("read", time.perf_counter() - began)

    async def write(self, work: Work[T], *, durable: bool = True) -> T:
        """Run `work` and commit; when this returns the change survives power loss.

        With `durable=False` it survives a crash of the process only: for progress that a client can send
        again. Raises what `work` raises, or a `DatabaseError`; then nothing of it is kept.
        """
        began = time.perf_counter()
        try:
            return await self._writer.run(work, durable=durable)
        finally:
            if durable:
                self._own_writes += 1
            self._observe("write", time.perf_counter() - began)

    def read_now(self, work: Work[T]) -> T:
        """`read` for callers without an event loop (administrative commands)."""
        return _in_transaction(self._read_engine, work)

    def write_now(self, work: Work[T]) -> T:
        """`write` for callers without an event loop (administrative commands)."""

        def announced(connection: Connection) -> T:
            result = work(connection)
            _announce(connection)
            _announce_work(connection)
            return result

        return _in_transaction(self._write_engine, announced, self._told)

    def close(self) -> None:
        """Waits for work in progress."""
        self._writer.close()
        self._readers.shutdown(wait=True)
        self._read_engine.dispose()
        self._write_engine.dispose()

    def _rung(self) -> None:
        for heard in self._ring_listeners:
            heard()

    def _told(self, outcomes: list[object]) -> None:
        for outcome in outcomes:
            for heard in self._outcome_listeners:
                try:
                    heard(outcome)
                except Exception:
                    logger.exception("%r is committed, and was not counted", outcome)


def _in_transaction(engine: Engine, work: Work[T], told: Told = lambda _outcomes: None) -> T:
    try:
        with engine.begin() as connection:
            result = work(connection)
            outcomes = take_outcomes(connection)
    except DBAPIError as error:
        raise translated(error) from error
    except PoolTimeout as error:
        raise DatabaseUnavailable("all connections to the database are busy") from error
    told(outcomes)
    return result


def _announce(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"NOTIFY {CHANGES_CHANNEL}"))


def _announce_work(connection: Connection) -> bool:
    rung = has_rung(connection)
    if rung and connection.dialect.name == "postgresql":
        connection.execute(text(f"NOTIFY {WORK_CHANNEL}"))
    return rung


def _retrying(engine: Engine, work: Work[T], told: Told) -> T:
    """Run again what PostgreSQL gave up because of another transaction; work has no other effect."""
    for _ in range(RETRIES):
        try:
            return _in_transaction(engine, work, told)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _RETRY_STATES:
                raise
        except DatabaseUnavailable as error:
            if getattr(getattr(error.__cause__, "orig", None), "sqlstate", None) not in _RETRY_STATES:
                raise
    return _in_transaction(engine, work, told)


class _PostgresWriter:
    """Transactions side by side; each durable one tells the other replicas' caches."""

    def __init__(self, engine: Engine, rung: Callable[[], None], told: Told) -> None:
        self._engine = engine
        self._rung = rung
        self._told = told
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="db-write")

    async def run(self, work: Work[T], *, durable: bool) -> T:
        def whole(connection: Connection) -> tuple[T, bool]:
            if not durable:
                connection.execute(text("SET LOCAL synchronous_commit = off"))
            result = work(connection)
            if durable:
                _announce(connection)
            return result, _announce_work(connection)

        result, rung = await asyncio.get_running_loop().run_in_executor(
            self._threads, _retrying, self._engine, whole, self._told
        )
        if rung:
            self._rung()
        return result

    def close(self) -> None:
        self._threads.shutdown(wait=True)
