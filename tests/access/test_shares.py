"""Sharing: read only, with those who have a right on the other organization, until the deadline."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from tests.databases import Do, FixedClock
from tests.people import add_user, fresh_rows, give
from wherry.access.errors import InvalidShare, ShareExists, ShareUnknown
from wherry.access.grants import SHARES_END_WITHIN, Standing, level_of
from wherry.access.levels import Level
from wherry.access.shares import (
    MAX_DESCRIPTION,
    change_share,
    end_share,
    forget_shares_of,
    forget_shares_with,
    get_share,
    list_shares,
    share_image,
)
from wherry.db.database import Database
from wherry.identity.errors import OrganizationUnknown
from wherry.identity.organizations import create_organization
from wherry.oci.names import RepositoryName

WEB = RepositoryName("acme/web")


@pytest.fixture
def ann(do: Do, clock: FixedClock) -> int:
    """Who shares."""
    do(create_organization, "partner", None, clock.now())
    return add_user(do, clock, "ann")


@pytest.fixture
def paul(do: Do, clock: FixedClock) -> int:
    """Who has a right on the partner."""
    paul = add_user(do, clock, "paul")
    give(do, clock, paul, "read", "partner")
    return paul


@pytest.fixture
async def standing(database: Database, clock: FixedClock) -> AsyncIterator[Standing]:
    async with fresh_rows(database) as rows:
        yield Standing(rows, clock)


def share(do: Do, clock: FixedClock, ann: int, deadline: datetime | None = None) -> None:
    do(share_image, WEB, "partner", deadline, "for tests", ann, clock.now())


async def test_a_share_lets_read_and_no_more(
    do: Do, ann: int, paul: int, clock: FixedClock, standing: Standing
) -> None:
    give(do, clock, paul, "edit", "partner")
    share(do, clock, ann)
    assert await standing.level(paul, WEB) is Level.READ
    assert do(level_of, paul, WEB, clock.now()) is Level.READ
    assert await standing.level(paul, RepositoryName("acme/api")) is Level.NONE


async def test_a_share_reaches_those_with_a_right_on_the_whole_organization(
    do: Do, ann: int, clock: FixedClock, standing: Standing
) -> None:
    stranger, guest = add_user(do, clock, "stranger"), add_user(do, clock, "guest")
    give(do, clock, guest, "edit", "partner/one-image")
    share(do, clock, ann)
    assert await standing.level(stranger, WEB) is Level.NONE
    assert await standing.level(guest, WEB) is Level.NONE


async def test_a_share_ends_at_its_deadline(
    do: Do, ann: int, paul: int, clock: FixedClock, standing: Standing
) -> None:
    share(do, clock, ann, clock.now() + timedelta(hours=1))
    clock.move(minutes=59, seconds=59)
    assert await standing.level(paul, WEB) is Level.READ
    assert do(level_of, paul, WEB, clock.now()) is Level.READ
    clock.move(seconds=1)
    assert do(level_of, paul, WEB, clock.now()) is Level.NONE
    clock.move(seconds=SHARES_END_WITHIN)
    assert await standing.level(paul, WEB) is Level.NONE


@pytest.mark.parametrize("after", range(5))
async def test_no_share_outlives_its_deadline_by_five_seconds(
    do: Do, ann: int, paul: int, clock: FixedClock, standing: Standing, after: int
) -> None:
    share(do, clock, ann, clock.now() + timedelta(minutes=10, seconds=after))
    clock.move(minutes=10, seconds=after + 5)
    assert await standing.level(paul, WEB) is Level.NONE


async def test_a_right_of_ones_own_outlives_the_share(
    do: Do, ann: int, paul: int, clock: FixedClock, standing: Standing
) -> None:
    give(do, clock, paul, "write", "acme/web")
    share(do, clock, ann, clock.now() + timedelta(hours=1))
    clock.move(hours=2)
    assert await standing.level(paul, WEB) is Level.WRITE


async def test_a_share_that_is_ended_ends_with_the_next_question(
    do: Do, database: Database, ann: int, paul: int, clock: FixedClock, standing: Standing
) -> None:
    share(do, clock, ann)
    assert await standing.level(paul, WEB) is Level.READ
    await database.write(lambda tx: end_share(tx, WEB, "partner"))
    assert await standing.level(paul, WEB) is Level.NONE


async def test_who_leaves_the_organization_loses_what_was_shared_with_it(
    do: Do, ann: int, paul: int, clock: FixedClock, standing: Standing, database: Database
) -> None:
    from wherry.access.grants import revoke
    from wherry.access.resources import Resource

    share(do, clock, ann)
    assert await standing.level(paul, WEB) is Level.READ
    await database.write(lambda tx: revoke(tx, paul, Resource.parse("partner"), None, clock.now()))
    assert await standing.level(paul, WEB) is Level.NONE


def test_a_share_says_who_when_and_until_when(do: Do, ann: int, clock: FixedClock) -> None:
    deadline = clock.now() + timedelta(days=1)
    share(do, clock, ann, deadline)
    made = clock.now()
    found = do(get_share, WEB, "partner")
    assert (found.image, found.organization, found.deadline) == (WEB, "partner", deadline)
    assert (found.description, found.creator, found.creator_id) == ("for tests", "ann", ann)
    clock.move(days=1, hours=1)
    assert not found.is_valid(clock.now())
    do(change_share, WEB, "partner", None, "for ever", clock.now())
    changed = do(get_share, WEB, "partner")
    assert changed.deadline is None
    assert changed.is_valid(clock.now())
    assert (changed.created_at, changed.updated_at) == (made, clock.now())
    assert changed.description == "for ever"


def test_what_cannot_be_shared_is_refused(do: Do, ann: int, clock: FixedClock) -> None:
    with pytest.raises(OrganizationUnknown):
        do(share_image, WEB, "nowhere", None, "", ann, clock.now())
    with pytest.raises(InvalidShare, match="another organization"):
        do(share_image, WEB, "acme", None, "", ann, clock.now())
    with pytest.raises(InvalidShare, match="future"):
        share(do, clock, ann, clock.now())
    with pytest.raises(InvalidShare, match="characters"):
        do(share_image, WEB, "partner", None, "x" * (MAX_DESCRIPTION + 1), ann, clock.now())
    assert do(list_shares) == ()
    share(do, clock, ann)
    with pytest.raises(ShareExists):
        share(do, clock, ann)


def test_a_share_that_is_not_there_is_neither_changed_nor_ended(do: Do, ann: int, clock: FixedClock) -> None:
    with pytest.raises(ShareUnknown):
        do(change_share, WEB, "partner", None, "", clock.now())
    with pytest.raises(ShareUnknown):
        do(end_share, WEB, "partner")
    with pytest.raises(ShareUnknown):
        do(get_share, WEB, "partner")


def test_shares_are_listed_of_an_image_and_with_a_user(
    do: Do, ann: int, paul: int, clock: FixedClock
) -> None:
    do(create_organization, "another", None, clock.now())
    api = RepositoryName("acme/api")
    share(do, clock, ann)
    do(share_image, WEB, "another", None, "", ann, clock.now())
    do(share_image, api, "another", None, "", ann, clock.now())
    assert [entry.organization for entry in do(list_shares, image=WEB)] == ["another", "partner"]
    assert [entry.image for entry in do(list_shares, with_user=paul)] == [WEB]
    assert do(list_shares, with_user=ann) == ()
    do(forget_shares_with, "another")
    assert [entry.organization for entry in do(list_shares)] == ["partner"]
    do(forget_shares_of, WEB)
    assert do(list_shares) == ()
