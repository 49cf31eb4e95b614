"""The token endpoint and what its tokens open; challenges that lead there."""

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from tests.registry.contents import image, index
from tests.web.conftest import Serve
from tests.web.running import ADMIN, BOB, PASSWORD, Registry, code_of
from wherry.identity.users import Role, set_disabled, set_password, set_role
from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import set_public
from wherry.settings import AuthSettings, Challenge

WEB = "/v2/acme/web/manifests/1.0"
PULL = "repository:acme/web:pull"
PUSH = "repository:acme/web:pull,push"


@pytest.fixture
async def filled(registry: Registry) -> Registry:
    await registry.push_manifest("acme/web", index([]), "1.0")
    return registry


async def token(client: httpx.AsyncClient, *scopes: str) -> dict[str, Any]:
    answer = await client.get(
        "/token", params=[("service", "wherry"), *(("scope", scope) for scope in scopes)]
    )
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    document: dict[str, Any] = answer.json()
    return document


async def bearer(registry: Registry, client: httpx.AsyncClient, *scopes: str) -> httpx.AsyncClient:
    return registry.client(authorization=f"Bearer {(await token(client, *scopes))['token']}")


async def test_a_challenge_leads_to_a_token_that_opens(filled: Registry) -> None:
    refused = await filled.as_nobody.get(WEB)
    assert refused.headers["www-authenticate"] == (
        f'Bearer realm="http://registry.example/token",service="wherry",scope="{PULL}"'
    )
    opened = await bearer(filled, filled.http, PULL)
    assert (await opened.get(WEB)).status_code == 200


async def test_a_token_says_what_it_is(filled: Registry) -> None:
    document = await token(filled.http, PUSH)
    assert document["access_token"] == document["token"]
    assert document["token_type"] == "Bearer"
    assert document["expires_in"] == 300
    assert document["issued_at"] == "2026-03-14T15:09:26Z"
    assert document["scope"] == PUSH


async def test_a_token_grants_what_was_asked_and_no_more(filled: Registry) -> None:
    pulls = await bearer(filled, filled.http, PULL)
    answer = await pulls.put("/v2/acme/web/manifests/2.0", content=index([]))
    assert answer.status_code == 401
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert f'scope="{PUSH}"' in answer.headers["www-authenticate"]
    assert (await pulls.get("/v2/acme/api/manifests/1.0")).status_code == 401
    assert (await pulls.get("/v2/_catalog")).status_code == 401
    assert (await pulls.get("/v2/")).status_code == 200


async def test_every_scope_counts_and_one_value_may_hold_many(filled: Registry) -> None:
    await filled.push_manifest("acme/api", index([]), "1.0")
    for scopes in ((PULL, "repository:acme/api:pull"), (f"{PULL} repository:acme/api:pull",)):
        both = await bearer(filled, filled.http, *scopes)
        assert (await both.get(WEB)).status_code == 200
        assert (await both.get("/v2/acme/api/manifests/1.0")).status_code == 200


async def test_deleting_and_the_catalog_have_scopes_of_their_own(filled: Registry) -> None:
    pushes = await bearer(filled, filled.http, PUSH)
    assert (await pushes.delete(WEB)).status_code == 401
    deletes = await bearer(filled, filled.http, "repository:acme/web:delete")
    assert (await deletes.delete(WEB)).status_code == 202
    lists = await bearer(filled, filled.http, "registry:catalog:*")
    assert (await lists.get("/v2/_catalog")).status_code == 200


async def test_asking_for_too_much_is_no_error_and_gives_no_more_than_one_may(filled: Registry) -> None:
    document = await token(filled.client(BOB), PUSH, "nonsense", "repository:UPPER:pull", "a:b:c:d")
    assert document["scope"] == ""
    refused = await filled.client(authorization=f"Bearer {document['token']}").get(WEB)
    assert (refused.status_code, code_of(refused)) == (403, "DENIED")


async def test_nobody_gets_a_token_for_what_is_public(filled: Registry) -> None:
    anonymous = await bearer(filled, filled.as_nobody, PUSH)
    assert (await anonymous.get(WEB)).status_code == 401
    await filled.database.write(lambda tx: set_public(tx, RepositoryName("acme/web"), True))
    assert (await token(filled.as_nobody, PUSH))["scope"] == PULL
    assert (await anonymous.get(WEB)).status_code == 200
    assert (await anonymous.put(WEB, content=index([]))).status_code == 401


async def test_a_token_does_not_buy_another_one(filled: Registry) -> None:
    pulls = await bearer(filled, filled.http, PULL)
    answer = await pulls.get("/token", params={"scope": PUSH})
    assert (answer.status_code, code_of(answer)) == (401, "UNAUTHORIZED")


async def test_a_token_ends(filled: Registry) -> None:
    pulls = await bearer(filled, filled.http, PULL)
    filled.clock.move(minutes=4, seconds=59)
    assert (await pulls.get(WEB)).status_code == 200
    filled.clock.move(seconds=1)
    answer = await pulls.get(WEB)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_a_users_rights_are_those_of_now(filled: Registry) -> None:
    """A token says what was asked for; whether its user may is asked at each request."""
    pulls = await bearer(filled, filled.http, PULL)
    await filled.database.write(lambda tx: set_role(tx, "bob", Role.ADMIN))  # somebody is left
    await filled.database.write(lambda tx: set_disabled(tx, "admin", True))
    assert (await pulls.get(WEB)).status_code == 401
    assert (await filled.http.get(WEB)).status_code == 401
    await filled.database.write(lambda tx: set_disabled(tx, "admin", False))
    assert (await pulls.get(WEB)).status_code == 200


async def test_an_old_password_ends_at_once(filled: Registry) -> None:
    assert (await filled.http.get("/v2/")).status_code == 200
    await filled.database.write(lambda tx: set_password(tx, "admin", "not a hash"))
    assert (await filled.http.get("/v2/")).status_code == 401


async def test_the_oauth2_form(filled: Registry) -> None:
    form = {"grant_type": "password", "username": "admin", "password": PASSWORD, "scope": PULL}
    answer = await filled.as_nobody.post("/token", data={**form, "service": "wherry", "client_id": "test"})
    assert answer.status_code == 200
    opened = filled.client(authorization=f"Bearer {answer.json()['access_token']}")
    assert (await opened.get(WEB)).status_code == 200


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "password", "username": "admin", "password": "wrong"}, 401),
        ({"grant_type": "password", "username": "admin\0", "password": PASSWORD}, 401),
        ({"grant_type": "password"}, 401),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 400),
        ({}, 400),
        ({"padding": "x" * 70_000}, 413),
    ],
)
async def test_a_form_that_gets_no_token(
    registry_on_both: Registry, form: dict[str, str], status: int
) -> None:
    answer = await registry_on_both.as_nobody.post("/token", data=form)
    assert answer.status_code == status
    code_of(answer)


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        "Basic YWRtaW4=",  # admin, no colon
        "Basic " + "gIA6eA==",  # no UTF-8
        "Bearer",
        "Bearer x.y.z",
        "Bearer " + "a" * 20_000,
        "Digest username=admin",
        "",
    ],
)
async def test_credentials_that_are_none_are_refused_never_ignored(filled: Registry, header: str) -> None:
    await filled.database.write(lambda tx: set_public(tx, RepositoryName("acme/web"), True))
    answer = await filled.client(authorization=header).get(WEB)
    assert (answer.status_code, code_of(answer)) == (401, "UNAUTHORIZED")


async def test_a_zero_byte_in_a_user_name(registry_on_both: Registry) -> None:
    assert (await registry_on_both.client(("ad\0min", PASSWORD)).get("/v2/")).status_code == 401


async def test_the_challenge_for_basic_is_a_setting(serve: Serve) -> None:
    registry = await serve(auth=AuthSettings(challenge=Challenge.BASIC))
    answer = await registry.as_nobody.get("/v2/")
    assert answer.headers["www-authenticate"] == 'Basic realm="wherry", charset="UTF-8"'
    opened = await bearer(registry, registry.http)
    assert (await opened.get("/v2/")).status_code == 200  # both kinds are always accepted


async def test_guessing_is_slowed_down_and_harms_nobody_at_work(serve: Serve) -> None:
    registry = await serve(auth=AuthSettings(login_attempts=3, login_window=timedelta(minutes=1)))
    assert (await registry.http.get("/v2/")).status_code == 200
    guesser = registry.client(("admin", "wrong"))
    assert [(await guesser.get("/v2/")).status_code for _ in range(4)] == [401, 401, 401, 429]
    refused = await guesser.get("/v2/")
    assert (code_of(refused), refused.headers["retry-after"]) == ("TOOMANYREQUESTS", "60")
    assert (await registry.client(BOB).get("/v2/")).status_code == 429  # from the same address
    assert (await registry.http.get("/v2/")).status_code == 200  # was right before
    registry.clock.move(minutes=1)
    assert (await registry.client(BOB).get("/v2/")).status_code == 200


async def test_clients_of_a_trusted_proxy_are_told_apart(serve: Serve) -> None:
    registry = await serve(auth=AuthSettings(login_attempts=1), trusted_proxies=(ip_network("192.0.2.0/24"),))
    guesser = registry.client(("eve", "wrong"), **{"x-forwarded-for": "198.51.100.1"})
    assert [(await guesser.get("/v2/")).status_code for _ in range(2)] == [401, 429]
    other = registry.client(ADMIN, **{"x-forwarded-for": "198.51.100.1, 203.0.113.9"})
    assert (await other.get("/v2/")).status_code == 200


async def test_an_image_pushed_with_a_token(filled: Registry) -> None:
    pushes = await bearer(filled, filled.http, PUSH)
    for blob in (b"{}", b"layer"):
        answer = await pushes.post(f"/v2/acme/web/blobs/uploads/?digest={Digest.of(blob)}", content=blob)
        assert answer.status_code == 201
    assert (await pushes.put("/v2/acme/web/manifests/2.0", content=image())).status_code == 201
