"""Teams: who is in them, by hand and by a claim, and what they are called."""

import pytest

from tests.databases import Do, FixedClock
from tests.people import add_user
from wherry.identity.errors import InvalidTeam, OrganizationUnknown, TeamExists, TeamUnknown
from wherry.identity.organizations import create_organization
from wherry.identity.robots import create_robot
from wherry.identity.teams import (
    add_member,
    change_team,
    create_team,
    delete_team,
    get_team,
    list_members,
    list_teams,
    remove_member,
    sync_oidc_memberships,
)


@pytest.fixture
def acme(do: Do, clock: FixedClock) -> str:
    do(create_organization, "acme", None, clock.now())
    return "acme"


def test_a_team_is_found_by_its_name_within_its_organization(do: Do, clock: FixedClock, acme: str) -> None:
    do(create_organization, "beta", None, clock.now())
    made = do(create_team, acme, "web", None, clock.now(), description="the site", oidc_group="web-people")
    assert (made.organization, made.name, made.description) == ("acme", "web", "the site")
    assert (made.oidc_group, made.member_count) == ("web-people", 0)
    assert do(get_team, acme, "web") == made
    with pytest.raises(TeamUnknown):
        do(get_team, "beta", "web")
    do(create_team, "beta", "web", None, clock.now())
    assert [team.organization for team in do(list_teams)] == ["acme", "beta"]


@pytest.mark.parametrize("name", ["", "Web", "-web", "w" * 65, "we b", "we/b", "wéb"])
def test_a_team_has_a_plain_name(do: Do, clock: FixedClock, acme: str, name: str) -> None:
    with pytest.raises(InvalidTeam):
        do(create_team, acme, name, None, clock.now())


def test_two_teams_of_an_organization_have_two_names(do: Do, clock: FixedClock, acme: str) -> None:
    do(create_team, acme, "web", None, clock.now())
    with pytest.raises(TeamExists):
        do(create_team, acme, "web", None, clock.now())
    with pytest.raises(OrganizationUnknown):
        do(create_team, "gamma", "web", None, clock.now())


def test_members_come_and_go_by_hand(do: Do, clock: FixedClock, acme: str) -> None:
    team, ann = do(create_team, acme, "web", None, clock.now()), add_user(do, clock, "ann")
    do(add_member, team, ann, clock.now())
    do(add_member, team, ann, clock.now())
    assert [(member.user, member.from_oidc) for member in do(list_members, team)] == [("ann", False)]
    assert do(get_team, acme, "web").member_count == 1
    assert [team.name for team in do(list_teams, user_id=ann)] == ["web"]
    assert do(remove_member, team, ann)
    assert not do(remove_member, team, ann)


def test_a_robot_is_no_member(do: Do, clock: FixedClock, acme: str) -> None:
    team = do(create_team, acme, "web", None, clock.now())
    robot = do(create_robot, acme, "ci", "", None, clock.now())
    with pytest.raises(InvalidTeam):
        do(add_member, team, robot.user_id, clock.now())


def test_a_claim_brings_members_and_takes_them_away(do: Do, clock: FixedClock, acme: str) -> None:
    ann = add_user(do, clock, "ann")
    web = do(create_team, acme, "web", None, clock.now(), oidc_group="g-web")
    ops = do(create_team, acme, "ops", None, clock.now(), oidc_group="g-ops")
    do(sync_oidc_memberships, ann, {"g-web", "g-elsewhere"}, clock.now())
    assert [team.name for team in do(list_teams, user_id=ann)] == ["web"]
    do(sync_oidc_memberships, ann, {"g-ops"}, clock.now())
    assert [team.name for team in do(list_teams, user_id=ann)] == ["ops"]
    do(sync_oidc_memberships, ann, set(), clock.now())
    assert do(list_members, web) == do(list_members, ops) == ()


def test_a_claim_takes_nobody_away_who_is_there_by_hand(do: Do, clock: FixedClock, acme: str) -> None:
    ann = add_user(do, clock, "ann")
    web = do(create_team, acme, "web", None, clock.now(), oidc_group="g-web")
    do(sync_oidc_memberships, ann, {"g-web"}, clock.now())
    do(add_member, web, ann, clock.now())
    do(sync_oidc_memberships, ann, set(), clock.now())
    assert [(member.user, member.from_oidc) for member in do(list_members, web)] == [("ann", False)]


def test_a_team_that_goes_takes_its_memberships_along(do: Do, clock: FixedClock, acme: str) -> None:
    team, ann = do(create_team, acme, "web", None, clock.now()), add_user(do, clock, "ann")
    do(add_member, team, ann, clock.now())
    assert do(change_team, acme, "web", description="new", oidc_group=None).description == "new"
    do(delete_team, acme, "web")
    assert do(list_teams, user_id=ann) == ()
    with pytest.raises(TeamUnknown):
        do(delete_team, acme, "web")
