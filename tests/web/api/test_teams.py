"""Teams over HTTP: made and changed by editors, seen by readers; members have the team's rights."""

from typing import Any

import pytest

from tests.web.api.reading import code_of
from tests.web.running import BOB, PASSWORD, Registry
from wherry.access.levels import Level
from wherry.access.resources import Resource
from wherry.access.team_grants import grant_to_team
from wherry.identity.teams import get_team, sync_oidc_memberships
from wherry.identity.users import get_user

ACME = "/api/v1/organizations/acme"
TEAMS = f"{ACME}/teams"


@pytest.fixture
async def acme(registry_on_both: Registry) -> Registry:
    """With the organization acme and its team web, on each database."""
    registry = registry_on_both
    await registry.http.post("/api/v1/organizations", json={"name": "acme"})
    made = await registry.http.post(TEAMS, json={"name": "web", "description": "front"})
    assert (made.status_code, made.headers["location"]) == (201, f"{TEAMS}/web")
    return registry


async def test_a_team_is_changed_and_deleted(acme: Registry) -> None:
    shown = await acme.http.get(f"{TEAMS}/web")
    assert (shown.json()["description"], shown.json()["oidc_group"]) == ("front", None)
    changed = await acme.http.patch(f"{TEAMS}/web", json={"oidc_group": "staff"})
    assert (changed.json()["description"], changed.json()["oidc_group"]) == ("front", "staff")
    described = await acme.http.patch(f"{TEAMS}/web", json={"description": ""})
    assert (described.json()["description"], described.json()["oidc_group"]) == ("", "staff")
    without = await acme.http.patch(f"{TEAMS}/web", json={"oidc_group": None})
    assert without.json()["oidc_group"] is None
    late = await acme.http.delete(f"{TEAMS}/web", headers={"if-match": shown.headers["etag"]})
    assert (late.status_code, code_of(late)) == (412, "changed_meanwhile")
    assert (await acme.http.delete(f"{TEAMS}/web")).status_code == 204
    gone = await acme.http.get(f"{TEAMS}/web")
    assert (gone.status_code, code_of(gone)) == (404, "team_unknown")


async def test_a_member_has_what_the_team_has_for_as_long_as_they_are_in_it(acme: Registry) -> None:
    bob = acme.client(BOB)
    assert (await bob.get(ACME)).status_code == 403
    await acme.database.write(
        lambda tx: grant_to_team(
            tx, get_team(tx, "acme", "web"), Resource.parse("acme"), Level.READ, None, acme.clock.now()
        )
    )
    assert (await acme.http.get(f"{TEAMS}/web")).json()["rights"] == [{"resource": "acme", "level": "read"}]
    for _ in range(2):
        assert (await acme.http.put(f"{TEAMS}/web/members/bob")).status_code == 204
    assert (await bob.get(ACME)).json()["my_level"] == "read"
    assert (await bob.get("/api/v1/me")).json()["teams"] == [{"organization": "acme", "name": "web"}]
    [member] = (await bob.get(f"{TEAMS}/web/members")).json()["items"]
    assert (member["user"], member["from_oidc"]) == ("bob", False)
    refused = await bob.put(f"{TEAMS}/web/members/bob")
    assert (refused.status_code, code_of(refused)) == (403, "not_allowed")
    assert (await acme.http.delete(f"{TEAMS}/web/members/bob")).status_code == 204
    assert (await bob.get(ACME)).status_code == 403
    again = await acme.http.delete(f"{TEAMS}/web/members/bob")
    assert (again.status_code, code_of(again)) == (404, "member_unknown")


async def test_whom_a_sign_in_brought_stays_when_added_by_hand(acme: Registry) -> None:
    await acme.http.patch(f"{TEAMS}/web", json={"oidc_group": "staff"})

    def sign_in(*groups: str) -> Any:
        return acme.database.write(
            lambda tx: sync_oidc_memberships(tx, get_user(tx, "bob").id, groups, acme.clock.now())
        )

    await sign_in("staff")
    members = f"{TEAMS}/web/members"
    assert [each["from_oidc"] for each in (await acme.http.get(members)).json()["items"]] == [True]
    await acme.http.put(f"{members}/bob")
    await sign_in()
    assert [each["user"] for each in (await acme.http.get(members)).json()["items"]] == ["bob"]


async def test_teams_and_members_come_in_pages(acme: Registry) -> None:
    for name in ("api", "ops"):
        await acme.http.post(TEAMS, json={"name": name})
    first = await acme.http.get(TEAMS, params={"limit": 2})
    second = (await acme.http.get(first.links["next"]["url"])).json()
    assert [each["name"] for each in first.json()["items"] + second["items"]] == ["api", "ops", "web"]
    found = (await acme.http.get(TEAMS, params={"contains": "P"})).json()["items"]
    assert [each["name"] for each in found] == ["api", "ops"]
    await acme.http.post("/api/v1/users", json={"name": "ann", "password": PASSWORD})
    for name in ("bob", "ann"):
        await acme.http.put(f"{TEAMS}/web/members/{name}")
    page = await acme.http.get(f"{TEAMS}/web/members", params={"limit": 1})
    assert [each["user"] for each in page.json()["items"]] == ["ann"]
    rest = (await acme.http.get(page.links["next"]["url"])).json()
    assert ([each["user"] for each in rest["items"]], rest["next"]) == (["bob"], None)
    assert (await acme.http.get("/api/v1/organizations/none/teams")).status_code == 404


async def test_what_is_wrong_with_a_team_is_said(acme: Registry) -> None:
    for body, status, code in (
        ({"name": "web"}, 409, "team_exists"),
        ({"name": "We b"}, 422, "invalid_team"),
        ({"name": "a", "description": "\0"}, 422, "invalid_request"),
        ({"name": "a", "oidc_group": "a\nb"}, 422, "invalid_team"),
        ({"name": "a", "oidc_group": ""}, 422, "invalid_request"),
    ):
        refused = await acme.http.post(TEAMS, json=body)
        assert (refused.status_code, code_of(refused)) == (status, code), body
    await acme.http.post(f"{ACME}/robots", json={"name": "ci"})
    robot = await acme.http.put(f"{TEAMS}/web/members/acme+ci")
    assert (robot.status_code, code_of(robot)) == (422, "invalid_team")
    nobody = await acme.http.put(f"{TEAMS}/web/members/nobody")
    assert (nobody.status_code, code_of(nobody)) == (404, "user_unknown")
    assert (await acme.client(BOB).get(TEAMS)).status_code == 403
    assert (await acme.client(BOB).post(TEAMS, json={"name": "mine"})).status_code == 403
