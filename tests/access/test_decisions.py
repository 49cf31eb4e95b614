"""`authorize`: every action against every kind of actor, written out as a table of its own."""

import pytest

from wherry.access.actions import RULES, Action, Need, Verb
from wherry.access.decisions import ANONYMOUS, Actor, Image, TokenGrant, authorize
from wherry.oci.names import RepositoryName

WEB = RepositoryName("acme/web")
PRIVATE, PUBLIC = Image(WEB), Image(WEB, is_public=True)
USER = Actor(2, "bob")
ADMIN = Actor(1, "admin", is_admin=True)


def with_token(actor: Actor, *verbs: Verb, catalog: bool = False) -> Actor:
    grant = TokenGrant({WEB: frozenset(verbs)}, catalog)
    return Actor(actor.user_id, actor.name, actor.is_admin, grant)


# Who may: nobody in particular, a user, an administrator; on a private image, on a public one.
TABLE = {
    Action.SERVICE_WATCH: ("yes yes yes", "yes yes yes"),
    Action.TOKEN_ASK: ("yes yes yes", "yes yes yes"),
    Action.REGISTRY_USE: ("login yes yes", "login yes yes"),
    Action.CATALOG_LIST: ("login yes yes", "login yes yes"),
    Action.IMAGE_PULL: ("login no yes", "yes yes yes"),
    Action.IMAGE_PUSH: ("login no yes", "login no yes"),
    Action.IMAGE_DELETE: ("login no yes", "login no yes"),
    Action.VERSIONS_SEE: ("yes yes yes", "yes yes yes"),
    Action.ACCOUNT_SEE: ("login yes yes", "login yes yes"),
    Action.LOGIN_MAKE: ("login yes yes", "login yes yes"),
    Action.ENTERPRISE_USE: ("login yes yes", "login yes yes"),
    Action.ORGANIZATION_LIST: ("login yes yes", "login yes yes"),
    Action.ORGANIZATION_CREATE: ("login yes yes", "login yes yes"),
    Action.ORGANIZATION_SEE: ("login no yes", "yes yes yes"),
    Action.ORGANIZATION_DELETE: ("login no yes", "login no yes"),
    Action.ORGANIZATION_GRANT: ("login no yes", "login no yes"),
    Action.IMAGE_LIST: ("login yes yes", "login yes yes"),
    Action.IMAGE_SEE: ("login no yes", "yes yes yes"),
    Action.IMAGE_CREATE: ("login no yes", "login no yes"),
    Action.IMAGE_CHANGE: ("login no yes", "login no yes"),
    Action.IMAGE_PUBLISH: ("login no yes", "login no yes"),
    Action.IMAGE_GRANT: ("login no yes", "login no yes"),
    Action.IMAGE_SHARE: ("login no yes", "login no yes"),
    Action.IMAGE_TRIGGER: ("login no yes", "login no yes"),
    Action.IMAGE_RETAIN: ("login no yes", "login no yes"),
    Action.IMAGE_SYNC: ("login no yes", "login no yes"),
}


def test_the_table_knows_every_action() -> None:
    assert set(TABLE) == set(Action) == set(RULES)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("image", [PRIVATE, PUBLIC], ids=["private", "public"])
def test_who_may(action: Action, image: Image) -> None:
    expected = TABLE[action][image.is_public].split()
    for actor, answer in zip((ANONYMOUS, USER, ADMIN), expected, strict=True):
        decision = authorize(actor, action, image)
        assert (decision.allowed, decision.needs_login) == (answer == "yes", answer == "login")
        assert not decision.needs_scope
        assert decision.reason


@pytest.mark.parametrize("action", [action for action in Action if action.rule.verb])
def test_a_token_bounds_what_even_an_administrator_may(action: Action) -> None:
    verb = action.rule.verb
    assert verb is not None
    assert authorize(with_token(ADMIN, verb), action, PRIVATE).allowed
    others = with_token(ADMIN, *(other for other in Verb if other is not verb))
    refused = authorize(others, action, PRIVATE)
    assert (refused.allowed, refused.needs_scope) == (False, True)
    elsewhere = Image(RepositoryName("acme/web2"))
    assert authorize(with_token(ADMIN, verb), action, elsewhere).needs_scope


def test_a_token_never_gives_what_its_user_has_not() -> None:
    for action in (Action.IMAGE_PULL, Action.IMAGE_PUSH, Action.IMAGE_DELETE):
        decision = authorize(with_token(USER, *Verb), action, PRIVATE)
        assert (decision.allowed, decision.needs_scope) == (False, False)
        assert authorize(with_token(ANONYMOUS, *Verb), action, PRIVATE).needs_login


def test_what_anybody_may_needs_no_scope() -> None:
    for actor in (ANONYMOUS, USER, ADMIN):
        assert authorize(with_token(actor), Action.IMAGE_PULL, PUBLIC).allowed
        assert authorize(with_token(actor), Action.SERVICE_WATCH).allowed


def test_the_catalog_has_a_scope_of_its_own() -> None:
    assert authorize(with_token(ADMIN, catalog=True), Action.CATALOG_LIST).allowed
    assert authorize(with_token(ADMIN, *Verb), Action.CATALOG_LIST).needs_scope


def test_an_action_on_an_image_without_the_image_is_not_open() -> None:
    for action in (action for action in Action if action.rule.need in (Need.READ, Need.WRITE, Need.EDIT)):
        assert not authorize(ANONYMOUS, action).allowed
        assert not authorize(USER, action).allowed


def test_a_registry_token_is_good_for_the_registry_only() -> None:
    management = [
        action
        for action in Action
        if action.rule.verb is None
        and action.rule.need is not Need.NOTHING
        and action not in (Action.REGISTRY_USE, Action.CATALOG_LIST)
    ]
    assert Action.LOGIN_MAKE in management
    for action in management:
        refused = authorize(with_token(ADMIN, *Verb, catalog=True), action, PRIVATE)
        assert (refused.allowed, refused.needs_scope) == (False, True)
