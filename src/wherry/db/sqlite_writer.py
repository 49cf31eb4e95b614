"""The one thread that writes to SQLite, committing what waits together.

SQLite has one write lock and an fsync per commit. Pushes that arrive while one commit is on its way to the
disk share the next: each runs under a savepoint of its own, so that one that fails takes no other along, and
all are answered only after their common commit.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from wherry.db.bell import has_rung
from wherry.db.errors import DatabaseUnavailable, translated
from wherry.db.outcomes import Told, count_outcomes, forget_outcomes, take_outcomes

T = TypeVar("T")

# More would only make the first of them wait longer.
MAX_TOGETHER = 64


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any]
    durable: bool
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        if self.future.cancelled():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class SqliteWriter:
    """Runs work in the order it came in. Closing it waits for what is queued."""

    def __init__(
        self,
        engine: Engine,
        rung: Callable[[], None] = lambda: None,
        told: Told = lambda _outcomes: None,
    ) -> None:
        """`told` is called after each commit, with its outcomes (`wherry.db.outcomes`); it raises nothing."""
        self._engine = engine
        self._rung = rung
        self._told = told
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._connection: Connection | None = None
        self._is_durable: bool | None = None
        self._thread = threading.Thread(target=self._serve, name="db-write", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Connection], T], *, durable: bool) -> T:
        if self._closed:
            raise DatabaseUnavailable("the database is closed")
        loop = asyncio.get_running_loop()
        job = _Job(work, durable, loop, loop.create_future())
        self._queue.put(job)
        result: T = await job.future
        return result

    def close(self) -> None:
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (first := self._queue.get()) is not None:
            jobs, last = [first], False
            while len(jobs) < MAX_TOGETHER:
                try:
                    job = self._queue.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    last = True
                    break
                jobs.append(job)
            self._commit_together(jobs)
            for loop in {id(job.loop): job.loop for job in jobs}.values():
                mine = [job for job in jobs if job.loop is loop]
                loop.call_soon_threadsafe(_settle_all, mine)
            if last:
                break
        self._disconnect()

    def _commit_together(self, jobs: list[_Job]) -> None:
        try:
            connection = self._connected(durable=any(job.durable for job in jobs))
            with connection.begin():
                if len(jobs) == 1:
                    # Alone it needs no savepoint: what it raises undoes the whole transaction, its own.
                    jobs[0].result = jobs[0].work(connection)
                else:
                    for job in jobs:
                        self._run_one(connection, job)
                outcomes = take_outcomes(connection)
            self._told(outcomes)
            if has_rung(connection):
                self._rung()
        except Exception as error:  # noqa: BLE001 (each job's caller gets it)
            failure = translated(error) if isinstance(error, DBAPIError) else error
            for job in jobs:
                job.error = job.error or failure
            self._disconnect()

    def _connected(self, *, durable: bool) -> Connection:
        """The connection, which stays open, syncing at each commit or at checkpoints only."""
        if self._connection is None:
            self._connection = self._engine.connect()
            self._is_durable = None
        if durable is not self._is_durable:
            driver = self._connection.connection.driver_connection
            assert driver is not None
            # It cannot change inside a transaction; both values are safe against a crash of the process.
            driver.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._is_durable = durable
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _run_one(self, connection: Connection, job: _Job) -> None:
        connection.exec_driver_sql("SAVEPOINT job")
        told_before = count_outcomes(connection)
        try:
            job.result = job.work(connection)
        except Exception as error:  # noqa: BLE001 (the job's caller gets it)
            forget_outcomes(connection, told_before)
            job.error = translated(error) if isinstance(error, DBAPIError) else error
            try:
                connection.exec_driver_sql("ROLLBACK TO job")
            except DBAPIError:
                # SQLite gave up the whole transaction (a full disk): all jobs fail, for this one's reason.
                raise job.error from None
        connection.exec_driver_sql("RELEASE job")


def _settle_all(jobs: list[_Job]) -> None:
    for job in jobs:
        job.settle()
