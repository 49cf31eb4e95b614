"""A trail to test on: records made by the handful, chained, and a database to tamper with."""

from __future__ import annotations

from datetime import timedelta

from tests.databases import FixedClock
from wherry.audit.chain import BATCH, chain_new
from wherry.audit.entries import Entry, Means, Result, Source, Target
from wherry.audit.journal import record
from wherry.db.database import Database
from wherry.oci.names import RepositoryName

KEY = b"k" * 32
ANN = Source("ann", 1, Means.PASSWORD, None, "192.0.2.7", "r-1")


def pushed(number: int, image: str = "acme/web", source: Source = ANN) -> Entry:
    """A push of the tag `number`."""
    return Entry(
        source,
        "image.push",
        Target.image(RepositoryName(image)),
        Result.DONE,
        "",
        {"tag": str(number), "digest": "sha256:" + "a" * 64},
    )


def write(database: Database, clock: FixedClock, *entries: Entry) -> None:
    """Each a second after the one before."""
    for entry in entries:
        now = clock.now()
        database.write_now(lambda tx, entry=entry, now=now: record(tx, entry, now))  # type: ignore[misc]
        clock.move(seconds=1)


def chain_all(database: Database, key: bytes = KEY) -> int:
    """Chain until nothing waits; tells how many."""
    count = 0
    while chained := database.write_now(lambda tx: chain_new(tx, key)):
        count += chained
    return count


def filled(database: Database, clock: FixedClock, count: int) -> None:
    """`count` chained pushes of tags 1, 2, 3 …"""
    now = clock.now()
    for start in range(0, count, BATCH):

        def some(tx, start=start) -> None:
            for number in range(start + 1, min(start + BATCH, count) + 1):
                record(tx, pushed(number), now + timedelta(seconds=number))

        database.write_now(some)
    assert chain_all(database) == count
