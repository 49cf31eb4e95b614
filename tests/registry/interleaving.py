"""Two transactions on PostgreSQL, laid into each other at every statement of the first one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from sqlalchemy import Connection, event

from wherry.db.database import Database

Work = Callable[[Connection], Any]
_DEADLINE = 20.0


def interleavings(
    prepare: Callable[[], None],
    database: Database,
    watching: psycopg.Connection[Any],
    first: Work,
    second: Work,
) -> Iterator[tuple[int, BaseException | None, BaseException | None]]:
    """Yields after each try with the errors of both.

    Try k holds `first` before its k-th statement until `second` has ended or waits for a lock.
    """
    for statement in range(1, 100):
        prepare()
        pause = _Pause(statement)
        event.listen(database._write_engine, "before_cursor_execute", pause)
        try:
            errors = _try(database, watching, pause, first, second)
        finally:
            event.remove(database._write_engine, "before_cursor_execute", pause)
        if not pause.reached.is_set():
            return
        yield statement, *errors


def _try(
    database: Database, watching: psycopg.Connection[Any], pause: _Pause, first: Work, second: Work
) -> tuple[BaseException | None, BaseException | None]:
    with ThreadPoolExecutor(2) as threads:
        try:
            one = threads.submit(_run, database, pause.marking(first))
            _await(lambda: pause.reached.is_set() or one.done())
            two = threads.submit(_run, database, second)
            _await(lambda: two.done() or _waits_for_a_lock(watching))
        finally:
            pause.go_on.set()
        return one.exception(_DEADLINE), two.exception(_DEADLINE)


class _Pause:
    """Holds the marked transaction, in its first try, before its n-th statement."""

    def __init__(self, statement: int) -> None:
        self._left = statement
        self._connection: Connection | None = None
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def marking(self, work: Work) -> Work:
        def marked(connection: Connection) -> Any:
            self._connection = connection
            return work(connection)

        return marked

    def __call__(self, connection: Connection, *_: object) -> None:
        if connection is not self._connection or self.reached.is_set():
            return
        self._left -= 1
        if self._left == 0:
            self.reached.set()
            assert self.go_on.wait(_DEADLINE)


def _run(database: Database, work: Work) -> Any:
    return asyncio.run(database.write(work))


def _waits_for_a_lock(watching: psycopg.Connection[Any]) -> bool:
    row = watching.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    ).fetchone()
    return row is not None and row[0] > 0


def _await(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE
    while not happened():
        assert time.monotonic() < deadline, "neither ended nor waiting for a lock"
        time.sleep(0.002)
