"""The chore that ends uploads which nobody continued."""

import asyncio
import logging
from datetime import timedelta

from wherry.blobs.errors import BlobError
from wherry.blobs.intake import Intake
from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.kit.clock import Clock
from wherry.registry.uploads import end_expired_uploads

logger = logging.getLogger(__name__)

EVERY = timedelta(minutes=5)


async def expire_uploads(database: Database, intake: Intake, clock: Clock, expiry: timedelta) -> int:
    """End uploads that nobody wrote to for `expiry`; tells how many. Raises `DatabaseError`, `BlobError`."""
    ended = 0
    before = clock.now() - expiry
    # The row first: while it is there somebody may still go on, and make a blob of what we would discard.
    while expired := await database.write(lambda tx: end_expired_uploads(tx, before), durable=False):
        for staged in expired:
            await intake.discard(staged)
        ended += len(expired)
    return ended


async def expire_uploads_for_ever(
    database: Database, intake: Intake, clock: Clock, expiry: timedelta
) -> None:
    """Run until cancelled; what fails is tried again at the next turn."""
    while True:
        await asyncio.sleep(EVERY.total_seconds())
        try:
            ended = await expire_uploads(database, intake, clock, expiry)
            if ended:
                logger.info("ended %d uploads that nobody continued", ended)
        except (DatabaseError, BlobError) as error:
            logger.warning("could not end old uploads: %s", error)
