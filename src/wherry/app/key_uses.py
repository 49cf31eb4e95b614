"""Notes when access keys are used, beside the requests that use them."""

import asyncio
import logging
from functools import partial

from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.identity.access_keys import record_use
from wherry.kit.clock import Clock

logger = logging.getLogger(__name__)


class KeyUses:
    """Writes in the background: no login waits for it, and one that is lost is no harm."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._running: set[asyncio.Task[None]] = set()

    def note(self, key_id: str, address: str) -> None:
        task = asyncio.get_running_loop().create_task(self._write(key_id, address))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Waits for what is being written."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _write(self, key_id: str, address: str) -> None:
        now = self._clock.now()
        try:
            await self._database.write(
                partial(record_use, key_id=key_id, address=address, now=now), durable=False
            )
        except DatabaseError as error:
            logger.warning("the use of an access key was not noted: %s", error)
