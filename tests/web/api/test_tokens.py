"""Bearer tokens of the API and temporary logins: what they may, what they make not, and what ends them."""

from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.web.api.reading import code_of
from tests.web.conftest import Serve
from tests.web.running import BOB, PASSWORD, Registry
from wherry.settings import AuthSettings

API = "/api/v1"
KEYS = f"{API}/me/keys"


def bearer(registry: Registry, token: str) -> httpx.AsyncClient:
    return registry.client(authorization=f"Bearer {token}")


async def token_of(client: httpx.AsyncClient, **body: Any) -> str:
    made = await client.post(f"{API}/tokens", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


async def temporary(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    made = await client.post(f"{API}/me/login-commands", json=body)
    assert made.status_code == 201, made.text
    document: dict[str, Any] = made.json()
    return document


async def test_a_token_may_what_its_user_may_at_both_faces(registry: Registry) -> None:
    client = bearer(registry, await token_of(registry.http))
    assert (await client.post(f"{API}/organizations", json={"name": "acme"})).status_code == 201
    assert (await client.get("/v2/")).status_code == 200
    opened = await client.post("/v2/acme/web/blobs/uploads/")
    assert opened.status_code == 202, opened.text
    bob = bearer(registry, await token_of(registry.client(BOB)))
    assert (await bob.get(f"{API}/organizations/acme")).status_code == 403
    assert (await bob.get("/v2/acme/web/tags/list")).status_code == 403


async def test_neither_a_token_nor_a_temporary_login_makes_what_outlives_it(registry: Registry) -> None:
    login = await temporary(registry.http)
    for client in (
        bearer(registry, await token_of(registry.http)),
        registry.client((login["user"], login["password"])),
    ):
        for path, body in (
            ("/tokens", {}),
            ("/me/login-commands", {}),
            ("/me/keys", {"name": "for ever"}),
        ):
            refused = await client.post(f"{API}{path}", json=body)
            assert (refused.status_code, code_of(refused)) == (403, "not_allowed"), path
        assert (await client.get(KEYS)).status_code == 200
    bought = await bearer(registry, await token_of(registry.http)).get("/token?scope=repository:a/b:pull")
    assert bought.status_code == 401


async def test_a_token_ends_by_itself(registry: Registry) -> None:
    client = bearer(registry, await token_of(registry.http, lifetime_seconds=60))
    registry.clock.move(seconds=59)
    assert (await client.get(KEYS)).status_code == 200
    registry.clock.move(seconds=1)
    ended = await client.get(KEYS)
    assert (ended.status_code, code_of(ended)) == (401, "not_logged_in")


async def test_a_token_ends_with_the_key_that_asked_for_it_and_keeps_its_limits(registry: Registry) -> None:
    scope = [{"resource": "acme", "level": "read"}]
    key = (await registry.http.post(KEYS, json={"name": "ci", "scope": scope})).json()
    program = registry.client((key["login"]["user"], key["login"]["password"]))
    client = bearer(registry, await token_of(program))
    assert (await client.post("/v2/beta/web/blobs/uploads/")).status_code == 403
    assert (await client.get(KEYS)).status_code == 200
    await registry.http.patch(f"{KEYS}/{key['id']}", json={"is_disabled": True})
    assert (await client.get(KEYS)).status_code == 401


async def test_a_token_of_a_user_who_is_gone_is_not_that_of_the_next_one(registry: Registry) -> None:
    """On SQLite they get the same id; here they even take the same name."""
    bob = registry.client(BOB)
    client = bearer(registry, await token_of(bob))
    puller = bearer(registry, (await bob.get("/token?service=wherry")).json()["token"])
    assert (await client.get(KEYS)).status_code == (await puller.get("/v2/")).status_code == 200
    users = f"{API}/users"
    assert (await registry.http.delete(f"{users}/bob")).status_code == 204
    registry.clock.move(seconds=5)
    made = await registry.http.post(users, json={"name": "bob", "password": PASSWORD})
    assert made.status_code == 201
    assert (await client.get(KEYS)).status_code == (await puller.get("/v2/")).status_code == 401


async def test_a_temporary_login_comes_with_its_commands_and_ends(registry: Registry) -> None:
    made = await temporary(registry.http, kind="temporary", lifetime_seconds=900)
    assert made["commands"]["docker"] == (
        f"docker login -u {made['user']} -p {made['password']} registry.example"
    )
    assert made["commands"]["skopeo"].startswith("skopeo login --tls-verify=false -u ")
    client = registry.client((made["user"], made["password"]))
    assert (await client.get("/v2/")).status_code == 200
    assert (await registry.http.get(KEYS)).json()["items"] == []
    registry.clock.move(seconds=900)
    assert (await client.get("/v2/")).status_code == 401


async def test_who_asks_for_no_time_gets_that_of_the_setting(serve: Serve) -> None:
    registry = await serve(auth=AuthSettings(temporary_login=timedelta(hours=1)))
    made = await temporary(registry.http)
    assert datetime.fromisoformat(made["expires_at"]) == registry.clock.now() + timedelta(hours=1)


async def test_lifetimes_have_limits_and_answers_are_repeated_without_the_secret(registry: Registry) -> None:
    for path, seconds in (("tokens", 59), ("tokens", 3601), ("me/login-commands", 899)):
        refused = await registry.http.post(f"{API}/{path}", json={"lifetime_seconds": seconds})
        assert (refused.status_code, code_of(refused)) == (422, "invalid_request")
    refused = await registry.http.post(f"{API}/me/login-commands", json={"kind": "for ever"})
    assert refused.status_code == 422
    for path, secret in (("tokens", "token"), ("me/login-commands", "password")):
        first, again = [
            (await registry.http.post(f"{API}/{path}", headers={"idempotency-key": path})).json()
            for _ in range(2)
        ]
        assert first[secret]
        assert again[secret] is None
        assert again["expires_at"] == first["expires_at"]
    assert (await registry.as_nobody.post(f"{API}/tokens")).status_code == 401
