"""A key's ceiling: what the key may at the most, whatever its owner may."""

from itertools import product

import pytest

from wherry.access.actions import RULES, Action, Need
from wherry.access.decisions import Actor, Image, TokenGrant, authorize
from wherry.access.levels import NEEDED, Level
from wherry.access.resources import Resource
from wherry.oci.names import RepositoryName

WEB = RepositoryName("acme/web")
LEVELS = tuple(Level)
ON_IMAGES = [action for action, rule in RULES.items() if rule.verb is not None]


def key(ceiling: dict[str, int] | None, *, is_admin: bool = False) -> Actor:
    return Actor(1, "ann", is_admin, key_id="AK1", ceiling=ceiling)


@pytest.mark.parametrize("action", ON_IMAGES)
def test_a_key_may_what_both_its_owner_and_its_ceiling_allow(action: Action) -> None:
    wanted = NEEDED[action.rule.need]
    for owner, ceiling in product(LEVELS, LEVELS):
        allowed = authorize(key({"acme/web": ceiling}), action, Image(WEB, level=owner)).allowed
        assert allowed is (min(owner, ceiling) >= wanted), (owner, ceiling)


@pytest.mark.parametrize("action", ON_IMAGES)
def test_a_ceiling_cuts_an_administrator_too(action: Action) -> None:
    wanted = NEEDED[action.rule.need]
    for ceiling in LEVELS:
        decision = authorize(key({"acme": ceiling}, is_admin=True), action, Image(WEB))
        assert decision.allowed is (ceiling >= wanted)
    assert not authorize(key({}, is_admin=True), action, Image(WEB)).allowed
    assert authorize(key(None, is_admin=True), action, Image(WEB)).allowed


def test_a_ceiling_on_an_organization_holds_for_its_images_and_the_higher_one_counts() -> None:
    both = key({"acme": Level.READ, "acme/web": Level.WRITE}, is_admin=True)
    assert authorize(both, Action.IMAGE_PUSH, Image(WEB)).allowed
    assert not authorize(both, Action.IMAGE_PUSH, Image(RepositoryName("acme/api"))).allowed
    assert authorize(both, Action.IMAGE_PULL, Image(RepositoryName("acme/api"))).allowed
    assert not authorize(both, Action.IMAGE_PULL, Image(RepositoryName("acme2/web"))).allowed


def test_what_is_public_needs_no_ceiling() -> None:
    outside = key({"other": Level.READ})
    assert authorize(outside, Action.IMAGE_PULL, Image(WEB, is_public=True)).allowed
    assert not authorize(outside, Action.IMAGE_PUSH, Image(WEB, is_public=True)).allowed


def test_a_token_cuts_a_key_further() -> None:
    granted = TokenGrant({WEB: frozenset()})
    cut = Actor(1, "ann", grant=granted, key_id="AK1", ceiling={"acme": Level.EDIT})
    decision = authorize(cut, Action.IMAGE_PULL, Image(WEB, level=Level.EDIT))
    assert not decision.allowed
    assert decision.needs_scope


def test_the_reason_names_key_level_and_image() -> None:
    decision = authorize(key({"acme": Level.READ}), Action.IMAGE_PUSH, Image(WEB, level=Level.EDIT))
    assert decision.reason == "the access key AK1 is not for write on acme/web"
    assert not decision.needs_login
    assert not decision.needs_scope


def test_every_action_on_an_image_says_which_level_it_takes() -> None:
    for action in ON_IMAGES:
        assert action.rule.need in (Need.READ, Need.WRITE, Need.EDIT)
        assert not authorize(Actor(1, "ann"), action, Image(WEB)).allowed


def test_a_ceiling_on_an_organization_is_none_on_the_librarys_image_of_that_name() -> None:
    image = Image(RepositoryName("acme"))
    assert not authorize(key({"acme": Level.EDIT}, is_admin=True), Action.IMAGE_PULL, image).allowed
    for scope in (Resource.parse("library/acme").scope, Resource.parse("library").scope):
        assert authorize(key({scope: Level.READ}, is_admin=True), Action.IMAGE_PULL, image).allowed
    assert Resource.parse("acme/web").scope == "acme/web"
