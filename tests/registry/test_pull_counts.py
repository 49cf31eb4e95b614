"""Pulls are counted in memory and added to what is kept."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from tests.databases import Do, FixedClock
from tests.people import add_user
from wherry.db.database import Database
from wherry.oci.names import RepositoryName
from wherry.registry.attributes import create_repository
from wherry.registry.delete_repository import delete_repository
from wherry.registry.organizations import create_organization
from wherry.registry.pull_counts import PullCounts
from wherry.registry.repository_details import RepositoryFilter, get_repository_details, sent_by_day
from wherry.registry.tables import pull_counts

WEB, API = RepositoryName("acme/web"), RepositoryName("acme/api")
ALL = RepositoryFilter()


@pytest.fixture(autouse=True)
def _repositories(do: Do, clock: FixedClock) -> None:
    ann = add_user(do, clock, "ann")
    do(create_organization, "acme", ann, clock.now())
    for name in (WEB, API):
        do(create_repository, name, ann, clock.now())


def pulls(do: Do, name: RepositoryName) -> int:
    return int(do(get_repository_details, name).pulls)


def test_counts_of_several_processes_and_days_add_up(do: Do, database: Database, clock: FixedClock) -> None:
    async def main() -> None:
        one, other = PullCounts(database, clock), PullCounts(database, clock)
        for counts in (one, other):
            counts.image(WEB)
            counts.image(WEB)
            counts.content(WEB, 100)
            await counts.write()
        clock.move(days=1)
        one.image(WEB)
        one.content(API, 7)
        await one.write()
        await one.write()

    asyncio.run(main())
    assert (pulls(do, WEB), pulls(do, API)) == (5, 0)
    assert do(sent_by_day, ALL) == (("2026-03-14", 200), ("2026-03-15", 7))
    assert do(sent_by_day, ALL, "2026-03-15") == (("2026-03-15", 7),)
    assert do(sent_by_day, RepositoryFilter(names=("acme/web",))) == (("2026-03-14", 200), ("2026-03-15", 0))


def test_what_is_gone_is_counted_no_more(do: Do, database: Database, clock: FixedClock) -> None:
    async def main() -> None:
        counts = PullCounts(database, clock)
        counts.image(WEB)
        await counts.write()
        counts.image(WEB)
        counts.image(API)
        await database.write(lambda tx: delete_repository(tx, WEB, None, clock.now()))
        await counts.write()

    asyncio.run(main())
    assert pulls(do, API) == 1
    assert [row[0] for row in do(lambda tx: tx.execute(select(pull_counts.c.pulls)).all())] == [1]


def test_what_could_not_be_kept_is_counted_on(do: Do, database: Database, clock: FixedClock) -> None:
    """The database fails for real: its table is away for a while."""

    async def main() -> None:
        counts = PullCounts(database, clock)
        counts.image(WEB)
        await database.write(lambda tx: tx.exec_driver_sql("ALTER TABLE pull_counts RENAME TO away"))
        with pytest.raises(Exception, match="pull_counts"):
            await counts.write()
        counts.image(WEB)
        await database.write(lambda tx: tx.exec_driver_sql("ALTER TABLE away RENAME TO pull_counts"))
        await asyncio.gather(*(counts.write() for _ in range(5)))

    asyncio.run(main())
    assert pulls(do, WEB) == 2
