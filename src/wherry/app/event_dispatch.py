"""Hands each event to those who react to it: who they are, and the chore that dispatches."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from wherry.app.told_events import source_of
from wherry.db.bell import Bell
from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.events.dispatch import BATCH, Failed, Reaction, dispatch_new, is_waiting
from wherry.kit.clock import Clock
from wherry.settings import Settings
from wherry.triggers.react import react
from wherry.webhooks.react import TellWebhooks

logger = logging.getLogger(__name__)

# Without a ring, in case one was not heard.
AT_LEAST_EVERY = timedelta(seconds=5)
AGAIN_AFTER = timedelta(seconds=1)


def reactions_of(settings: Settings, clock: Clock) -> Mapping[str, Reaction]:
    """Who reacts to events, by name. Each gets events of every kind, and is short: pushes wait for it."""
    return {"triggers": react, "webhooks": TellWebhooks(source_of(settings), clock)}


class Dispatcher:
    """Dispatches until nothing waits, at each ring of the bell."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        bell: Bell,
        reactions: Mapping[str, Reaction],
        failed: Failed = lambda _name: None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ear = bell.ear()
        self._reactions = reactions
        self._failed = failed

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._ear.clear()
            pause = AT_LEAST_EVERY
            try:
                await self.dispatch_waiting()
            except (DatabaseError, SQLAlchemyError) as error:
                logger.warning("could not dispatch events, trying again: %s", error)
                pause = AGAIN_AFTER
            with suppress(TimeoutError):
                async with asyncio.timeout(pause.total_seconds()):
                    await self._ear.wait()

    async def dispatch_waiting(self) -> int:
        """Dispatch until nothing waits; tells how many. Raises `DatabaseError`."""
        count = 0
        while await self._database.read(is_waiting):
            # Not synced by itself: after a power loss it happens again, with all that came of it. A job
            # starts with a commit that is synced, which takes along what came before.
            dispatched = await self._database.write(
                lambda tx: dispatch_new(tx, self._reactions, self._clock.now(), failed=self._failed),
                durable=False,
            )
            count += dispatched
            if dispatched < BATCH:
                break
        return count
