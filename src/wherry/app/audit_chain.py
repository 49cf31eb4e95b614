"""The chore that chains what the journal of the audit trail holds, and tells the log where the chain ends."""

import asyncio
import logging
import time
from contextlib import suppress
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from wherry.db.errors import DatabaseError
from wherry.web.audited import Audited

logger = logging.getLogger(__name__)

# Gathered this long, so that a busy server chains by the batch.
GATHERED = timedelta(seconds=1)
# What other processes have written, such as administrative commands, is found within this time.
AT_LEAST_EVERY = timedelta(seconds=10)
# Logs are kept elsewhere than the database: who puts an old state of it back does not reach them.
TOLD_EVERY = timedelta(hours=1)


async def chain_for_ever(audited: Audited) -> None:
    """Run until cancelled; what fails is tried again at the next turn."""
    told, tell_at = None, time.monotonic()
    while True:
        audited.written.clear()
        try:
            await audited.settle()
            if time.monotonic() >= tell_at:
                tell_at += TOLD_EVERY.total_seconds()
                head = await audited.head()
                if head is not None and head != told:
                    logger.info("the audit trail ends with %s", head)
                told = head
        except (DatabaseError, SQLAlchemyError) as error:
            logger.warning("could not chain the audit trail: %s", error)
        with suppress(TimeoutError):
            async with asyncio.timeout(AT_LEAST_EVERY.total_seconds()):
                await audited.written.wait()
        await asyncio.sleep(GATHERED.total_seconds())
