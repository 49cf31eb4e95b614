"""Organizations over HTTP: made, listed, shown, deleted; and what every resource of this API keeps to."""

import asyncio

from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry

ORGANIZATIONS = "/api/v1/organizations"


async def test_an_organization_is_made_shown_and_deleted(registry: Registry) -> None:
    made = await registry.http.post(ORGANIZATIONS, json={"name": "acme"})
    assert (made.status_code, made.headers["location"]) == (201, f"{ORGANIZATIONS}/acme")
    shown = await registry.http.get(f"{ORGANIZATIONS}/acme")
    assert shown.json() == made.json()
    assert shown.headers["etag"] == made.headers["etag"]
    assert (shown.json()["creator"], shown.json()["my_level"]) == ("admin", "edit")
    assert (await registry.http.delete(f"{ORGANIZATIONS}/acme")).status_code == 204
    gone = await registry.http.get(f"{ORGANIZATIONS}/acme")
    assert (gone.status_code, code_of(gone)) == (404, "organization_unknown")


async def test_a_list_comes_in_pages(registry: Registry) -> None:
    for name in ("c", "a", "b"):
        await registry.http.post(ORGANIZATIONS, json={"name": name})
    first = await registry.http.get(ORGANIZATIONS, params={"limit": 2})
    assert [each["name"] for each in first.json()["items"]] == ["a", "b"]
    following = first.links["next"]["url"]
    second = await registry.http.get(following)
    assert ([each["name"] for each in second.json()["items"]], second.json()["next"]) == (["c"], None)


async def test_one_sees_what_one_has_a_right_on(registry: Registry) -> None:
    bob = registry.client(BOB)
    await registry.http.post(ORGANIZATIONS, json={"name": "acme"})
    await bob.post(ORGANIZATIONS, json={"name": "bobs"})
    assert [each["name"] for each in (await bob.get(ORGANIZATIONS)).json()["items"]] == ["bobs"]
    refused = await bob.get(f"{ORGANIZATIONS}/acme")
    assert (refused.status_code, code_of(refused)) == (403, "not_allowed")
    assert (await registry.as_nobody.get(ORGANIZATIONS)).status_code == 401


async def test_a_change_of_another_version_is_refused(registry: Registry) -> None:
    await registry.http.post(ORGANIZATIONS, json={"name": "acme"})
    late = await registry.http.delete(f"{ORGANIZATIONS}/acme", headers={"if-match": '"0"'})
    assert (late.status_code, code_of(late)) == (412, "changed_meanwhile")
    seen = (await registry.http.get(f"{ORGANIZATIONS}/acme")).headers["etag"]
    done = await registry.http.delete(f"{ORGANIZATIONS}/acme", headers={"if-match": seen})
    assert done.status_code == 204


async def test_a_request_with_a_key_is_done_once(registry: Registry) -> None:
    key = {"idempotency-key": "k-1"}
    first = await registry.http.post(ORGANIZATIONS, json={"name": "acme"}, headers=key)
    again = await registry.http.post(ORGANIZATIONS, json={"name": "acme"}, headers=key)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    other = await registry.http.post(ORGANIZATIONS, json={"name": "beta"}, headers=key)
    assert (other.status_code, code_of(other)) == (422, "idempotency_key_reused")
    twice = await registry.http.post(ORGANIZATIONS, json={"name": "acme"})
    assert (twice.status_code, code_of(twice)) == (409, "organization_exists")


async def test_what_is_wrong_is_said_in_words(registry: Registry) -> None:
    for body, code in (
        ({"name": "Bad Name"}, "invalid_organization_name"),
        ({"name": "manage"}, "organization_reserved"),
        ({}, "invalid_request"),
        ({"name": "acme", "colour": "red"}, "invalid_request"),
        ([], "invalid_request"),
    ):
        refused = await registry.http.post(ORGANIZATIONS, json=body)
        assert (refused.status_code, code_of(refused)) == (422, code), body
    unread = await registry.http.post(
        ORGANIZATIONS, content=b"{", headers={"content-type": "application/json"}
    )
    assert (unread.status_code, code_of(unread)) == (422, "invalid_request")
    for query in ("?limit=0", "?limit=x", "?cursor=%21", "?colour=red"):
        assert (await registry.http.get(ORGANIZATIONS + query)).status_code == 422, query
    assert (await registry.http.get("/api/v1/nothing")).status_code == 404
    assert (await registry.http.put(ORGANIZATIONS)).headers["allow"] == "GET, POST"


async def test_an_answer_in_pieces_leaves_the_server_free(registry: Registry) -> None:
    """Starlette listens for the client's end while it sends; that must wait, not spin."""
    async with asyncio.timeout(30):
        exported = await registry.http.get("/api/v1/audit/export", params={"format": "jsonl"})
    assert exported.status_code == 200
