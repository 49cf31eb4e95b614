"""The chore that keeps what was counted of pulls."""

import asyncio
import logging
from datetime import timedelta

from wherry.db.errors import DatabaseError
from wherry.registry.pull_counts import PullCounts

logger = logging.getLogger(__name__)

# Each write makes the hot path's caches read again, so not more often than people look at such figures.
EVERY = timedelta(seconds=30)


async def record_pulls(counts: PullCounts) -> None:
    """Now; what fails is counted on."""
    try:
        await counts.write()
    except DatabaseError as error:
        logger.warning("could not keep the counts of pulls: %s", error)


async def record_pulls_for_ever(counts: PullCounts) -> None:
    """Run until cancelled."""
    while True:
        await asyncio.sleep(EVERY.total_seconds())
        await record_pulls(counts)
