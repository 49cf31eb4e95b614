"""Rights of teams: each member has them, beside their own, and no longer than the team and the membership."""

import pytest

from tests.databases import Do, FixedClock
from tests.people import add_user, fresh_rows, give
from wherry.access.decisions import Actor
from wherry.access.errors import InvalidGrant
from wherry.access.grants import Standing, forget_resource, level_of, level_on_organization
from wherry.access.holdings import holdings_of
from wherry.access.levels import Level
from wherry.access.resources import Resource
from wherry.access.shares import share_image
from wherry.access.team_grants import grant_to_team, list_team_grants, revoke_from_team
from wherry.db.database import Database
from wherry.identity.organizations import create_organization
from wherry.identity.teams import Team, add_member, create_team, delete_team, remove_member
from wherry.oci.names import RepositoryName

WEB = RepositoryName("acme/web")


@pytest.fixture
def ann(do: Do, clock: FixedClock) -> int:
    return add_user(do, clock, "ann")


@pytest.fixture
def team(do: Do, clock: FixedClock, ann: int) -> Team:
    """`acme`'s team `web`, with ann in it."""
    do(create_organization, "acme", None, clock.now())
    made: Team = do(create_team, "acme", "web", None, clock.now())
    do(add_member, made, ann, clock.now())
    return made


def give_team(do: Do, clock: FixedClock, team: Team, level: str, on: str) -> None:
    do(grant_to_team, team, Resource.parse(on), Level.parse(level), None, clock.now())


async def test_a_member_has_what_the_team_has(
    database: Database, clock: FixedClock, team: Team, ann: int
) -> None:
    on, now = Resource.parse("acme/web"), clock.now()
    async with fresh_rows(database) as rows:
        standing = Standing(rows, clock)
        assert await standing.level(ann, WEB) is Level.NONE
        await database.write(lambda tx: grant_to_team(tx, team, on, Level.WRITE, None, now))
        assert await standing.level(ann, WEB) is Level.WRITE
        await database.write(lambda tx: remove_member(tx, team, ann))
        assert await standing.level(ann, WEB) is Level.NONE


def test_the_highest_right_counts_whoever_has_it(do: Do, clock: FixedClock, team: Team, ann: int) -> None:
    give(do, clock, ann, "read", "acme/web")
    give_team(do, clock, team, "edit", "acme/web")
    assert do(level_of, ann, WEB, clock.now()) is Level.EDIT
    give(do, clock, ann, "write", "acme")
    give_team(do, clock, team, "read", "acme")
    assert do(level_on_organization, ann, "acme") is Level.WRITE
    holdings = do(holdings_of, Actor(ann, "ann"))
    assert holdings.level("acme") is Level.WRITE


def test_a_team_has_rights_within_its_organization_only(do: Do, clock: FixedClock, team: Team) -> None:
    for elsewhere in ("beta", "beta/web", "web"):
        with pytest.raises(InvalidGrant):
            give_team(do, clock, team, "read", elsewhere)


def test_what_is_shared_with_the_organization_reaches_its_teams(
    do: Do, clock: FixedClock, team: Team, ann: int
) -> None:
    boss = add_user(do, clock, "boss")
    do(create_organization, "beta", None, clock.now())
    do(share_image, RepositoryName("beta/base"), "acme", None, "", boss, clock.now())
    assert do(level_of, ann, RepositoryName("beta/base"), clock.now()) is Level.NONE
    give_team(do, clock, team, "read", "acme")
    assert do(level_of, ann, RepositoryName("beta/base"), clock.now()) is Level.READ


def test_rights_are_listed_and_taken_back(do: Do, clock: FixedClock, team: Team, ann: int) -> None:
    give_team(do, clock, team, "write", "acme")
    give_team(do, clock, team, "edit", "acme/web")
    listed = [(given.team, given.resource.name, given.level) for given in do(list_team_grants, team=team)]
    assert listed == [("web", "acme", Level.WRITE), ("web", "acme/web", Level.EDIT)]
    assert len(do(list_team_grants, resource=Resource.parse("acme"))) == 1
    assert do(revoke_from_team, team, Resource.parse("acme"), None, clock.now())
    assert not do(revoke_from_team, team, Resource.parse("acme"), None, clock.now())
    do(forget_resource, Resource.parse("acme/web"))
    assert do(list_team_grants, team=team) == ()


def test_a_team_that_goes_takes_its_rights_along(do: Do, clock: FixedClock, team: Team, ann: int) -> None:
    give_team(do, clock, team, "write", "acme")
    do(delete_team, "acme", "web")
    assert do(level_on_organization, ann, "acme") is Level.NONE
