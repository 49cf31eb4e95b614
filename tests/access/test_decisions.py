"""`authorize`: every action against every kind of actor, written out as a table of its own."""

import pytest

from wherry.access.actions import RULES, Action, Need, Verb
from wherry.access.decisions import ANONYMOUS, Actor, Cluster, Image, TokenGrant, authorize
from wherry.access.levels import Level
from wherry.oci.names import RepositoryName

WEB = RepositoryName("acme/web")
PRIVATE, PUBLIC = Image(WEB), Image(WEB, is_public=True)
USER = Actor(2, "bob")
ADMIN = Actor(1, "admin", is_admin=True)
ROBOT = Actor(3, "acme+ci", ceiling={"acme": 7}, robot_of="acme")
AUDITOR = Actor(4, "eve", is_auditor=True)


def with_token(actor: Actor, *verbs: Verb, catalog: bool = False) -> Actor:
    grant = TokenGrant({WEB: frozenset(verbs)}, catalog)
    return Actor(actor.user_id, actor.name, actor.is_admin, grant)


# Who may: nobody in particular, a user, a robot, an auditor, an administrator; on a private image, on a
# public one.
TABLE = {
    Action.SERVICE_WATCH: ("yes yes yes yes yes", "yes yes yes yes yes"),
    Action.TOKEN_ASK: ("yes yes yes yes yes", "yes yes yes yes yes"),
    Action.REGISTRY_USE: ("login yes yes yes yes", "login yes yes yes yes"),
    Action.CATALOG_LIST: ("login yes yes yes yes", "login yes yes yes yes"),
    Action.IMAGE_PULL: ("login no no yes yes", "yes yes yes yes yes"),
    Action.IMAGE_PUSH: ("login no no no yes", "login no no no yes"),
    Action.IMAGE_DELETE: ("login no no no yes", "login no no no yes"),
    Action.VERSIONS_SEE: ("yes yes yes yes yes", "yes yes yes yes yes"),
    Action.ACCOUNT_SEE: ("login yes yes yes yes", "login yes yes yes yes"),
    Action.LOGIN_MAKE: ("login yes yes yes yes", "login yes yes yes yes"),
    Action.ENTERPRISE_USE: ("login yes yes yes yes", "login yes yes yes yes"),
    Action.ORGANIZATION_LIST: ("login yes yes yes yes", "login yes yes yes yes"),
    Action.ORGANIZATION_CREATE: ("login yes no yes yes", "login yes no yes yes"),
    Action.ORGANIZATION_SEE: ("login no no yes yes", "yes yes yes yes yes"),
    Action.ORGANIZATION_DELETE: ("login no no no yes", "login no no no yes"),
    Action.ORGANIZATION_GRANT: ("login no no no yes", "login no no no yes"),
    Action.IMAGE_LIST: ("login yes yes yes yes", "login yes yes yes yes"),
    Action.IMAGE_SEE: ("login no no yes yes", "yes yes yes yes yes"),
    Action.IMAGE_CREATE: ("login no no no yes", "login no no no yes"),
    Action.IMAGE_CHANGE: ("login no no no yes", "login no no no yes"),
    Action.IMAGE_PUBLISH: ("login no no no yes", "login no no no yes"),
    Action.IMAGE_GRANT: ("login no no no yes", "login no no no yes"),
    Action.IMAGE_SHARE: ("login no no no yes", "login no no no yes"),
    Action.IMAGE_TRIGGER: ("login no no no yes", "login no no no yes"),
    Action.IMAGE_RETAIN: ("login no no no yes", "login no no no yes"),
    Action.IMAGE_SYNC: ("login no no no yes", "login no no no yes"),
    Action.ORGANIZATION_GRANTS_SEE: ("login no no yes yes", "login no no yes yes"),
    Action.IMAGE_GRANTS_SEE: ("login no no yes yes", "login no no yes yes"),
    Action.IMAGE_SHARES_SEE: ("login no no yes yes", "login no no yes yes"),
    Action.TEAM_SEE: ("login no no yes yes", "yes yes yes yes yes"),
    Action.TEAM_CHANGE: ("login no no no yes", "login no no no yes"),
    Action.ROBOT_SEE: ("login no no yes yes", "login no no yes yes"),
    Action.ROBOT_CHANGE: ("login no no no yes", "login no no no yes"),
    Action.KEY_SEE: ("login yes yes yes yes", "login yes yes yes yes"),
    Action.KEY_CHANGE: ("login yes no yes yes", "login yes no yes yes"),
    Action.ACCOUNT_CHANGE: ("login yes no yes yes", "login yes no yes yes"),
    Action.SESSION_MAKE: ("yes yes yes yes yes", "yes yes yes yes yes"),
    Action.SESSION_END: ("yes yes yes yes yes", "yes yes yes yes yes"),
    Action.LINK_USE: ("yes yes yes yes yes", "yes yes yes yes yes"),
    Action.RIGHTS_EXPLAIN: ("login yes yes yes yes", "login yes yes yes yes"),
    Action.USER_SEE: ("login no no yes yes", "login no no yes yes"),
    Action.USER_CHANGE: ("login no no no yes", "login no no no yes"),
    Action.AUDIT_SEE: ("login no no yes yes", "login no no yes yes"),
    Action.ORGANIZATION_AUDIT_SEE: ("login no no yes yes", "login no no yes yes"),
    Action.KUBECONFIG_READ: ("login yes yes yes yes", "login yes yes yes yes"),
    Action.CLUSTER_LIST: ("login yes yes yes yes", "login yes yes yes yes"),
    Action.CLUSTER_REGISTER: ("login no no no yes", "login no no no yes"),
    Action.CLUSTER_REGISTER_FOR_SITE: ("login no no no yes", "login no no no yes"),
    Action.CLUSTER_SEE: ("login no no yes yes", "yes yes yes yes yes"),
    Action.CLUSTER_DEPLOY: ("login no no no yes", "login no no no yes"),
    Action.CLUSTER_CHANGE: ("login no no no yes", "login no no no yes"),
    Action.CLUSTER_OPEN: ("login no no no yes", "login no no no yes"),
    Action.PULL_SECRET_SEE: ("login no no yes yes", "yes yes yes yes yes"),
    Action.PULL_SECRET_CHANGE: ("login no no no yes", "login no no no yes"),
    Action.IMAGE_USES_SEE: ("login no no yes yes", "yes yes yes yes yes"),
    Action.AGENT_JOIN: ("yes yes yes yes yes", "yes yes yes yes yes"),
    Action.AGENT_CONNECT: ("yes yes yes yes yes", "yes yes yes yes yes"),
    Action.WEBHOOK_HEAR: ("yes yes yes yes yes", "yes yes yes yes yes"),
    Action.FLEET_LIST: ("login yes yes yes yes", "login yes yes yes yes"),
    Action.FLEET_CREATE: ("login no no no yes", "login no no no yes"),
    Action.FLEET_CREATE_FOR_SITE: ("login no no no yes", "login no no no yes"),
    Action.FLEET_SEE: ("login no no yes yes", "yes yes yes yes yes"),
    Action.FLEET_DEPLOY: ("login no no no yes", "login no no no yes"),
    Action.FLEET_CHANGE: ("login no no no yes", "login no no no yes"),
    Action.IMAGE_TRIGGERS_SEE: ("login no no yes yes", "login no no yes yes"),
    Action.WEBHOOK_SEE: ("login no no yes yes", "login no no yes yes"),
    Action.WEBHOOK_CHANGE: ("login no no no yes", "login no no no yes"),
    Action.SITE_WEBHOOK_SEE: ("login no no yes yes", "login no no yes yes"),
    Action.SITE_WEBHOOK_CHANGE: ("login no no no yes", "login no no no yes"),
}


def test_the_table_knows_every_action() -> None:
    assert set(TABLE) == set(Action) == set(RULES)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("image", [PRIVATE, PUBLIC], ids=["private", "public"])
def test_who_may(action: Action, image: Image) -> None:
    expected = TABLE[action][image.is_public].split()
    for actor, answer in zip((ANONYMOUS, USER, ROBOT, AUDITOR, ADMIN), expected, strict=True):
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


def test_on_a_cluster_the_level_is_all_that_counts() -> None:
    for actor in (USER, ROBOT, AUDITOR, ADMIN):
        seen, unseen = Cluster("prod", Level.READ), Cluster("prod")
        assert authorize(actor, Action.CLUSTER_SEE, seen).allowed
        assert not authorize(actor, Action.CLUSTER_DEPLOY, seen).allowed
        assert not authorize(actor, Action.CLUSTER_SEE, unseen).allowed
    assert authorize(ANONYMOUS, Action.CLUSTER_SEE, Cluster("prod", Level.EDIT)).needs_login
    assert authorize(with_token(ADMIN, *Verb), Action.CLUSTER_SEE, Cluster("prod", Level.EDIT)).needs_scope


def test_a_token_never_gives_what_its_user_has_not() -> None:
    for action in (Action.IMAGE_PULL, Action.IMAGE_PUSH, Action.IMAGE_DELETE):
        decision = authorize(with_token(USER, *Verb), action, PRIVATE)
        assert (decision.allowed, decision.needs_scope) == (False, False)
        assert authorize(with_token(ANONYMOUS, *Verb), action, PRIVATE).needs_login


def test_what_anybody_may_needs_no_scope() -> None:
    for actor in (ANONYMOUS, USER, ADMIN):
        assert authorize(with_token(actor), Action.IMAGE_PULL, PUBLIC).allowed
        assert authorize(with_token(actor), Action.SERVICE_WATCH).allowed


def test_an_auditor_changes_nothing() -> None:
    """Whatever only looks is marked so by hand; nothing that a push or a change needs may be among it."""
    looks = {action for action in Action if action.rule.looks}
    assert not any(action.rule.verb in (Verb.PUSH, Verb.DELETE) for action in looks)
    assert not any(action.value.endswith((".change", ".make", ".create", ".grant")) for action in looks)


def test_an_auditors_key_sees_no_more_than_its_scope() -> None:
    narrow = Actor(4, "eve", is_auditor=True, key_id="AK", ceiling={"beta": 1})
    assert not authorize(narrow, Action.IMAGE_SEE, PRIVATE).allowed
    assert not authorize(narrow, Action.AUDIT_SEE).allowed


def test_a_robot_never_reaches_beyond_its_organization() -> None:
    granted = Image(RepositoryName("beta/web"), level=Level.EDIT)
    assert not authorize(ROBOT, Action.IMAGE_PULL, granted).allowed
    at_home = Image(WEB, level=Level.WRITE)
    assert authorize(ROBOT, Action.IMAGE_PUSH, at_home).allowed
    assert not authorize(ROBOT, Action.IMAGE_DELETE, at_home).allowed


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


@pytest.mark.parametrize("mark", ["by_token", "is_temporary"])
def test_a_token_or_a_temporary_login_makes_nothing_that_outlives_it(mark: str) -> None:
    passing = Actor(1, "admin", is_admin=True, key_id="AK", **{mark: True})  # type: ignore[arg-type]
    lasting = {action for action, rule in RULES.items() if rule.lasts}
    assert {Action.LOGIN_MAKE, Action.KEY_CHANGE, Action.USER_CHANGE, Action.ROBOT_CHANGE} <= lasting
    for action in Action:
        assert authorize(passing, action, PRIVATE).allowed is (action not in lasting), action
