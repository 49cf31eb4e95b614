"""How often images are pulled, and how many bytes of them: counted in memory, kept by repository and day.

A pull is a manifest that was fetched, without those of indexes: a client fetches an index on its way to the
manifest of its platform. Counts are for people, not for bills: what a process counted last is lost when it is
killed.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from wherry.db.database import Database
from wherry.db.upserts import add_to_row
from wherry.kit.clock import Clock
from wherry.oci.names import RepositoryName
from wherry.registry.tables import pull_counts, repositories


@dataclass(slots=True)
class Count:
    """Of one repository."""

    pulls: int = 0
    bytes: int = 0


class PullCounts:
    """Counts for one process, in the running event loop."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        # By the names' texts: on the hot path a string's hash is at hand.
        self._counts: dict[str, Count] = {}
        self._writing = asyncio.Lock()

    def image(self, name: RepositoryName) -> None:
        """The manifest of an image was fetched."""
        count = self._counts.get(name.text)
        if count is None:
            count = self._counts[name.text] = Count()
        count.pulls += 1

    def content(self, name: RepositoryName, size: int) -> None:
        """So many bytes of a blob were asked for."""
        count = self._counts.get(name.text)
        if count is None:
            count = self._counts[name.text] = Count()
        count.bytes += size

    async def write(self) -> None:
        """Keep what was counted; when this returns, lists show it. Raises `DatabaseError`."""
        async with self._writing:
            if not self._counts:
                return
            counts, self._counts = self._counts, {}
            now = self._clock.now()
            try:
                await self._database.write(lambda tx: add_pulls(tx, counts, now), durable=False)
            except BaseException:
                self._take_back(counts)
                raise

    def _take_back(self, counts: Mapping[str, Count]) -> None:
        for name, count in counts.items():
            newer = self._counts.setdefault(name, Count())
            newer.pulls += count.pulls
            newer.bytes += count.bytes


def add_pulls(tx: Connection, counts: Mapping[str, Count], now: datetime) -> None:
    """Add to what is there of today; what was counted of a repository that is gone is dropped."""
    day, names = now.strftime("%Y-%m-%d"), list(counts)
    for start in range(0, len(names), 500):
        found = tx.execute(
            select(repositories.c.id, repositories.c.name)
            .where(repositories.c.name.in_(names[start : start + 500]))
            # In one order everywhere, so that two processes do not wait for each other.
            .order_by(repositories.c.id)
        ).all()
        for repository_id, name in found:
            count = counts[name]
            key = {"repository_id": repository_id, "day": day}
            add_to_row(tx, pull_counts, key, {"pulls": count.pulls, "bytes": count.bytes})


# For lists of repositories: all days of one.
PULLS = (
    select(func.coalesce(func.sum(pull_counts.c.pulls), 0))
    .where(pull_counts.c.repository_id == repositories.c.id)
    .scalar_subquery()
)
