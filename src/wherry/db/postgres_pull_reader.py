"""The narrow reader of the pull path on PostgreSQL; what it promises stands with `PullReader`."""

import asyncio
import logging
from datetime import timedelta

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy import make_url

from wherry.db.database import CHANGES_CHANNEL, Database
from wherry.db.errors import DatabaseUnavailable
from wherry.db.postgres_notices import hear
from wherry.db.pull_reader import Parameters, Prepared, Row

logger = logging.getLogger(__name__)

# How the listening connection shows itself in pg_stat_activity.
LISTENER = "wherry-listener"

# A listener that has heard nothing for this long asks whether the server is still there; so a connection that
# died without a word serves nothing stale for longer than that and the moment it waits for the answer.
_SILENCE = timedelta(seconds=2)

# Not a mistake of ours: no connection, one that broke, or a server that has become a standby.
_UNAVAILABLE = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)


class PostgresPullReader:
    """Prepared statements over a pool, and one connection that listens for the commits of all replicas.

    While nothing listens (the connection broke), no generation equals another: nothing cached is used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._address = (
            make_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False)
        )
        self._pool = AsyncConnectionPool(
            self._address,
            min_size=1,
            max_size=8,
            open=False,
            timeout=10,
            kwargs={"autocommit": True, "prepare_threshold": 0},
        )
        self._heard = 0
        self._listening = False
        self._listener: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._pool.open()
        self._listener = asyncio.create_task(self._listen(), name="db-listen")

    def generation(self) -> object:
        if not self._listening:
            return object()
        return (self._heard, self._database.own_writes)

    async def row(self, statement: Prepared, parameters: Parameters) -> Row | None:
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(statement.postgresql, {**statement.constants, **parameters})
                return await cursor.fetchone()
        except (*_UNAVAILABLE, PoolTimeout) as error:
            raise DatabaseUnavailable(f"the database does not answer: {error}") from error

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        await self._pool.close()

    async def _listen(self) -> None:
        while True:
            try:
                await hear(self._address, CHANGES_CHANNEL, self._hear, name=LISTENER, silence=_SILENCE)
            except (psycopg.Error, TimeoutError) as error:
                logger.warning("not listening for changes of other replicas, pulls go uncached: %s", error)
            finally:
                self._listening = False
            await asyncio.sleep(1)

    def _hear(self) -> None:
        self._heard += 1
        self._listening = True
