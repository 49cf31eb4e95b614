"""The bell that a commit rings when it leaves work behind: events to dispatch, jobs to start.

In the same process it is heard at once; from other processes through PostgreSQL's NOTIFY, or by asking SQLite
every few milliseconds whether another connection has written, which costs 3 µs. It carries nothing: whoever
hears it looks for himself, and looks now and then anyway.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from sqlalchemy import Connection, make_url

from wherry.db.engines import configure_sqlite

logger = logging.getLogger(__name__)

WORK_CHANNEL = "wherry_work"

# How the listening connection shows itself in pg_stat_activity.
BELL = "wherry-bell"

_RUNG = "wherry_rung"
_POLL = timedelta(milliseconds=40)
# A listener that has heard nothing for this long asks whether the server is still there.
_SILENCE = timedelta(seconds=30)
_AGAIN_AFTER = timedelta(seconds=1)


def ring(tx: Connection) -> None:
    """After its commit this transaction wakes those who wait for work, in every process."""
    tx.info[_RUNG] = True


def has_rung(tx: Connection) -> bool:
    """Whether `ring` was called since this was asked last; one that was undone may count too."""
    return bool(tx.info.pop(_RUNG, False))


class Rings(Protocol):
    """What tells of the commits of this process."""

    url: str
    is_sqlite: bool

    def on_ring(self, heard: Callable[[], None]) -> None:
        """`heard` is called after each commit that rang, in whatever thread committed."""
        ...


class Bell:
    """Wakes those who wait in this process. Belongs to the event loop that it is opened on."""

    def __init__(self, rings: Rings) -> None:
        self._rings = rings
        self._ears: list[asyncio.Event] = []
        self._listener: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to hear other processes."""
        loop = asyncio.get_running_loop()

        def heard() -> None:
            with suppress(RuntimeError):  # the loop has ended; nobody waits any more
                loop.call_soon_threadsafe(self.wake)

        self._rings.on_ring(heard)
        listen = self._poll() if self._rings.is_sqlite else self._listen()
        self._listener = asyncio.create_task(listen, name="hear-the-bell")

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)

    def ear(self) -> asyncio.Event:
        """An event that is set at each ring; who waits for it clears it before he looks."""
        ear = asyncio.Event()
        self._ears.append(ear)
        return ear

    def wake(self) -> None:
        """Ring within this process."""
        for ear in self._ears:
            ear.set()

    async def _poll(self) -> None:
        path = make_url(self._rings.url).database
        assert path, "the SQLite database is a file"
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            configure_sqlite(connection, writer=False)
            seen = None
            while True:
                try:
                    version = connection.execute("PRAGMA data_version").fetchone()[0]
                except sqlite3.Error as error:
                    logger.debug("the database does not tell whether it changed: %s", error)
                    version = None
                if version != seen:
                    seen = version
                    self.wake()
                await asyncio.sleep(_POLL.total_seconds())
        finally:
            connection.close()

    async def _listen(self) -> None:
        import psycopg  # 10 MiB of memory that a process on SQLite need not pay

        from wherry.db.postgres_notices import hear

        address = make_url(self._rings.url).set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                await hear(address, WORK_CHANNEL, self.wake, name=BELL, silence=_SILENCE)
            except (psycopg.Error, TimeoutError) as error:
                logger.warning("not hearing of other replicas' work, looking now and then: %s", error)
            await asyncio.sleep(_AGAIN_AFTER.total_seconds())
