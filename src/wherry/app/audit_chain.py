"""The chore that chains what the journal of the audit trail holds, soon after it was written."""

import asyncio
import logging
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


async def chain_for_ever(audited: Audited) -> None:
    """Run until cancelled; what fails is tried again at the next turn."""
    while True:
        audited.written.clear()
        try:
            await audited.settle()
        except (DatabaseError, SQLAlchemyError) as error:
            logger.warning("could not chain the audit trail: %s", error)
        with suppress(TimeoutError):
            async with asyncio.timeout(AT_LEAST_EVERY.total_seconds()):
                await audited.written.wait()
        await asyncio.sleep(GATHERED.total_seconds())
