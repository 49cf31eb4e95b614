"""Who one is, one's own password, and one's own browsers."""

import httpx

from tests.web.api.reading import code_of
from tests.web.running import ADMIN, BOB, PASSWORD, Registry

ME, SESSION = "/api/v1/me", "/api/v1/session"
NEW = "another password"
OWN = {"sec-fetch-site": "same-origin"}


async def browser(registry: Registry, login: tuple[str, str] = BOB) -> httpx.AsyncClient:
    """A client with a session, which says where its requests come from as browsers do."""
    client = registry.client(None, **OWN)
    begun = await client.post(SESSION, json={"user": login[0], "password": login[1]})
    assert begun.status_code == 201, begun.text
    assert begun.json()["user"] == login[0]
    return client


async def test_one_learns_who_one_is_and_by_what(registry_on_both: Registry) -> None:
    registry = registry_on_both
    plain = (await registry.http.get(ME)).json()
    assert plain == {
        "name": "admin",
        "role": "admin",
        "robot_of": None,
        "logged_in_by": "password",
        "key": None,
        "ceiling": None,
        "has_password": True,
        "teams": [],
    }
    scope = [{"resource": "acme", "level": "read"}]
    made = (await registry.http.post(f"{ME}/keys", json={"name": "ci", "scope": scope})).json()
    by_key = registry.client((made["login"]["user"], made["login"]["password"]))
    seen = (await by_key.get(ME)).json()
    assert (seen["logged_in_by"], seen["ceiling"]) == ("access key", scope)
    assert seen["key"] == {"id": made["id"], "name": "ci", "is_temporary": False}
    token = (await registry.http.post("/api/v1/tokens")).json()["token"]
    by_token = await registry.client(authorization=f"Bearer {token}").get(ME)
    assert by_token.json()["logged_in_by"] == "token"
    assert (await (await browser(registry)).get(ME)).json()["logged_in_by"] == "session"
    assert (await registry.as_nobody.get(ME)).status_code == 401


async def test_another_password_takes_the_old_one_and_ends_other_browsers(registry: Registry) -> None:
    here, there = await browser(registry), await browser(registry)
    wrong = await here.put(f"{ME}/password", json={"old_password": "no", "new_password": NEW})
    assert (wrong.status_code, code_of(wrong)) == (403, "wrong_password")
    short = await here.put(f"{ME}/password", json={"old_password": PASSWORD, "new_password": "short"})
    assert (short.status_code, code_of(short)) == (422, "invalid_password")
    before = here.cookies["wherry_session"]
    done = await here.put(f"{ME}/password", json={"old_password": PASSWORD, "new_password": NEW})
    assert done.status_code == 204
    assert here.cookies["wherry_session"] != before
    assert (await here.get(ME)).status_code == 200
    assert (await there.get(ME)).status_code == 401
    assert (await registry.client(BOB).get(ME)).status_code == 401
    assert (await registry.client(("bob", NEW)).get(ME)).status_code == 200


async def test_a_session_begins_with_a_password_and_ends_for_whoever_has_its_cookie(
    registry: Registry,
) -> None:
    client = await browser(registry)
    thief = registry.client(cookie=f"wherry_session={client.cookies['wherry_session']}")
    assert (await thief.get(ME)).json()["name"] == "bob"
    assert (await client.delete(SESSION)).status_code == 204
    assert "wherry_session" not in client.cookies
    assert (await thief.get(ME)).status_code == 401
    assert (await registry.as_nobody.delete(SESSION)).status_code == 204


async def test_a_wrong_sign_in_begins_nothing(registry: Registry) -> None:
    nobody = registry.as_nobody
    for user, password in (("bob", "wrong"), ("nobody", PASSWORD)):
        refused = await nobody.post(SESSION, json={"user": user, "password": password})
        assert (refused.status_code, code_of(refused)) == (403, "wrong_password")
        assert "set-cookie" not in refused.headers
    made = (await registry.http.post(f"{ME}/keys", json={"name": "ci"})).json()["login"]
    by_key = await nobody.post(SESSION, json={"user": made["user"], "password": made["password"]})
    assert (by_key.status_code, code_of(by_key)) == (403, "not_allowed")


async def test_another_site_signs_nobody_in_and_changes_nothing(registry: Registry) -> None:
    login = {"user": "bob", "password": PASSWORD}
    for header in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        refused = await registry.as_nobody.post(SESSION, json=login, headers=header)
        assert (refused.status_code, code_of(refused)) == (403, "cross_site")
    assert (await registry.as_nobody.post(SESSION, json=login)).status_code == 201
    client = await browser(registry)
    refused = await client.delete(f"{ME}/sessions", headers={"sec-fetch-site": "cross-site"})
    assert (refused.status_code, code_of(refused)) == (403, "cross_site")


async def test_one_sees_ones_browsers_and_signs_them_out(registry_on_both: Registry) -> None:
    registry = registry_on_both
    here = await browser(registry)
    registry.clock.move(seconds=5)
    there, third = await browser(registry), await browser(registry)
    admins = await browser(registry, ADMIN)
    listed = (await here.get(f"{ME}/sessions")).json()["items"]
    assert [each["is_current"] for each in listed] == [False, False, True]
    assert {(each["signed_in_by"], each["address"]) for each in listed} == {("password", "192.0.2.7")}
    other = (await admins.get(f"{ME}/sessions")).json()["items"][0]["id"]
    unknown = await here.delete(f"{ME}/sessions/{other}")
    assert (unknown.status_code, code_of(unknown)) == (404, "session_unknown")
    [current] = [
        each["id"] for each in (await there.get(f"{ME}/sessions")).json()["items"] if each["is_current"]
    ]
    assert (await here.delete(f"{ME}/sessions/{current}")).status_code == 204
    assert (await there.get(ME)).status_code == 401
    assert (await here.delete(f"{ME}/sessions")).status_code == 204
    assert [(await each.get(ME)).status_code for each in (here, third, admins)] == [200, 401, 200]


async def test_a_session_makes_lasting_things_as_a_password_does(registry: Registry) -> None:
    client = await browser(registry)
    assert (await client.post(f"{ME}/keys", json={"name": "ci"})).status_code == 201
    assert (await client.post("/api/v1/tokens")).status_code == 201
