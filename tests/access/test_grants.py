"""Rights of users: they add up, the higher one counts, and what is taken back ends at once."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import product

import pytest

from tests.databases import Do, FixedClock
from tests.people import add_user, fresh_rows, give
from wherry.access.grants import (
    Standing,
    forget_resource,
    grant,
    level_of,
    level_on_organization,
    list_grants,
    revoke,
)
from wherry.access.levels import Level
from wherry.access.resources import Kind, Resource
from wherry.db.database import Database
from wherry.oci.names import RepositoryName

WEB = RepositoryName("acme/web")
LEVELS = (Level.NONE, Level.READ, Level.WRITE, Level.EDIT)


@pytest.fixture
def ann(do: Do, clock: FixedClock) -> int:
    return add_user(do, clock, "ann")


@pytest.fixture
async def standing(database: Database, clock: FixedClock) -> AsyncIterator[Standing]:
    async with fresh_rows(database) as rows:
        yield Standing(rows, clock)


async def test_the_higher_of_organization_and_image_counts(
    do: Do, database: Database, ann: int, clock: FixedClock, standing: Standing
) -> None:
    for place, (on_organization, on_image) in enumerate(product(LEVELS, LEVELS)):
        name = RepositoryName(f"org{place}/web")
        for on, level in (("org%d" % place, on_organization), (name.text, on_image)):  # noqa: UP031
            if level is not Level.NONE:
                give(do, clock, ann, level.word, on)
        # A commit of this process: what the reader remembers is stale by now.
        await database.write(lambda tx: None)
        highest = max(on_organization, on_image)
        assert await standing.level(ann, name) is highest
        assert do(level_of, ann, name, clock.now()) is highest


async def test_a_right_reaches_nothing_else(do: Do, ann: int, clock: FixedClock, standing: Standing) -> None:
    bob = add_user(do, clock, "bob")
    give(do, clock, ann, "edit", "acme")
    give(do, clock, ann, "write", "other/web")
    assert await standing.level(bob, WEB) is Level.NONE
    for name in ("acme2/web", "acm/web", "other/web/api", "other/we", "other/api", "acme", "web"):
        assert await standing.level(ann, RepositoryName(name)) is Level.NONE, name
    assert await standing.level(ann, RepositoryName("acme/deep/er")) is Level.EDIT


async def test_a_right_given_again_replaces_the_one_before(
    do: Do, ann: int, clock: FixedClock, standing: Standing
) -> None:
    give(do, clock, ann, "edit", "acme/web")
    give(do, clock, ann, "read", "acme/web")
    assert await standing.level(ann, WEB) is Level.READ
    [given] = do(list_grants)
    assert (given.user, given.level, given.resource) == ("ann", Level.READ, Resource.parse("acme/web"))
    assert given.granted_at == clock.now()


async def test_what_is_taken_back_ends_with_the_next_question(
    do: Do, database: Database, ann: int, clock: FixedClock, standing: Standing
) -> None:
    give(do, clock, ann, "edit", "acme")
    give(do, clock, ann, "read", "acme/web")
    assert await standing.level(ann, WEB) is Level.EDIT
    assert await database.write(lambda tx: revoke(tx, ann, Resource.parse("acme"), None, clock.now()))
    assert await standing.level(ann, WEB) is Level.READ
    assert await database.write(lambda tx: revoke(tx, ann, Resource.parse("acme/web"), None, clock.now()))
    assert await standing.level(ann, WEB) is Level.NONE


def test_nothing_to_take_back_is_told(do: Do, ann: int, clock: FixedClock) -> None:
    give(do, clock, ann, "edit", "acme")
    assert do(revoke, ann, Resource.parse("acme/web"), None, clock.now()) is False
    assert do(revoke, ann, Resource.parse("acme"), None, clock.now()) is True
    assert do(revoke, ann, Resource.parse("acme"), None, clock.now()) is False


def test_a_right_on_one_image_is_none_on_its_organization(do: Do, ann: int, clock: FixedClock) -> None:
    give(do, clock, ann, "edit", "acme/web")
    assert do(level_on_organization, ann, "acme") is Level.NONE
    give(do, clock, ann, "write", "acme")
    assert do(level_on_organization, ann, "acme") is Level.WRITE


def test_an_image_and_an_organization_of_one_name_are_two_things(do: Do, ann: int, clock: FixedClock) -> None:
    do(grant, ann, Resource(Kind.IMAGE, "web"), Level.WRITE, None, clock.now())
    assert do(level_of, ann, RepositoryName("web"), clock.now()) is Level.WRITE
    assert do(level_on_organization, ann, "web") is Level.NONE
    assert do(level_of, ann, RepositoryName("web/api"), clock.now()) is Level.NONE


def test_rights_are_listed_by_resource_and_user(do: Do, ann: int, clock: FixedClock) -> None:
    bob = add_user(do, clock, "bob")
    give(do, clock, bob, "read", "acme")
    give(do, clock, ann, "edit", "acme")
    give(do, clock, ann, "write", "acme/web")
    clock.move(hours=1)
    give(do, clock, bob, "write", "abc/web")

    def shown(**narrowed: object) -> list[tuple[str, str, Level]]:
        return [(given.resource.name, given.user, given.level) for given in do(list_grants, **narrowed)]

    assert shown() == [
        ("abc/web", "bob", Level.WRITE),
        ("acme", "ann", Level.EDIT),
        ("acme", "bob", Level.READ),
        ("acme/web", "ann", Level.WRITE),
    ]
    assert shown(user="bob") == [("abc/web", "bob", Level.WRITE), ("acme", "bob", Level.READ)]
    assert shown(resource=Resource.parse("acme/web")) == [("acme/web", "ann", Level.WRITE)]
    assert shown(resource=Resource.parse("acme"), user="nobody") == []
    assert do(list_grants)[0].granted_at - do(list_grants)[1].granted_at == timedelta(hours=1)


def test_a_resource_that_is_gone_takes_all_rights_on_it_along(do: Do, ann: int, clock: FixedClock) -> None:
    give(do, clock, ann, "edit", "acme")
    give(do, clock, ann, "edit", "acme/web")
    do(forget_resource, Resource.parse("acme/web"))
    assert [given.resource.name for given in do(list_grants)] == ["acme"]
