"""Rights over HTTP: given, changed, taken back, on organizations and images, to users, robots and teams."""

from typing import Any

import pytest
from sqlalchemy import Connection

from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry
from wherry.identity.robots import create_robot
from wherry.identity.teams import add_member, create_team
from wherry.identity.users import get_user

ACME = "/api/v1/organizations/acme"
WEB = f"{ACME}/images/web"


@pytest.fixture
async def acme(registry_on_both: Registry) -> Registry:
    """An organization with the team `devs`, the robot `ci`, and the image `web`."""
    now = registry_on_both.clock.now()

    def work(tx: Connection) -> None:
        create_team(tx, "acme", "devs", None, now)
        create_robot(tx, "acme", "ci", "", None, now)

    await registry_on_both.http.post("/api/v1/organizations", json={"name": "acme"})
    await registry_on_both.http.post(f"{ACME}/images", json={"image": "web"})
    await registry_on_both.database.write(work)
    return registry_on_both


async def put(registry: Registry, path: str, level: str, **headers: str) -> Any:
    return await registry.http.put(path, json={"level": level}, headers=headers)


async def listed(registry: Registry, on: str) -> list[tuple[str, str, str, bool]]:
    items = (await registry.http.get(f"{on}/permissions")).json()["items"]
    return [(each["holder"], each["name"], each["level"], each["inherited"]) for each in items]


async def test_a_right_is_given_changed_and_taken_back(acme: Registry) -> None:
    for on in (ACME, WEB):
        path = f"{on}/permissions/users/bob"
        assert code_of(await acme.http.get(path)) == "permission_unknown"
        given = await put(acme, path, "read")
        assert (given.json()["level"], given.json()["granted_by"]) == ("read", "admin")
        assert (await put(acme, path, "write")).json()["level"] == "write"
        assert (await acme.http.get(path)).json()["level"] == "write"
        assert (await acme.client(BOB).get(WEB)).json()["my_level"] == "write"
        assert (await acme.http.delete(path)).status_code == 204
        assert (await acme.client(BOB).get(WEB)).status_code == 403
        again = await acme.http.delete(path)
        assert (again.status_code, code_of(again)) == (404, "permission_unknown")


async def test_a_team_has_rights_and_its_members_by_it(acme: Registry) -> None:
    now = acme.clock.now()

    def join(tx: Connection) -> None:
        team = create_team(tx, "acme", "ops", None, now)
        add_member(tx, team, get_user(tx, "bob").id, now)

    await acme.database.write(join)
    for on in (ACME, WEB):
        path = f"{on}/permissions/teams/ops"
        assert (await put(acme, path, "edit")).json()["holder"] == "team"
        assert (await acme.client(BOB).get(WEB)).json()["my_level"] == "edit"
        assert (await acme.http.get(path)).json()["level"] == "edit"
        assert (await acme.http.delete(path)).status_code == 204
        assert (await acme.client(BOB).get(WEB)).status_code == 403
        assert (await acme.http.delete(path)).status_code == 404
    unknown = await put(acme, f"{WEB}/permissions/teams/none", "read")
    assert (unknown.status_code, code_of(unknown)) == (404, "team_unknown")


async def test_one_list_has_users_robots_and_teams_and_what_is_handed_down(acme: Registry) -> None:
    await put(acme, f"{ACME}/permissions/teams/devs", "write")
    await put(acme, f"{ACME}/permissions/users/bob", "read")
    await put(acme, f"{WEB}/permissions/users/acme+ci", "write")
    await put(acme, f"{WEB}/permissions/users/bob", "edit")
    admin = ("user", "admin", "edit")
    team, robot = ("team", "devs", "write"), ("robot", "acme+ci", "write", False)
    assert await listed(acme, ACME) == [(*team, False), (*admin, False), ("user", "bob", "read", False)]
    on_image = [
        robot,
        (*team, True),
        (*admin, True),
        ("user", "bob", "edit", False),
        ("user", "bob", "read", True),
    ]
    assert await listed(acme, WEB) == on_image
    address, found = f"{WEB}/permissions?limit=2", []
    while address:
        page = await acme.http.get(address)
        found += [each["name"] for each in page.json()["items"]]
        address = page.links.get("next", {}).get("url", "")
    assert found == [each[1] for each in on_image]


async def test_a_right_that_changed_meanwhile_is_not_overwritten(acme: Registry) -> None:
    path = f"{WEB}/permissions/users/bob"
    seen = (await put(acme, path, "read")).headers["etag"]
    assert (await put(acme, path, "edit", **{"if-match": seen})).status_code == 200
    for late in (
        await put(acme, path, "write", **{"if-match": seen}),
        await acme.http.delete(path, headers={"if-match": seen}),
    ):
        assert (late.status_code, code_of(late)) == (412, "changed_meanwhile")
    await acme.http.delete(path)
    assert (await put(acme, path, "write", **{"if-match": "*"})).status_code == 412


async def test_only_who_may_edit_sees_and_gives(acme: Registry) -> None:
    bob = acme.client(BOB)
    for level, may in (("read", False), ("write", False), ("edit", True)):
        for on in (ACME, WEB):
            await put(acme, f"{on}/permissions/users/bob", level)
            for answer in (
                await bob.get(f"{on}/permissions"),
                await bob.put(f"{on}/permissions/teams/devs", json={"level": "read"}),
                await bob.delete(f"{on}/permissions/teams/devs"),
            ):
                assert answer.is_success is may, (level, on, answer.text)
            await acme.http.delete(f"{on}/permissions/users/bob")


async def test_who_edits_an_image_gives_nothing_on_its_organization(acme: Registry) -> None:
    await put(acme, f"{WEB}/permissions/users/bob", "edit")
    refused = await acme.client(BOB).put(f"{ACME}/permissions/users/bob", json={"level": "read"})
    assert (refused.status_code, code_of(refused)) == (403, "not_allowed")


async def test_a_right_comes_before_the_first_push(acme: Registry) -> None:
    path = f"{ACME}/images/later/permissions/users/bob"
    assert (await put(acme, path, "write")).status_code == 200
    assert (await acme.client(BOB).post("/v2/acme/later/blobs/uploads/")).status_code == 202


async def test_what_cannot_be_given_is_said_in_words(acme: Registry) -> None:
    await acme.http.post("/api/v1/organizations", json={"name": "other"})
    for path, body, status, code in (
        (f"{WEB}/permissions/users/nobody", {"level": "read"}, 404, "user_unknown"),
        (f"{WEB}/permissions/users/bob", {"level": "own"}, 422, "invalid_request"),
        (f"{WEB}/permissions/users/bob", {}, 422, "invalid_request"),
        ("/api/v1/organizations/none/permissions/users/bob", {"level": "read"}, 404, "organization_unknown"),
        ("/api/v1/organizations/other/permissions/users/acme+ci", {"level": "read"}, 422, "invalid_grant"),
    ):
        refused = await acme.http.put(path, json=body)
        assert (refused.status_code, code_of(refused)) == (status, code), path


async def test_the_last_editor_may_go_and_an_administrator_helps(acme: Registry) -> None:
    assert (await acme.http.delete(f"{ACME}/permissions/users/admin")).status_code == 204
    assert await listed(acme, ACME) == []
    assert (await put(acme, f"{ACME}/permissions/users/bob", "edit")).status_code == 200
