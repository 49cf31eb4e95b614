"""Images over HTTP: listed as each one may see them, made, changed, published, deleted."""

import pytest

from tests.registry.contents import index
from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry

IMAGES = "/api/v1/organizations/acme/images"


@pytest.fixture
async def acme(registry_on_both: Registry) -> Registry:
    """With an organization."""
    await registry_on_both.http.post("/api/v1/organizations", json={"name": "acme"})
    return registry_on_both


async def _grant(registry: Registry, level: str, on: str) -> None:
    answer = await registry.http.put(f"/api/v1/{on}/permissions/users/bob", json={"level": level})
    assert answer.status_code == 200, answer.text


async def test_an_image_is_made_shown_changed_and_deleted(acme: Registry) -> None:
    body = {"image": "web/api", "category": "database", "description": "first"}
    made = await acme.http.post(IMAGES, json=body)
    assert (made.status_code, made.headers["location"]) == (201, f"{IMAGES}/web$api")
    document = made.json()
    assert (document["name"], document["organization"], document["image"]) == (
        "acme/web/api",
        "acme",
        "web/api",
    )
    assert (document["category"], document["is_public"], document["creator"]) == ("database", False, "admin")
    assert (document["tag_count"], document["size"], document["my_level"]) == (0, 0, "edit")
    for spelled in ("web$api", "web%2Fapi", "web%2fapi"):
        assert (await acme.http.get(f"{IMAGES}/{spelled}")).json() == document
    changed = await acme.http.patch(f"{IMAGES}/web$api", json={"description": "second"})
    assert changed.json() == document | {"description": "second"}
    assert (await acme.http.delete(f"{IMAGES}/web$api")).status_code == 204
    gone = await acme.http.get(f"{IMAGES}/web$api")
    assert (gone.status_code, code_of(gone)) == (404, "repository_unknown")


async def test_a_push_shows_in_tags_size_and_time(acme: Registry) -> None:
    await acme.http.post(IMAGES, json={"image": "web"})
    acme.clock.move(hours=1)
    await acme.push_manifest("acme/web", index([]), "1.0")
    document = (await acme.http.get(f"{IMAGES}/web")).json()
    assert document["tag_count"] == 1
    assert document["updated_at"] > document["created_at"]


async def test_only_what_was_read_is_changed(acme: Registry) -> None:
    seen = (await acme.http.post(IMAGES, json={"image": "web"})).headers["etag"]
    stale = {"if-match": seen}
    assert (await acme.http.patch(f"{IMAGES}/web", json={"description": "x"}, headers=stale)).is_success
    for refused in (
        await acme.http.patch(f"{IMAGES}/web", json={"description": "y"}, headers=stale),
        await acme.http.put(f"{IMAGES}/web/visibility", json={"is_public": True}, headers=stale),
        await acme.http.delete(f"{IMAGES}/web", headers=stale),
    ):
        assert (refused.status_code, code_of(refused)) == (412, "changed_meanwhile")
    assert (await acme.http.get(f"{IMAGES}/web")).json()["description"] == "x"


async def test_write_changes_words_and_edit_publishes(acme: Registry) -> None:
    await acme.http.post(IMAGES, json={"image": "web"})
    bob = acme.client(BOB)
    await _grant(acme, "write", "organizations/acme/images/web")
    assert (await bob.patch(f"{IMAGES}/web", json={"category": "linux"})).is_success
    refused = await bob.put(f"{IMAGES}/web/visibility", json={"is_public": True})
    assert (refused.status_code, code_of(refused)) == (403, "not_allowed")
    assert "takes edit" in refused.json()["detail"]
    assert (await bob.delete(f"{IMAGES}/web")).status_code == 403
    await _grant(acme, "edit", "organizations/acme/images/web")
    published = await bob.put(f"{IMAGES}/web/visibility", json={"is_public": True})
    assert published.json()["is_public"] is True
    assert (await acme.as_nobody.get(f"{IMAGES}/web")).json()["my_level"] is None


async def test_who_may_write_makes_private_images_only(acme: Registry) -> None:
    bob = acme.client(BOB)
    assert (await bob.post(IMAGES, json={"image": "web"})).status_code == 403
    await _grant(acme, "write", "organizations/acme")
    assert (await bob.post(IMAGES, json={"image": "web"})).status_code == 201
    refused = await bob.post(IMAGES, json={"image": "open", "is_public": True})
    assert (refused.status_code, code_of(refused)) == (403, "not_allowed")
    twice = await bob.post(IMAGES, json={"image": "web"})
    assert (twice.status_code, code_of(twice)) == (409, "repository_exists")


async def test_what_is_wrong_with_an_image_is_said_in_words(acme: Registry) -> None:
    for body, code in (
        ({"image": "Web"}, "invalid_name"),
        ({"image": "web", "category": "cars"}, "invalid_request"),
        ({"image": "web", "description": "x" * 30_001}, "invalid_request"),
        ({"image": "web", "description": "zero\0"}, "invalid_request"),
        ({"image": "web", "is_public": 1}, "invalid_request"),
        ({}, "invalid_request"),
    ):
        refused = await acme.http.post(IMAGES, json=body)
        assert (refused.status_code, code_of(refused)) == (422, code), body
    absent = await acme.http.post("/api/v1/organizations/other/images", json={"image": "web"})
    assert (absent.status_code, code_of(absent)) == (404, "organization_unknown")
    for query in ("level=own", "category=cars", "is_public=perhaps", "organization=A%00"):
        assert (await acme.http.get(f"/api/v1/images?{query}")).status_code == 422, query


async def test_each_sees_theirs_what_is_shared_and_what_is_public(acme: Registry) -> None:
    bob = acme.client(BOB)
    await bob.post("/api/v1/organizations", json={"name": "bobs"})
    await bob.post("/api/v1/organizations/bobs/images", json={"image": "own"})
    for image in ("granted", "open", "secret", "shared"):
        await acme.http.post(IMAGES, json={"image": image, "is_public": image == "open"})
    await _grant(acme, "write", "organizations/acme/images/granted")
    assert (await acme.http.put(f"{IMAGES}/shared/shares/bobs", json={})).is_success

    async def seen(**query: str) -> list[tuple[str, str | None, bool]]:
        listed = (await bob.get("/api/v1/images", params=query)).json()["items"]
        return [(each["name"], each["my_level"], each["shared_with_me"]) for each in listed]

    own, granted = ("bobs/own", "edit", False), ("acme/granted", "write", False)
    public, shared = ("acme/open", None, False), ("acme/shared", "read", True)
    assert await seen() == [granted, public, shared, own]
    assert await seen(organization="bobs") == [own]
    assert await seen(contains="S/") == [own]
    assert await seen(contains="ed", level="read") == [granted, shared]
    assert await seen(level="write") == [granted, own]
    assert await seen(is_public="true") == [public]
    assert await seen(category="linux") == []
    listed = (await bob.get(IMAGES)).json()["items"]
    assert [each["name"] for each in listed] == ["acme/granted", "acme/open", "acme/shared"]
    assert len((await acme.http.get("/api/v1/images")).json()["items"]) == 5
    assert (await bob.get("/api/v1/organizations/nowhere/images")).json()["items"] == []
    assert (await acme.http.get("/api/v1/organizations/nowhere/images")).status_code == 404


async def test_pages_follow_one_another_without_gap_or_overlap(acme: Registry) -> None:
    for number in range(7):
        category = "linux" if number % 2 else "other"
        await acme.http.post(IMAGES, json={"image": f"web-{number}", "category": category})
    for query in ({}, {"category": "linux"}, {"contains": "web"}, {"organization": "acme"}):
        whole = (await acme.http.get("/api/v1/images", params=query)).json()
        assert whole["next"] is None
        names: list[str] = []
        address = str(acme.http.build_request("GET", "/api/v1/images", params=query).url)
        while address:
            answer = await acme.http.get(address, params=None if names else {**query, "limit": 2})
            names += [each["name"] for each in answer.json()["items"]]
            address = answer.links.get("next", {}).get("url", "")
        assert names == [each["name"] for each in whole["items"]]


async def test_a_creation_under_a_key_is_done_once(acme: Registry) -> None:
    key = {"idempotency-key": "once"}
    first = await acme.http.post(IMAGES, json={"image": "web"}, headers=key)
    again = await acme.http.post(IMAGES, json={"image": "web"}, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
