"""Robots over HTTP: made with their rights, given keys, and never more than their organization."""

import csv
import io
from typing import Any

import pytest

from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry

ORGANIZATIONS = "/api/v1/organizations"
ROBOTS = f"{ORGANIZATIONS}/acme/robots"
KEYS = f"{ROBOTS}/ci/keys"


@pytest.fixture
async def acme(registry_on_both: Registry) -> Registry:
    """With acme and its robot ci, which writes one image, on each database."""
    registry = registry_on_both
    await registry.http.post(ORGANIZATIONS, json={"name": "acme"})
    rights = [{"resource": "acme/web", "level": "write"}]
    made = await registry.http.post(ROBOTS, json={"name": "ci", "rights": rights})
    assert (made.status_code, made.headers["location"]) == (201, f"{ROBOTS}/ci")
    assert (made.json()["user"], made.json()["rights"]) == ("acme+ci", rights)
    return registry


async def key_of(registry: Registry, **body: Any) -> dict[str, Any]:
    made = await registry.http.post(KEYS, json={"name": "build", **body})
    assert made.status_code == 201, made.text
    document: dict[str, Any] = made.json()
    return document


def machine(registry: Registry, key: dict[str, Any]) -> Any:
    return registry.client((key["login"]["user"], key["login"]["password"]))


async def test_a_robot_pushes_what_it_was_made_for_and_nothing_else(acme: Registry) -> None:
    robot = machine(acme, await key_of(acme))
    assert (await robot.post("/v2/acme/web/blobs/uploads/")).status_code == 202
    for name in ("acme/api", "beta/web"):
        assert (await robot.post(f"/v2/{name}/blobs/uploads/")).status_code == 403
    me = (await robot.get("/api/v1/me")).json()
    assert (me["name"], me["robot_of"], me["has_password"]) == ("acme+ci", "acme", False)
    for path, body in (("/me/keys", {"name": "x"}), ("/organizations", {"name": "mine"})):
        refused = await robot.post(f"/api/v1{path}", json=body)
        assert (refused.status_code, code_of(refused)) == (403, "not_allowed")


async def test_a_robots_keys_are_made_rotated_changed_and_deleted(acme: Registry) -> None:
    key = await key_of(acme, scope=[{"resource": "acme/web", "level": "read"}])
    assert key["user"] == "acme+ci"
    acme.clock.move(seconds=1)
    file = await acme.http.post(
        f"{KEYS}/{key['id']}/rotation", json={"overlap_seconds": 60}, headers={"accept": "text/csv"}
    )
    [row] = csv.DictReader(io.StringIO(file.text))
    assert file.headers["location"] == f"{KEYS}/{row['Access Key Id']}"
    assert row["User Name"] == "acme+ci"
    listed = (await acme.http.get(KEYS)).json()["items"]
    assert [each["id"] for each in listed] == [key["id"], row["Access Key Id"]]
    assert (await acme.http.get(f"{ROBOTS}/ci")).json()["key_count"] == 2
    acme.clock.move(seconds=60)
    assert (await machine(acme, key).get("/v2/")).status_code == 401
    other = f"{KEYS}/{row['Access Key Id']}"
    assert (await acme.http.patch(other, json={"is_disabled": True})).json()["is_disabled"] is True
    assert (await acme.http.get(other)).json()["name"] == "build"
    assert (await acme.http.delete(other)).status_code == 204
    assert (await acme.http.get(other)).status_code == 404
    # An administrator's own key is no robot's, and a robot is no user of the site.
    mine = (await acme.http.post("/api/v1/me/keys", json={"name": "mine"})).json()["id"]
    assert (await acme.http.delete(f"{KEYS}/{mine}")).status_code == 404
    assert (await acme.http.get("/api/v1/users/acme+ci")).status_code == 404


async def test_a_disabled_robot_is_out_and_comes_back(acme: Registry) -> None:
    robot = machine(acme, await key_of(acme))
    shown = await acme.http.get(f"{ROBOTS}/ci")
    match = {"if-match": shown.headers["etag"]}
    changed = await acme.http.patch(f"{ROBOTS}/ci", json={"is_disabled": True}, headers=match)
    assert (changed.json()["is_disabled"], changed.json()["description"]) == (True, "")
    assert (await robot.get("/v2/")).status_code == 401
    late = await acme.http.patch(f"{ROBOTS}/ci", json={"is_disabled": False}, headers=match)
    assert (late.status_code, code_of(late)) == (412, "changed_meanwhile")
    await acme.http.patch(f"{ROBOTS}/ci", json={"is_disabled": False, "description": "builds"})
    assert (await robot.get("/v2/")).status_code == 200
    assert (await acme.http.delete(f"{ROBOTS}/ci")).status_code == 204
    assert (await robot.get("/v2/")).status_code == 401
    gone = await acme.http.get(f"{ROBOTS}/ci")
    assert (gone.status_code, code_of(gone)) == (404, "robot_unknown")


async def test_robots_come_in_pages_and_are_filtered(acme: Registry) -> None:
    for name in ("a", "z"):
        await acme.http.post(ROBOTS, json={"name": name})
    await acme.http.patch(f"{ROBOTS}/z", json={"is_disabled": True})
    first = await acme.http.get(ROBOTS, params={"limit": 2})
    second = (await acme.http.get(first.links["next"]["url"])).json()
    assert [each["name"] for each in first.json()["items"] + second["items"]] == ["a", "ci", "z"]
    for query, names in (("contains=C", ["ci"]), ("is_disabled=true", ["z"])):
        found = (await acme.http.get(f"{ROBOTS}?{query}")).json()["items"]
        assert [each["name"] for each in found] == names


async def test_nothing_is_left_of_a_robot_that_could_not_be_made(acme: Registry) -> None:
    for rights, code in (
        ([{"resource": "beta/web", "level": "read"}], "invalid_request"),
        ([{"resource": "acme", "level": "all"}], "invalid_request"),
        ([{"resource": "Acme", "level": "read"}], "invalid_name"),
    ):
        refused = await acme.http.post(ROBOTS, json={"name": "other", "rights": rights})
        assert (refused.status_code, code_of(refused)) == (422, code)
    assert (await acme.http.get(f"{ROBOTS}/other")).status_code == 404
    for body, status, code in (
        ({"name": "ci"}, 409, "user_exists"),
        ({"name": "C I"}, 422, "invalid_robot"),
    ):
        refused = await acme.http.post(ROBOTS, json=body)
        assert (refused.status_code, code_of(refused)) == (status, code)
    beyond = await acme.http.post(KEYS, json={"name": "k", "scope": [{"resource": "beta", "level": "read"}]})
    assert (beyond.status_code, code_of(beyond)) == (422, "invalid_request")
    bob = acme.client(BOB)
    for answer in (
        await bob.get(ROBOTS),
        await bob.post(ROBOTS, json={"name": "mine"}),
        await bob.get(KEYS),
        await bob.post(KEYS, json={"name": "mine"}),
    ):
        assert (answer.status_code, code_of(answer)) == (403, "not_allowed")
