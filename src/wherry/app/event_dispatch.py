"""Hands each event to those who react to it: who they are, and the chore that dispatches."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from wherry.app.told_events import source_of
from wherry.blobs.errors import BlobError
from wherry.blobs.store import BlobReader
from wherry.db.bell import Bell
from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.events.dispatch import BATCH, Failed, Reaction, RecordedEvent, dispatch_new, waiting
from wherry.kit.clock import Clock
from wherry.registry.config_platforms import read_platforms
from wherry.settings import Settings
from wherry.triggers.platforms import images_to_read
from wherry.triggers.react import react
from wherry.webhooks.react import TellWebhooks

logger = logging.getLogger(__name__)

# Without a ring, in case one was not heard.
AT_LEAST_EVERY = timedelta(seconds=5)
AGAIN_AFTER = timedelta(seconds=1)


def reactions_of(settings: Settings, clock: Clock) -> Mapping[str, Reaction]:
    """Who reacts to events, by name. Each gets events of every kind, and is short: pushes wait for it."""
    return {"triggers": react, "webhooks": TellWebhooks(source_of(settings), clock)}


async def prepare(database: Database, store: BlobReader, events: Sequence[RecordedEvent]) -> None:
    """Read what reactions need and no transaction may wait for: the configs of images. Raises `BlobError`."""
    images = await database.read(partial(images_to_read, events=events))
    if images:
        await read_platforms(database, store, images)


Prepare = Callable[[Sequence[RecordedEvent]], Awaitable[None]]


class Dispatcher:
    """Dispatches until nothing waits, at each ring of the bell."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        bell: Bell,
        reactions: Mapping[str, Reaction],
        failed: Failed = lambda _name: None,
        *,
        prepare: Prepare,
    ) -> None:
        """`prepare` sees events before the reactions do; while it raises `BlobError` they wait."""
        self._database = database
        self._clock = clock
        self._ear = bell.ear()
        self._reactions = reactions
        self._failed = failed
        self._prepare = prepare

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._ear.clear()
            pause = AT_LEAST_EVERY
            try:
                await self.dispatch_waiting()
            except (DatabaseError, SQLAlchemyError, BlobError) as error:
                logger.warning("could not dispatch events, trying again: %s", error)
                pause = AGAIN_AFTER
            with suppress(TimeoutError):
                async with asyncio.timeout(pause.total_seconds()):
                    await self._ear.wait()

    async def dispatch_waiting(self) -> int:
        """Dispatch until nothing waits; tells how many. Raises `DatabaseError`, `BlobError`."""
        count = 0
        while found := await self._database.read(waiting):
            await self._prepare(found)
            ids = [event.id for event in found]
            # Not synced by itself: after a power loss it happens again, with all that came of it. A job
            # starts with a commit that is synced, which takes along what came before.
            dispatched = await self._database.write(
                partial(self._dispatch, ids=ids),
                durable=False,
            )
            count += dispatched
            if dispatched < BATCH:
                break
        return count

    def _dispatch(self, tx: Connection, ids: Sequence[int]) -> int:
        return dispatch_new(tx, self._reactions, self._clock.now(), among=ids, failed=self._failed)
