"""Why may I, why may I not: in words, and the same answer as a request would get."""

from datetime import timedelta

import pytest

from tests.databases import Do, FixedClock
from tests.people import add_user, give
from tests.registry.contents import WEB, add_image, image
from wherry.access.actions import Action
from wherry.access.shares import share_image
from wherry.identity.errors import UserUnknown
from wherry.identity.organizations import create_organization
from wherry.identity.users import set_disabled
from wherry.oci.names import RepositoryName
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
