"""Notes when access keys and sessions are used, beside the requests that use them."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection

from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.identity.access_keys import record_use
from wherry.identity.sessions import record_seen
from wherry.kit.clock import Clock

logger = logging.getLogger(__name__)


class NotedUses:
    """Writes in the background: no login waits for it, and one that is lost is no harm."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._running: set[asyncio.Task[None]] = set()

    def key(self, key_id: str, address: str) -> None:
        """The access key logged in from there."""
        self._start(partial(record_use, key_id=key_id, address=address, now=self._clock.now()))

    def session(self, session_id: str) -> None:
        """A browser came with the session."""
        self._start(partial(record_seen, session_id=session_id, now=self._clock.now()))

    async def close(self) -> None:
        """Waits for what is being written."""
        await asyncio.gather(*self._running, return_exceptions=True)

    def _start(self, work: Callable[[Connection], None]) -> None:
        task = asyncio.get_running_loop().create_task(self._write(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _write(self, work: Callable[[Connection], None]) -> None:
        try:
            await self._database.write(work, durable=False)
        except DatabaseError as error:
            logger.warning("the use of a login was not noted: %s", error)
