"""Why one may and may not, over HTTP: about oneself, and about others for who may edit."""

from typing import Any

import pytest

from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry
from wherry.identity.access_keys import create_access_key
from wherry.identity.login_keys import login_key
from wherry.identity.users import Role, get_user, set_role

EXPLANATIONS = "/api/v1/explanations"
ACME = "/api/v1/organizations/acme"


@pytest.fixture
async def acme(registry: Registry) -> Registry:
    await registry.http.post("/api/v1/organizations", json={"name": "acme"})
    await registry.http.post(f"{ACME}/images", json={"image": "web"})
    return registry


async def why(client: Any, **query: str) -> Any:
    answer = await client.get(EXPLANATIONS, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_one_learns_why_oneself_may_and_may_not(acme: Registry) -> None:
    bob = acme.client(BOB)
    refused = await why(bob, action="image.pull", resource="acme/web")
    assert (refused["user"], refused["allowed"], refused["rights"]) == ("bob", False, [])
    assert (refused["reason"], refused["needs"]) == ("bob has no right on acme/web", "read")
    assert refused["says"].startswith("pull the image")
    await acme.http.put(f"{ACME}/permissions/users/bob", json={"level": "write"})
    allowed = await why(bob, action="image.push", resource="acme/web")
    assert (allowed["allowed"], allowed["resource"]) == (True, "image acme/web")
    assert allowed["rights"] == [
        {
            "source": "grant",
            "level": "write",
            "words": "write on the organization acme, given to bob",
            "suffices": True,
        }
    ]
    assert (await why(bob, action="audit.see"))["reason"] == "bob is no administrator"


async def test_the_reason_is_the_one_that_a_request_gets(acme: Registry) -> None:
    bob = acme.client(BOB)
    await acme.http.put(f"{ACME}/permissions/users/bob", json={"level": "read"})
    told = await why(bob, action="image.publish", resource="acme/web")
    refused = await bob.put(f"{ACME}/images/web/visibility", json={"is_public": True})
    assert refused.json()["detail"] == told["reason"]


async def test_others_are_explained_to_who_may_edit_and_to_auditors(acme: Registry) -> None:
    bob = acme.client(BOB)
    for on, resource in ((ACME, "acme"), (f"{ACME}/images/web", "acme/web")):
        query = {"user": "admin", "action": "image.pull", "resource": resource}
        for level in ("read", "write"):
            await acme.http.put(f"{on}/permissions/users/bob", json={"level": level})
            refused = await bob.get(EXPLANATIONS, params=query)
            assert (refused.status_code, code_of(refused)) == (403, "not_allowed")
        await acme.http.put(f"{on}/permissions/users/bob", json={"level": "edit"})
        assert (await why(bob, **query))["reason"] == "admin is an administrator"
        unknown = await bob.get(EXPLANATIONS, params={**query, "user": "nobody"})
        assert (unknown.status_code, code_of(unknown)) == (404, "user_unknown")
        await acme.http.delete(f"{on}/permissions/users/bob")
    assert (await bob.get(EXPLANATIONS, params={"user": "admin", "action": "audit.see"})).status_code == 403
    await acme.database.write(lambda tx: set_role(tx, "bob", Role.AUDITOR))
    assert (await why(bob, user="admin", action="audit.see"))["allowed"] is True
    assert (await why(bob, user="admin", action="image.pull", resource="acme/web"))["allowed"] is True


async def test_who_comes_by_a_key_learns_what_the_key_may(acme: Registry) -> None:
    now, sealer = acme.clock.now(), acme.wired.api.sealer
    scope = {"acme/web": 1}
    key = await acme.database.write(
        lambda tx: create_access_key(tx, sealer, get_user(tx, "admin").id, "ci", now, scope=scope)
    )
    by_key = acme.client((f"local@{key.id}", login_key(key.id, key.secret)))
    told = await why(by_key, action="image.push", resource="acme/web")
    assert (told["key"], told["allowed"]) == (key.id, False)
    assert told["reason"] == f"the access key {key.id} is not for write on acme/web"
    same = await why(acme.http, action="image.push", resource="acme/web", key=key.id)
    assert same == told
    assert (await why(acme.http, action="image.push", resource="acme/web"))["allowed"] is True
    other = await why(acme.client(BOB), action="image.pull", resource="acme/web", key=key.id)
    assert other["reason"] == f"the access key {key.id} is not one of bob"


async def test_what_cannot_be_explained_is_said_in_words(acme: Registry) -> None:
    for query, status, code in (
        ({}, 422, "invalid_request"),
        ({"action": "image.eat", "resource": "acme/web"}, 422, "invalid_request"),
        ({"action": "image.pull"}, 422, "wrong_resource"),
        ({"action": "audit.see", "resource": "acme"}, 422, "wrong_resource"),
        ({"action": "image.pull", "resource": "acme//web"}, 422, "invalid_name"),
        ({"action": "audit.see", "key": "NOSUCHKEY"}, 404, "access_key_unknown"),
    ):
        refused = await acme.http.get(EXPLANATIONS, params=query)
        assert (refused.status_code, code_of(refused)) == (status, code), query
