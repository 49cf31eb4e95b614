"""Every route against every kind of caller, from the same declarations that the server decides by."""

from __future__ import annotations

import re

import pytest

from tests.hostile.seeds import ARTIFACT, IMAGE, INDEX, OCI_MANIFEST, digest_of
from tests.security.registry import ABSENT_DIGEST, GUEST, PRIVATE, PUBLIC, Registry, code_of
from wherry.access.actions import RULES, Action, Need, Verb
from wherry.web.agents.face import ROUTES as AGENTS
from wherry.web.api.routes import OPERATIONS as API
from wherry.web.console.routes import ROUTES as CONSOLE
from wherry.web.distribution.routes import ROUTES as DISTRIBUTION
from wherry.web.hooks.face import ROUTES as HOOKS
from wherry.web.operations.face import ROUTES as OPERATIONS
from wherry.web.swr.routes import ROUTES as SWR

ROUTES = [
    *((route.method, route.template, route.action) for route in DISTRIBUTION),
    *((route.method, route.template, route.action) for route in OPERATIONS),
]
SCRATCH = "actions/scratch"
CALLERS = (
    "anonymous",
    "guest",
    "administrator",
    *(f"token to {verb}" for verb in Verb),
    "token to list",
    "token for nothing",
)


def filled(template: str, repository: str) -> str:
    """A path of the template whose reference is not there: nothing changes, whoever asks."""
    path = template.replace("{name:path}", repository).replace("{digest}", ABSENT_DIGEST)
    path = path.replace("{reference}", "absent").replace("{upload}", "0" * 32)
    assert "{" not in path, template
    return path


def expected(action: Action, caller: str, *, public: bool) -> str:
    """`in`, `log in`, `more scope` or `denied`, by the rule of the action alone."""
    rule = RULES[action]
    if rule.need is Need.NOTHING or (rule.need is Need.READ and public):
        return "in"
    if caller == "anonymous":
        return "log in"
    if caller == "guest":
        return "in" if rule.need is Need.LOGIN else "denied"
    if caller == "administrator":
        return "in"
    if action is Action.CATALOG_LIST:
        return "in" if caller == "token to list" else "more scope"
    return "in" if rule.verb is None or caller == f"token to {rule.verb}" else "more scope"


def outcome(answer) -> str:
    if answer.status_code == 401:
        return (
            "more scope" if 'error="insufficient_scope"' in answer.headers["www-authenticate"] else "log in"
        )
    if answer.status_code == 403:
        assert code_of(answer) == "DENIED"
        return "denied"
    assert answer.status_code < 500
    return "in"


def credentials(registry: Registry, caller: str, repository: str):
    match caller:
        case "anonymous":
            return None
        case "guest":
            return GUEST
        case "administrator":
            return registry.admin
        case "token to list":
            return registry.token(registry.admin, "registry:catalog:*")
        case "token for nothing":
            return registry.token(registry.admin)
        case _:
            return registry.token(
                registry.admin, f"repository:{repository}:{caller.removeprefix('token to ')}"
            )


@pytest.mark.vulnerability("Action inferred from the wrong thing")
def test_every_route_of_every_face_has_an_action():
    assert len(ROUTES) > 20
    for method, template, action in ROUTES:
        assert isinstance(action, Action), f"{method} {template} can be reached without a decision"
        assert action in RULES
    managing = {route.action for face in (SWR, CONSOLE, API, AGENTS, HOOKS) for route in face}
    unbound = set(Action) - {action for _, _, action in ROUTES} - managing
    assert not unbound, "an action without a route"


@pytest.mark.vulnerability("Action inferred from the wrong thing")
def test_no_route_that_changes_something_is_bound_to_a_reading_action():
    changing = {"PUT": Verb.PUSH, "POST": Verb.PUSH, "PATCH": Verb.PUSH, "DELETE": Verb.DELETE}
    for method, template, action in ROUTES:
        if template == "/token":
            continue
        verb = changing.get(method)
        if verb is Verb.DELETE and "/uploads/" in template:
            verb = Verb.PUSH  # cancelling one's own upload
        if verb is not None:
            assert RULES[action].verb is verb, f"{method} {template}"
        elif action is not Action.IMAGE_PUSH:  # asking how far one's own upload is
            assert RULES[action].verb in (None, Verb.PULL), f"{method} {template}"


@pytest.mark.vulnerability("Action inferred from the wrong thing")
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("repository", [PRIVATE, PUBLIC], ids=["private", "public"])
def test_every_route_lets_in_whom_its_action_says(registry: Registry, caller, repository):
    login = credentials(registry, caller, repository)
    for method, template, action in ROUTES:
        if template == "/token" and caller.startswith("token"):
            continue  # a token is no login there: see test_tokens
        path = filled(template, repository)
        answer = registry.ask(
            method, path, login, content=b"" if method in ("PUT", "PATCH", "POST") else None
        )
        wanted = expected(action, caller, public=repository == PUBLIC)
        if method == "HEAD" and wanted == "denied":
            assert answer.status_code == 403
        elif template != "/token":
            assert outcome(answer) == wanted, f"{method} {path} as {caller}: {answer.status_code}"
        else:
            assert answer.status_code in (200, 400)


@pytest.mark.vulnerability("Action inferred from the wrong thing")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"])
def test_a_path_without_a_route_does_nothing(registry: Registry, method):
    for path in (
        "/v2/x",
        f"/v2/{PRIVATE}",
        f"/v2/{PRIVATE}/",
        f"/v2/{PRIVATE}/manifests",
        "/v2/_catalog/x",
        "/v1/_ping",
    ):
        assert registry.ask(method, path, registry.admin).status_code in (404, 405)


@pytest.mark.vulnerability("Action inferred from the wrong thing")
def test_moving_a_tag_needs_push_and_deleting_needs_delete(registry: Registry):
    """By tag, by digest and for blobs each, with tokens that hold all other verbs."""
    registry.push_image(SCRATCH)
    may = {verb: registry.token(registry.admin, f"repository:{SCRATCH}:{verb}") for verb in Verb}
    not_push = registry.token(registry.admin, f"repository:{SCRATCH}:pull,delete")
    not_delete = registry.token(registry.admin, f"repository:{SCRATCH}:pull,push")
    headers = {"Content-Type": OCI_MANIFEST}
    for token in (may[Verb.PULL], may[Verb.DELETE], not_push):
        for reference in ("image", "new", digest_of(ARTIFACT), f"{digest_of(ARTIFACT)}?tag=image"):
            answer = registry.ask(
                "PUT", f"/v2/{SCRATCH}/manifests/{reference}", token, headers=headers, content=ARTIFACT
            )
            assert outcome(answer) == "more scope"
    for token in (may[Verb.PULL], may[Verb.PUSH], not_delete):
        for target in ("manifests/image", f"manifests/{digest_of(INDEX)}", f"blobs/{digest_of(b'{}')}"):
            assert outcome(registry.ask("DELETE", f"/v2/{SCRATCH}/{target}", token)) == "more scope"
    for tag, content in (("image", IMAGE), ("index", INDEX), ("artifact", ARTIFACT)):
        assert registry.ask("GET", f"/v2/{SCRATCH}/manifests/{tag}", may[Verb.PULL]).content == content
    # The right verbs do it, so the refusals above were about the verbs.
    put = registry.ask(
        "PUT", f"/v2/{SCRATCH}/manifests/image", may[Verb.PUSH], headers=headers, content=ARTIFACT
    )
    assert put.status_code == 201
    assert registry.ask("DELETE", f"/v2/{SCRATCH}/manifests/image", may[Verb.DELETE]).status_code == 202


@pytest.mark.vulnerability("Action inferred from the wrong thing")
def test_a_delete_that_would_break_an_image_is_refused(registry: Registry):
    registry.push_image("actions/whole")
    for target in (f"blobs/{digest_of(b'{}')}", f"manifests/{digest_of(IMAGE)}"):
        answer = registry.ask("DELETE", f"/v2/actions/whole/{target}", registry.admin)
        assert (answer.status_code, code_of(answer)) == (409, "DENIED")


@pytest.mark.vulnerability("Privilege escalation")
def test_a_guest_cannot_become_more_by_asking(registry: Registry):
    everything = [f"repository:{name}:*" for name in (PRIVATE, PUBLIC, "guest/own", SCRATCH)]
    answer = registry.ask(
        "GET", "/token?service=wherry&" + "&".join(f"scope={scope}" for scope in everything), GUEST
    )
    assert answer.json()["scope"] == f"repository:{PUBLIC}:pull"
    token = answer.json()["token"]
    for login in (GUEST, token):
        assert registry.ask("POST", "/v2/guest/own/blobs/uploads/", login).status_code in (401, 403)
        assert registry.ask("GET", f"/v2/{PRIVATE}/tags/list", login).status_code in (401, 403)
    # The account that a client names in the query is a hint for people, not a claim.
    named = registry.ask("GET", f"/token?service=wherry&account=admin&scope=repository:{PRIVATE}:pull", GUEST)
    assert named.json()["scope"] == ""
    form = {
        "grant_type": "password",
        "username": GUEST[0],
        "password": GUEST[1],
        "account": "admin",
        "is_admin": "true",
    }
    body = (
        "&".join(f"{key}={value}" for key, value in form.items()) + f"&scope=repository:{PRIVATE}:pull,push"
    )
    posted = registry.ask(
        "POST", "/token", headers={"Content-Type": "application/x-www-form-urlencoded"}, content=body.encode()
    )
    assert (posted.status_code, posted.json()["scope"]) == (200, "")


@pytest.mark.vulnerability("Privilege escalation")
def test_reserved_organizations_are_nobodys(registry: Registry):
    for organization in ("manage", "library", "v2", "v3", "token"):
        answer = registry.ask("POST", f"/v2/{organization}/app/blobs/uploads/", registry.admin)
        assert (answer.status_code, code_of(answer)) == (400, "NAME_INVALID"), organization


def test_the_templates_name_only_what_the_tests_fill_in():
    names = {name for _, template, _ in ROUTES for name in re.findall(r"\{(\w+)", template)}
    assert names == {"name", "reference", "digest", "upload"}
