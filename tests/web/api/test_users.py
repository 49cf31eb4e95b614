"""Users of the site over HTTP: administrators make, invite, change and delete them."""

from typing import Any

import pytest

from tests.web.api.reading import code_of
from tests.web.running import BOB, PASSWORD, Registry
from wherry.identity.users import Role, set_role

USERS, LINKS = "/api/v1/users", "/api/v1/links"
NEW = "another password"


async def test_a_user_is_made_changed_and_deleted(registry_on_both: Registry) -> None:
    registry = registry_on_both
    made = await registry.http.post(USERS, json={"name": "ann", "password": PASSWORD})
    assert (made.status_code, made.headers["location"]) == (201, f"{USERS}/ann")
    assert (made.json()["role"], made.json()["has_password"], made.json()["invitation"]) == (
        "user",
        True,
        None,
    )
    ann = registry.client(("ann", PASSWORD))
    assert (await ann.get("/api/v1/me")).status_code == 200
    assert (await ann.get(USERS)).status_code == 403
    changed = await registry.http.patch(f"{USERS}/ann", json={"role": "auditor"})
    assert changed.json()["role"] == "auditor"
    assert (await ann.get(USERS)).status_code == 200
    assert (await ann.post(USERS, json={"name": "eve"})).status_code == 403
    await registry.http.patch(f"{USERS}/ann", json={"is_disabled": True})
    assert (await ann.get("/api/v1/me")).status_code == 401
    shown = await registry.http.get(f"{USERS}/ann")
    assert (shown.json()["is_disabled"], shown.json()["role"]) == (True, "auditor")
    late = await registry.http.delete(f"{USERS}/ann", headers={"if-match": changed.headers["etag"]})
    assert (late.status_code, code_of(late)) == (412, "changed_meanwhile")
    assert (await registry.http.delete(f"{USERS}/ann")).status_code == 204
    gone = await registry.http.get(f"{USERS}/ann")
    assert (gone.status_code, code_of(gone)) == (404, "user_unknown")


async def test_users_are_listed_in_pages_and_filtered(registry_on_both: Registry) -> None:
    registry = registry_on_both
    for name, role in (("ann", "auditor"), ("carol", "user"), ("dora", "admin")):
        await registry.http.post(USERS, json={"name": name, "role": role, "password": PASSWORD})
    await registry.http.patch(f"{USERS}/carol", json={"is_disabled": True})

    async def names(**query: Any) -> list[str]:
        return [each["name"] for each in (await registry.http.get(USERS, params=query)).json()["items"]]

    first = await registry.http.get(USERS, params={"limit": 3})
    assert [each["name"] for each in first.json()["items"]] == ["admin", "ann", "bob"]
    second = (await registry.http.get(first.links["next"]["url"])).json()
    assert ([each["name"] for each in second["items"]], second["next"]) == (["carol", "dora"], None)
    assert await names(role="admin") == ["admin", "dora"]
    assert await names(role="auditor") == ["ann"]
    assert await names(role="user", is_disabled="false") == ["bob"]
    assert await names(contains="A", is_disabled="true") == ["carol"]
    for query in ("role=root", "colour=red", "contains=%00"):
        assert (await registry.http.get(f"{USERS}?{query}")).status_code == 422


async def test_somebody_is_invited_and_sets_a_password_once(registry: Registry) -> None:
    made = (await registry.http.post(USERS, json={"name": "ann", "role": "auditor"})).json()
    link = made["invitation"]
    assert (made["has_password"], link["user"], link["purpose"]) == (False, "ann", "invitation")
    assert link["url"] == f"http://registry.example/console/links/{link['token']}"
    nobody = registry.as_nobody
    short = await nobody.post(f"{LINKS}/{link['token']}", json={"password": "short"})
    assert (short.status_code, code_of(short)) == (422, "invalid_password")
    used = await nobody.post(f"{LINKS}/{link['token']}", json={"password": NEW})
    assert (used.status_code, used.json()) == (200, {"user": "ann"})
    assert (await registry.client(("ann", NEW)).get("/api/v1/me")).json()["role"] == "auditor"
    again = await nobody.post(f"{LINKS}/{link['token']}", json={"password": NEW})
    assert (again.status_code, code_of(again)) == (404, "invalid_link")
    twice = await registry.http.post(f"{USERS}/ann/invitation")
    assert (twice.status_code, code_of(twice)) == (409, "has_password")


async def test_a_reset_link_sets_another_password_and_the_old_one_holds_until_then(
    registry: Registry,
) -> None:
    answer = await registry.http.post(f"{USERS}/bob/reset-link", json={"lifetime_seconds": 3600})
    link = answer.json()
    assert (answer.status_code, link["purpose"]) == (201, "reset")
    assert (await registry.client(BOB).get("/api/v1/me")).status_code == 200
    await registry.as_nobody.post(f"{LINKS}/{link['token']}", json={"password": NEW})
    assert (await registry.client(BOB).get("/api/v1/me")).status_code == 401
    late = (await registry.http.post(f"{USERS}/bob/reset-link", json={"lifetime_seconds": 3600})).json()
    registry.clock.move(hours=1)
    ended = await registry.as_nobody.post(f"{LINKS}/{late['token']}", json={"password": NEW})
    assert (ended.status_code, code_of(ended)) == (404, "invalid_link")
    for body in ({"lifetime_seconds": 1}, {"lifetime_seconds": 604_801}):
        assert (await registry.http.post(f"{USERS}/bob/reset-link", json=body)).status_code == 422


async def test_a_repeated_request_does_not_tell_a_link_again(registry: Registry) -> None:
    key = {"idempotency-key": "k"}
    first = await registry.http.post(USERS, json={"name": "ann"}, headers=key)
    again = await registry.http.post(USERS, json={"name": "ann"}, headers=key)
    assert (again.status_code, again.json()["invitation"]) == (201, None)
    assert first.json()["invitation"]["token"]
    link, repeated = [
        (await registry.http.post(f"{USERS}/ann/invitation", headers={"idempotency-key": "l"})).json()
        for _ in range(2)
    ]
    assert (repeated["token"], repeated["url"]) == (None, None)
    assert repeated["expires_at"] == link["expires_at"]


async def test_an_administrator_sets_a_password(registry: Registry) -> None:
    done = await registry.http.put(f"{USERS}/bob/password", json={"password": NEW})
    assert done.status_code == 204
    assert (await registry.client(("bob", NEW)).get("/api/v1/me")).status_code == 200
    refused = await registry.client(("bob", NEW)).put(f"{USERS}/admin/password", json={"password": NEW})
    assert (refused.status_code, code_of(refused)) == (403, "not_allowed")


@pytest.mark.parametrize("body", [{"role": "user"}, {"is_disabled": True}])
async def test_somebody_is_left_who_can_let_others_in(registry: Registry, body: dict[str, Any]) -> None:
    refused = await registry.http.patch(f"{USERS}/admin", json=body)
    assert (refused.status_code, code_of(refused)) == (409, "last_administrator")
    assert (await registry.http.delete(f"{USERS}/admin")).status_code == 409
    await registry.database.write(lambda tx: set_role(tx, "bob", Role.ADMIN))
    assert (await registry.http.patch(f"{USERS}/admin", json=body)).status_code == 200


async def test_what_is_wrong_with_a_user_is_said(registry: Registry) -> None:
    for body, status, code in (
        ({"name": "a b"}, 422, "invalid_user_name"),
        ({"name": "acme+ci"}, 422, "invalid_user_name"),
        ({"name": "ann", "password": "short"}, 422, "invalid_password"),
        ({"name": "ann", "role": "root"}, 422, "invalid_request"),
        ({"name": "bob"}, 409, "user_exists"),
    ):
        refused = await registry.http.post(USERS, json=body)
        assert (refused.status_code, code_of(refused)) == (status, code), body
    for path in ("nobody", "nobody/keys", "%00"):
        assert (await registry.http.get(f"{USERS}/{path}")).status_code in (400, 404)


async def test_an_administrator_sees_and_ends_the_keys_of_others(registry: Registry) -> None:
    made = (await registry.client(BOB).post("/api/v1/me/keys", json={"name": "ci"})).json()
    keys = f"{USERS}/bob/keys"
    listed = await registry.http.get(keys)
    assert [each["id"] for each in listed.json()["items"]] == [made["id"]]
    assert made["secret"] not in listed.text
    assert (await registry.http.get(f"{USERS}/admin/keys/{made['id']}")).status_code == 404
    await registry.http.patch(f"{keys}/{made['id']}", json={"is_disabled": True})
    program = registry.client((made["login"]["user"], made["login"]["password"]))
    assert (await program.get("/v2/")).status_code == 401
    assert (await registry.http.delete(f"{keys}/{made['id']}")).status_code == 204
    assert (await registry.client(BOB).get(keys)).status_code == 403
    assert (await registry.http.post(keys, json={"name": "ci"})).status_code == 405
