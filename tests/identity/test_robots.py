"""Robots: held by an organization, without a password, gone with it."""

import pytest

from tests.databases import Do, FixedClock
from tests.people import add_user, give
from wherry.access.errors import InvalidGrant
from wherry.access.grants import list_grants
from wherry.identity.access_keys import create_access_key, list_access_keys
from wherry.identity.errors import InvalidRobot, RobotUnknown, UserExists
from wherry.identity.organizations import create_organization
from wherry.identity.robots import change_robot, create_robot, delete_robot, get_robot, list_robots
from wherry.identity.users import create_user, find_user, list_users, page_of_users
from wherry.kit.secrets import Sealer, new_master_key
from wherry.registry.organizations import delete_organization


@pytest.fixture
def acme(do: Do, clock: FixedClock) -> str:
    do(create_organization, "acme", None, clock.now())
    return "acme"


def test_a_robot_is_a_user_that_nobody_lists_among_people(do: Do, clock: FixedClock, acme: str) -> None:
    made = do(create_robot, acme, "ci", "builds", None, clock.now())
    assert (made.user_name, made.name, made.description, made.key_count) == ("acme+ci", "ci", "builds", 0)
    user = do(find_user, "acme+ci")
    assert (user.robot_of, user.has_password, user.is_admin) == ("acme", False, False)
    add_user(do, clock, "ann")
    assert [user.name for user in do(list_users)] == ["ann"]
    assert [user.name for user in do(page_of_users, contains="A").items] == ["ann"]
    assert do(list_robots, acme) == (made,)


def test_no_person_can_take_a_robots_name(do: Do, clock: FixedClock, acme: str) -> None:
    do(create_robot, acme, "ci", "", None, clock.now())
    with pytest.raises(UserExists):
        do(create_robot, acme, "ci", "", None, clock.now())
    with pytest.raises(Exception, match="letters, digits"):
        do(create_user, "acme+web", "hash", clock.now())


@pytest.mark.parametrize("name", ["", "CI", "+ci", "c" * 65, "c i"])
def test_a_robot_has_a_plain_name(do: Do, clock: FixedClock, acme: str, name: str) -> None:
    with pytest.raises(InvalidRobot):
        do(create_robot, acme, name, "", None, clock.now())


def test_a_robot_has_rights_in_its_organization_only(do: Do, clock: FixedClock, acme: str) -> None:
    do(create_organization, "beta", None, clock.now())
    robot = do(create_robot, acme, "ci", "", None, clock.now())
    give(do, clock, robot.user_id, "write", "acme/web")
    for elsewhere in ("beta", "beta/web", "web"):
        with pytest.raises(InvalidGrant):
            give(do, clock, robot.user_id, "read", elsewhere)
    assert [given.resource.name for given in do(list_grants, user="acme+ci")] == ["acme/web"]


def test_a_robot_goes_with_its_keys(do: Do, clock: FixedClock, acme: str) -> None:
    robot = do(create_robot, acme, "ci", "", None, clock.now())
    do(create_access_key, Sealer(new_master_key()), robot.user_id, "key", clock.now())
    assert do(get_robot, acme, "ci").key_count == 1
    assert do(change_robot, acme, "ci", description="x", is_disabled=True).is_disabled
    do(delete_robot, acme, "ci")
    assert do(list_access_keys) == ()
    with pytest.raises(RobotUnknown):
        do(get_robot, acme, "ci")


def test_robots_go_with_their_organization(do: Do, clock: FixedClock, acme: str) -> None:
    do(create_robot, acme, "ci", "", None, clock.now())
    do(delete_organization, acme)
    assert do(find_user, "acme+ci") is None
