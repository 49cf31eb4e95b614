"""Sharing over HTTP: with whom, until when, and what reaches oneself."""

from datetime import timedelta

import pytest

from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry

WEB = "/api/v1/organizations/acme/images/web"


@pytest.fixture
async def acme(registry_on_both: Registry) -> Registry:
    """An image of `acme`, and bob's organization `bobs`."""
    http = registry_on_both.http
    await http.post("/api/v1/organizations", json={"name": "acme"})
    await http.post("/api/v1/organizations/acme/images", json={"image": "web"})
    await registry_on_both.client(BOB).post("/api/v1/organizations", json={"name": "bobs"})
    return registry_on_both


async def test_a_share_reaches_who_has_a_right_on_the_other_organization(acme: Registry) -> None:
    bob = acme.client(BOB)
    assert (await bob.get(WEB)).status_code == 403
    made = await acme.http.put(f"{WEB}/shares/bobs", json={"description": "for the demo"})
    assert made.json()["description"] == "for the demo"
    assert (made.json()["deadline"], made.json()["is_valid"], made.json()["creator"]) == (None, True, "admin")
    assert (await bob.get(WEB)).json()["my_level"] == "read"
    assert (await bob.get("/api/v1/shared-images")).json()["items"] == [made.json()]
    assert (await acme.http.get("/api/v1/shared-images")).json()["items"] == []
    assert (await acme.http.delete(f"{WEB}/shares/bobs")).status_code == 204
    assert (await bob.get(WEB)).status_code == 403
    assert code_of(await acme.http.get(f"{WEB}/shares/bobs")) == "share_unknown"


async def test_a_share_ends_with_its_deadline_and_can_be_prolonged(acme: Registry) -> None:
    bob, until = acme.client(BOB), acme.clock.now() + timedelta(hours=1)
    made = await acme.http.put(f"{WEB}/shares/bobs", json={"deadline": until.isoformat()})
    assert made.json()["deadline"] == until.isoformat().replace("+00:00", "Z")
    acme.clock.move(hours=2)
    assert (await bob.get("/api/v1/shared-images")).json()["items"] == []
    assert (await bob.get(WEB)).status_code == 403
    (expired,) = (await acme.http.get(f"{WEB}/shares")).json()["items"]
    assert expired["is_valid"] is False
    assert (await acme.http.put(f"{WEB}/shares/bobs", json={})).json()["is_valid"] is True
    assert (await bob.get(WEB)).status_code == 200


async def test_a_share_that_changed_meanwhile_is_not_overwritten(acme: Registry) -> None:
    seen = (await acme.http.put(f"{WEB}/shares/bobs", json={})).headers["etag"]
    changed = await acme.http.put(f"{WEB}/shares/bobs", json={"description": "x"}, headers={"if-match": seen})
    assert changed.status_code == 200
    for late in (
        await acme.http.put(f"{WEB}/shares/bobs", json={}, headers={"if-match": seen}),
        await acme.http.delete(f"{WEB}/shares/bobs", headers={"if-match": seen}),
        await acme.http.put(f"{WEB}/shares/none", json={}, headers={"if-match": seen}),
    ):
        assert (late.status_code, code_of(late)) == (412, "changed_meanwhile")


async def test_shares_come_in_pages(acme: Registry) -> None:
    for name in ("b", "a", "c"):
        await acme.http.post("/api/v1/organizations", json={"name": name})
        await acme.http.put(f"{WEB}/shares/{name}", json={})
    for address, whose in ((f"{WEB}/shares", acme.http), ("/api/v1/shared-images", acme.http)):
        first = await whose.get(address, params={"limit": 2})
        second = await whose.get(first.links["next"]["url"])
        names = [each["organization"] for each in (*first.json()["items"], *second.json()["items"])]
        assert (names, second.json()["next"]) == (["a", "b", "c"], None)


async def test_what_cannot_be_shared_is_said_in_words(acme: Registry) -> None:
    past = (acme.clock.now() - timedelta(hours=1)).isoformat()
    for partner, body, status, code in (
        ("nowhere", {}, 404, "organization_unknown"),
        ("acme", {}, 422, "invalid_share"),
        ("bobs", {"deadline": past}, 422, "invalid_share"),
        ("bobs", {"deadline": "2030-01-31T00:00:00"}, 422, "invalid_request"),
        ("bobs", {"deadline": "9999-12-31T23:59:59-10:00"}, 422, "invalid_request"),
        ("bobs", {"description": "x" * 1001}, 422, "invalid_request"),
        ("Bobs", {}, 422, "invalid_name"),
    ):
        refused = await acme.http.put(f"{WEB}/shares/{partner}", json=body)
        assert (refused.status_code, code_of(refused)) == (status, code), (partner, body)
    await acme.http.put(f"{WEB}/visibility", json={"is_public": True})
    public = await acme.http.put(f"{WEB}/shares/bobs", json={})
    assert (public.status_code, code_of(public)) == (422, "invalid_share")
    absent = await acme.http.get("/api/v1/organizations/acme/images/none/shares")
    assert (absent.status_code, code_of(absent)) == (404, "repository_unknown")


async def test_only_who_may_edit_shares(acme: Registry) -> None:
    bob = acme.client(BOB)
    await acme.http.put(f"{WEB}/permissions/users/bob", json={"level": "write"})
    for answer in (await bob.get(f"{WEB}/shares"), await bob.put(f"{WEB}/shares/bobs", json={})):
        assert (answer.status_code, code_of(answer)) == (403, "not_allowed")
