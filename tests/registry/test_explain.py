"""Why may I, why may I not: in words, and the same answer as a request would get."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from tests.databases import Do, FixedClock
from tests.people import add_user, give
from tests.registry.contents import API, WEB, add_image, image
from wherry.access.actions import Action
from wherry.access.levels import Level
from wherry.access.resources import Kind, Resource
from wherry.access.shares import share_image
from wherry.access.team_grants import grant_to_team
from wherry.identity.access_keys import create_access_key
from wherry.identity.errors import UserUnknown
from wherry.identity.organizations import create_organization
from wherry.identity.robots import create_robot
from wherry.identity.teams import add_member, create_team
from wherry.identity.users import Role, set_disabled, set_role
from wherry.kit.secrets import Sealer, new_master_key
from wherry.oci.names import RepositoryName
from wherry.registry.errors import WrongResource
from wherry.registry.explain import explain
from wherry.registry.repositories import set_public

PULL, PUSH, DELETE = Action.IMAGE_PULL, Action.IMAGE_PUSH, Action.IMAGE_DELETE


@pytest.fixture
def bob(do: Do, ann: int, clock: FixedClock) -> int:
    do(add_image, WEB, image(), ann, clock.now(), "1.0")
    return add_user(do, clock, "bob")


@pytest.mark.parametrize(
    ("given", "action", "allowed", "reason"),
    [
        ((), PULL, False, "bob has no right on acme/web"),
        ((("read", "acme/web"),), PULL, True, "bob has read on acme/web"),
        ((("read", "acme"),), PULL, True, "bob has read on acme/web"),
        ((("read", "acme"),), PUSH, False, "bob has read on acme/web, and this takes write"),
        ((("read", "acme"), ("write", "acme/web")), PUSH, True, "bob has write on acme/web"),
        ((("write", "acme/web"),), DELETE, False, "bob has write on acme/web, and this takes edit"),
        ((("edit", "acme"),), DELETE, True, "bob has edit on acme/web"),
        ((("edit", "other"),), PULL, False, "bob has no right on acme/web"),
    ],
)
def test_the_reason_says_what_one_has_and_what_it_takes(
    do: Do,
    bob: int,
    clock: FixedClock,
    given: tuple[tuple[str, str], ...],
    action: Action,
    allowed: bool,
    reason: str,
) -> None:
    for level, on in given:
        give(do, clock, bob, level, on)
    decision = do(explain, "bob", action, WEB, clock.now())
    assert (decision.allowed, decision.reason) == (allowed, reason)


def test_what_is_public_is_said_to_be(do: Do, bob: int, clock: FixedClock) -> None:
    do(set_public, WEB, True)
    assert do(explain, "bob", PULL, WEB, clock.now()).reason == "the image is public"
    assert not do(explain, "bob", PUSH, WEB, clock.now()).allowed


def test_a_share_explains_a_pull_until_it_ends(do: Do, ann: int, bob: int, clock: FixedClock) -> None:
    do(create_organization, "partner", ann, clock.now())
    give(do, clock, bob, "edit", "partner")
    do(share_image, WEB, "partner", clock.now() + timedelta(hours=1), "", ann, clock.now())
    assert do(explain, "bob", PULL, WEB, clock.now()).allowed
    assert not do(explain, "bob", PUSH, WEB, clock.now()).allowed
    clock.move(hours=1)
    assert not do(explain, "bob", PULL, WEB, clock.now()).allowed


def test_administrators_and_disabled_users_are_told_apart(do: Do, bob: int, clock: FixedClock) -> None:
    add_user(do, clock, "root", is_admin=True)
    add_user(do, clock, "other", is_admin=True)
    nowhere = RepositoryName("not/pushed-yet")
    assert do(explain, "root", DELETE, nowhere, clock.now()).reason == "root is an administrator"
    do(set_disabled, "root", True)
    decision = do(explain, "root", PULL, WEB, clock.now())
    assert (decision.allowed, decision.reason) == (False, "root is disabled")


def test_nobody_can_be_asked_for_who_is_not_there(do: Do, bob: int, clock: FixedClock) -> None:
    with pytest.raises(UserUnknown):
        do(explain, "nobody", PULL, WEB, clock.now())


def words_of(
    do: Do, clock: FixedClock, action: Action, on: object, **how: str
) -> list[tuple[str, str, bool]]:
    found = do(explain, "bob", action, on, clock.now(), **how)
    return [(right.source.value, right.words, right.suffices) for right in found.rights]


def test_every_right_says_where_it_comes_from(do: Do, ann: int, bob: int, clock: FixedClock) -> None:
    def make(tx: Connection) -> None:
        for organization, name in (("acme", "devs"), ("acme", "others"), ("partner", "devs")):
            team = create_team(tx, organization, name, None, clock.now())
            grant_to_team(tx, team, Resource(Kind.ORGANIZATION, organization), Level.WRITE, None, clock.now())
            if name == "devs":
                add_member(tx, team, bob, clock.now())

    do(create_organization, "partner", ann, clock.now())
    do(make)
    give(do, clock, bob, "read", "acme/web")
    do(share_image, WEB, "partner", clock.now() + timedelta(hours=1), "", ann, clock.now())
    do(set_public, WEB, True)
    until = f"{clock.now() + timedelta(hours=1):%Y-%m-%d %H:%M:%S}"
    assert words_of(do, clock, PUSH, WEB) == [
        ("grant", "read on the image acme/web, given to bob", False),
        ("team", "write on the organization acme, by the team acme/devs", True),
        ("share", f"read on the image acme/web, shared with partner until {until} UTC", False),
        ("public", "read on the image acme/web, which is public", False),
    ]
    assert do(explain, "bob", PUSH, WEB, clock.now()).allowed
    clock.move(hours=2)
    assert "share" not in [source for source, _, _ in words_of(do, clock, PUSH, WEB)]


def test_a_role_is_a_right_and_an_auditor_s_is_to_look(do: Do, bob: int, clock: FixedClock) -> None:
    do(set_role, "bob", Role.AUDITOR)
    look = "a look at everything, as bob is an auditor"
    assert words_of(do, clock, Action.IMAGE_SEE, WEB) == [("role", look, True)]
    assert words_of(do, clock, PUSH, WEB) == [("role", look, False)]
    assert words_of(do, clock, Action.AUDIT_SEE, None) == [("role", look, True)]
    do(set_role, "bob", Role.ADMIN)
    assert words_of(do, clock, PUSH, WEB) == [("role", "everything, as bob is an administrator", True)]


def test_a_key_s_scope_and_a_robot_s_organization_are_limits(do: Do, bob: int, clock: FixedClock) -> None:
    sealer = Sealer(new_master_key())
    give(do, clock, bob, "edit", "acme")
    key = do(create_access_key, sealer, bob, "ci", clock.now(), scope={"acme/web": int(Level.WRITE)})
    given = ("grant", "edit on the organization acme, given to bob", True)
    limit = f"the access key {key.id} allows write on acme/web at the most"
    assert words_of(do, clock, PUSH, WEB, key_id=key.id) == [("key", limit, True), given]
    assert words_of(do, clock, DELETE, WEB, key_id=key.id) == [("key", limit, False), given]
    nothing = f"the access key {key.id} allows nothing on acme/api at the most"
    assert words_of(do, clock, PULL, API, key_id=key.id)[0] == ("key", nothing, False)
    assert words_of(do, clock, Action.ORGANIZATION_CREATE, None, key_id=key.id) == [
        ("key", f"the access key {key.id} is for images of its scope only", False)
    ]
    robot = do(create_robot, "acme", "ci", "", None, clock.now())
    found = do(explain, robot.user_name, PULL, RepositoryName("other/web"), clock.now())
    assert [right.words for right in found.rights] == [
        "a robot of acme allows nothing on other/web at the most"
    ]
    assert not found.allowed


@pytest.mark.parametrize(
    ("action", "on", "said"),
    [
        (Action.AUDIT_SEE, "acme", "leave organization acme out"),
        (Action.IMAGE_PULL, None, "say which"),
        (Action.TEAM_CHANGE, "acme/web", "is about an organization, not about the image acme/web"),
    ],
)
def test_an_action_is_about_something_of_its_kind(
    do: Do, bob: int, clock: FixedClock, action: Action, on: str | None, said: str
) -> None:
    with pytest.raises(WrongResource, match=said):
        do(explain, "bob", action, None if on is None else Resource.parse(on), clock.now())


def test_who_may_create_an_image_is_a_matter_of_its_organization(do: Do, bob: int, clock: FixedClock) -> None:
    give(do, clock, bob, "write", "acme/new")
    refused = do(explain, "bob", Action.IMAGE_CREATE, Resource.parse("acme/new"), clock.now())
    assert (refused.allowed, refused.reason) == (False, "bob has no right on acme")
