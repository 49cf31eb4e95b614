"""The management API and the console: children below parents, no rights by asking, no other site."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.security.registry import GUEST, Login, Registry
from tests.webhooks.receiver import receiver

API = "/api/v1"
BOSS = ("boss", "edits-the-first-organization")
RIVAL = ("rival", "edits-the-second-organization")


def api(registry: Registry, method: str, path: str, login: Login | None, **body: object) -> httpx.Response:
    json = None if method in ("GET", "DELETE") else body
    return registry.client.request(method, f"{API}{path}", json=json, auth=login)


@pytest.fixture(scope="module")
def two_houses(registry: Registry) -> Registry:
    """`first` and `second`, each with an editor, a team and a robot of the same names."""
    for login, organization in ((BOSS, "first"), (RIVAL, "second")):
        registry.add_user(login)
        assert api(registry, "POST", "/organizations", login, name=organization).status_code == 201
        for kind, name in (("teams", "web"), ("robots", "ci")):
            made = api(registry, "POST", f"/organizations/{organization}/{kind}", login, name=name)
            assert made.status_code == 201, made.text
    return registry


def new_key(registry: Registry, path: str, login: Login) -> str:
    made = api(registry, "POST", path, login, name="key")
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


@pytest.mark.vulnerability("Child object of another organization")
def test_a_key_is_found_below_its_own_owner_only(two_houses: Registry) -> None:
    mine = new_key(two_houses, "/me/keys", BOSS)
    of_robot = new_key(two_houses, "/organizations/first/robots/ci/keys", BOSS)
    wrong_parents = (
        (RIVAL, f"/me/keys/{mine}"),
        (RIVAL, f"/me/keys/{of_robot}"),
        (RIVAL, f"/organizations/second/robots/ci/keys/{of_robot}"),
        (RIVAL, f"/organizations/second/robots/ci/keys/{mine}"),
        (BOSS, f"/me/keys/{of_robot}"),
        (BOSS, f"/organizations/first/robots/ci/keys/{mine}"),
        (two_houses.admin, f"/users/{RIVAL[0]}/keys/{mine}"),
    )
    for login, path in wrong_parents:
        assert api(two_houses, "DELETE", path, login).status_code == 404, path
        assert api(two_houses, "PATCH", path, login, is_disabled=True).status_code == 404, path
    for path in (f"/me/keys/{mine}", f"/organizations/first/robots/ci/keys/{of_robot}"):
        assert api(two_houses, "PATCH", path, BOSS, name="still here").json()["is_disabled"] is False


@pytest.mark.vulnerability("Child object of another organization")
@pytest.mark.parametrize("child", ["teams/web", "robots/ci", "permissions", "teams/web/members"])
def test_a_child_is_asked_for_with_its_parents_rights(two_houses: Registry, child: str) -> None:
    assert api(two_houses, "GET", f"/organizations/first/{child}", BOSS).status_code == 200
    for method in ("GET", "PATCH", "DELETE"):
        refused = api(two_houses, method, f"/organizations/first/{child}", RIVAL)
        assert refused.status_code in (403, 405), (method, refused.text)


@pytest.mark.vulnerability("Child object of another organization")
def test_rights_are_given_within_the_organization_of_team_and_robot(two_houses: Registry) -> None:
    """A team or robot of one organization is none of another, whatever name it has."""
    for path in ("permissions/teams/web", "permissions/users/second+ci"):
        given = api(two_houses, "PUT", f"/organizations/first/{path}", BOSS, level="write")
        assert given.status_code in (200, 201, 422), given.text
    second = api(two_houses, "GET", "/organizations/first/permissions", BOSS).json()["items"]
    assert not any("second" in str(entry) for entry in second)


@pytest.mark.vulnerability("Child object of another organization")
def test_a_session_is_ended_by_its_own_user_only(two_houses: Registry) -> None:
    browser = httpx.Client(base_url=two_houses.server.url)
    begun = browser.post(f"{API}/session", json={"user": BOSS[0], "password": BOSS[1]})
    assert begun.is_success, begun.text
    (session,) = browser.get(f"{API}/me/sessions").json()["items"]
    ended = api(two_houses, "DELETE", f"/me/sessions/{session['id']}", RIVAL)
    assert ended.status_code == 404
    assert browser.get(f"{API}/me").json()["name"] == BOSS[0]
    browser.close()


@pytest.mark.vulnerability("Privilege escalation")
def test_no_field_that_is_sent_makes_anybody_more(two_houses: Registry) -> None:
    for path, fields in (
        ("/me/keys", {"name": "k", "user": "admin"}),
        ("/me/keys", {"name": "k", "user_id": 1}),
        ("/organizations", {"name": "third", "creator": "admin"}),
        ("/organizations/first/robots", {"name": "cd", "organization": "second"}),
    ):
        refused = api(two_houses, "POST", path, BOSS, **fields)
        assert refused.status_code == 422, (fields, refused.text)
    for more in ({"role": "admin"}, {"is_admin": True}):
        assert api(two_houses, "PATCH", f"/users/{BOSS[0]}", BOSS, **more).status_code == 403
        assert api(two_houses, "PATCH", "/me", BOSS, **more).status_code in (404, 405)
    assert api(two_houses, "GET", "/me", BOSS).json()["role"] == "user"


@pytest.mark.vulnerability("Privilege escalation")
def test_nobody_gives_themselves_rights(two_houses: Registry) -> None:
    for path in (
        f"/organizations/first/permissions/users/{GUEST[0]}",
        f"/organizations/first/images/web/permissions/users/{GUEST[0]}",
        "/organizations/first/permissions/teams/web",
        f"/organizations/first/teams/web/members/{GUEST[0]}",
    ):
        assert api(two_houses, "PUT", path, GUEST, level="edit").status_code == 403, path


@pytest.mark.vulnerability("Open redirect and forged requests across sites")
@pytest.mark.parametrize(
    "site",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site", "origin": "https://evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {},
    ],
    ids=["cross-site", "same-site", "origin", "null", "nothing"],
)
def test_another_site_changes_nothing_with_our_cookie(two_houses: Registry, site: dict[str, str]) -> None:
    with httpx.Client(base_url=two_houses.server.url) as browser:
        login = {"user": BOSS[0], "password": BOSS[1]}
        assert browser.post(f"{API}/session", json=login).is_success
        forged = browser.post(f"{API}/organizations", json={"name": "forged"}, headers=site)
        assert forged.status_code == 403, forged.text
        own = browser.post(
            f"{API}/organizations", json={"name": "Not A Name"}, headers={"sec-fetch-site": "same-origin"}
        )
        assert own.status_code == 422


@pytest.mark.vulnerability("Open redirect and forged requests across sites")
@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
    ],
)
def test_a_sign_in_leads_to_a_page_of_ours(two_houses: Registry, target: str) -> None:
    with httpx.Client(base_url=two_houses.server.url) as browser:
        form = {"name": BOSS[0], "password": BOSS[1], "next": target}
        signed_in = browser.post("/console/sign-in", data=form, headers={"sec-fetch-site": "same-origin"})
        assert signed_in.status_code == 303, signed_in.text
        assert signed_in.headers["location"].startswith("/console/"), signed_in.headers["location"]


@pytest.mark.vulnerability("Cross-site scripting")
def test_pages_run_no_script_and_no_frame_holds_them(two_houses: Registry) -> None:
    page = two_houses.client.get("/console/sign-in?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in page.text


@pytest.mark.vulnerability("User enumeration")
def test_a_session_is_refused_in_the_same_words(two_houses: Registry) -> None:
    answers = [
        two_houses.client.post(f"{API}/session", json={"user": name, "password": "wrong-password"})
        for name in (BOSS[0], "nobody-at-all")
    ]
    told = [(each.status_code, each.json()["code"], each.json()["detail"]) for each in answers]
    assert told[0] == told[1]
    assert told[0][0] == 403


@pytest.mark.vulnerability("SQL injection and its like")
def test_lists_are_filtered_by_what_is_allowed_only(two_houses: Registry) -> None:
    for query in ("password_hash=a", "q=password%3D1", "order_by=sealed_secret", "name__startswith=a"):
        for path in ("/users", "/organizations", "/images", "/audit"):
            refused = two_houses.client.get(f"{API}{path}?{query}", auth=two_houses.admin)
            assert refused.status_code == 422, (path, query)
    names = two_houses.client.get(f"{API}/users?contains=%25' OR 1=1--", auth=two_houses.admin)
    assert names.json()["items"] == []


@pytest.mark.vulnerability("Secrets in logs")
def test_no_answer_but_the_first_has_a_secret(two_houses: Registry) -> None:
    made = api(two_houses, "POST", "/me/keys", BOSS, name="once").json()
    secret, key = made["secret"], made["id"]
    later = (
        api(two_houses, "GET", f"/me/keys/{key}", BOSS).text + api(two_houses, "GET", "/me/keys", BOSS).text
    )
    trail = two_houses.client.get(f"{API}/audit?limit=200", auth=two_houses.admin).text
    log = two_houses.server.process.log.read_text(errors="replace")
    assert secret not in later + trail + log
    assert BOSS[1] not in trail + log


@pytest.mark.vulnerability("Token scope bypass and replay")
def test_a_registry_token_manages_nothing(two_houses: Registry) -> None:
    token = two_houses.token(two_houses.admin, "repository:first/web:pull,push,delete", "registry:catalog:*")
    for method, path in (
        ("GET", "/users"),
        ("GET", "/me/keys"),
        ("POST", "/organizations"),
        ("GET", "/audit"),
    ):
        refused = two_houses.ask(method, f"{API}{path}", token)
        assert refused.status_code == 403, (method, path, refused.text)
        assert refused.json()["code"] == "token_too_narrow"


@pytest.mark.vulnerability("Token scope bypass and replay")
def test_a_token_buys_no_other_and_makes_no_key(two_houses: Registry) -> None:
    token = api(two_houses, "POST", "/tokens", BOSS).json()["token"]
    assert two_houses.ask("GET", f"{API}/me", token).status_code == 200
    for method, path in (("POST", "/tokens"), ("POST", "/me/keys"), ("PUT", "/me/password")):
        assert two_houses.ask(method, f"{API}{path}", token, content=b"{}").status_code == 403, path


@pytest.mark.vulnerability("Child object of another organization")
def test_a_webhook_and_what_it_was_told_are_asked_for_below_their_organization_only(
    two_houses: Registry,
) -> None:
    hooks = "/organizations/{}/webhooks"
    for login, organization, name in ((BOSS, "first", "ci"), (RIVAL, "second", "other")):
        url = f"https://hooks.example.com/{name}"
        made = api(two_houses, "POST", hooks.format(organization), login, name=name, url=url)
        assert made.status_code == 201, made.text
    pinged = api(two_houses, "POST", f"{hooks.format('first')}/ci/pings", BOSS)
    delivery = f"deliveries/{pinged.json()['id']}"
    for path in (f"{hooks.format('second')}/ci", f"{hooks.format('second')}/other/{delivery}"):
        assert api(two_houses, "GET", path, RIVAL).status_code == 404, path
    again = f"{hooks.format('second')}/other/{delivery}/redelivery"
    assert api(two_houses, "POST", again, RIVAL).status_code == 404
    for path in (hooks.format("first"), f"{hooks.format('first')}/ci/{delivery}", "/webhooks"):
        assert api(two_houses, "GET", path, RIVAL).status_code == 403, path


@pytest.mark.vulnerability("Server-side request forgery")
def test_a_webhook_reaches_no_service_of_this_machine(two_houses: Registry) -> None:
    hooks = "/organizations/first/webhooks"
    with receiver() as heard:
        for name, host in (("four", "127.0.0.1"), ("name", "localhost"), ("mapped", "[::ffff:127.0.0.1]")):
            url = f"http://{host}:{heard.port}/"
            assert api(two_houses, "POST", hooks, BOSS, name=name, url=url).status_code == 201
            assert api(two_houses, "POST", f"{hooks}/{name}/pings", BOSS).status_code == 202
            deadline = time.monotonic() + 20
            dead: list[dict[str, str]] = []
            while not dead:
                assert time.monotonic() < deadline, name
                dead = api(two_houses, "GET", f"{hooks}/{name}/deliveries", BOSS).json()["items"]
                dead = [one for one in dead if one["state"] == "dead"]
                time.sleep(0.05)
            assert "this machine itself" in dead[0]["problem"]
        assert heard.heard == []
