"""The audit trail over HTTP: newest first, narrowed, in pages, of an organization alone, as a file."""

import csv
import io
import json
from datetime import timedelta

import pytest

from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry
from wherry.audit.entries import Entry, Result, Source, Target
from wherry.audit.journal import record
from wherry.identity.users import Role, set_role

AUDIT = "/api/v1/audit"
ACME = "/api/v1/organizations/acme"


@pytest.fixture
async def acme(registry_on_both: Registry) -> Registry:
    """Two organizations were made, an image, and a right given; bob was refused one."""
    http, clock = registry_on_both.http, registry_on_both.clock
    for path, body in (
        ("/api/v1/organizations", {"name": "acme"}),
        ("/api/v1/organizations", {"name": "other"}),
        (f"{ACME}/images", {"image": "web"}),
    ):
        assert (await http.post(path, json=body)).status_code == 201
        clock.move(minutes=1)
    bob = registry_on_both.client(BOB)
    assert (await bob.put(f"{ACME}/permissions/users/bob", json={"level": "edit"})).status_code == 403
    clock.move(minutes=1)
    await http.put(f"{ACME}/images/web/permissions/users/bob", json={"level": "read"})
    return registry_on_both


async def seen(registry: Registry, address: str = AUDIT, **query: str) -> list[str]:
    answer = await registry.http.get(address, params=query)
    assert answer.status_code == 200, answer.text
    return [f"{each['action']} {each['name']}" for each in answer.json()["items"]]


GRANTED, REFUSED, IMAGE = "image.grant acme/web", "organization.grant acme", "image.create acme/web"


async def test_what_was_done_is_listed_newest_first_with_who_and_what(acme: Registry) -> None:
    items = (await acme.http.get(AUDIT)).json()["items"]
    assert [each["action"] for each in items] == [
        "image.grant",
        "organization.grant",
        "image.create",
        "organization.create",
        "organization.create",
    ]
    first, second = items[0], items[1]
    assert (first["actor"], first["means"], first["result"]) == ("admin", "password", "done")
    assert (first["kind"], first["name"], first["organization"]) == ("image", "acme/web", "acme")
    assert first["detail"] == {"user": "bob", "level": "read"}
    assert (second["actor"], second["result"]) == ("bob", "refused")
    assert second["reason"] == "bob has no right on acme"
    assert first["client"] == "192.0.2.7"
    assert len(first["hash"]) == 64


async def test_each_filter_narrows(acme: Registry) -> None:
    now = acme.clock.now()
    granted, refused, image = GRANTED, REFUSED, IMAGE
    assert await seen(acme, actor="bob") == [refused]
    assert await seen(acme, action="image.create") == [image]
    assert await seen(acme, kind="image") == [granted, image]
    assert await seen(acme, name="acme/web") == [granted, image]
    assert await seen(acme, prefix="acme/") == [granted, image]
    assert await seen(acme, result="refused") == [refused]
    assert await seen(acme, organization="acme", actor="admin", kind="image") == [granted, image]
    assert await seen(acme, since=now.isoformat()) == [granted]
    middle = {"since": (now - timedelta(minutes=2)).isoformat(), "until": now.isoformat()}
    assert await seen(acme, **middle) == [refused, image]
    assert await seen(acme, key="NOSUCHKEY") == []


async def test_pages_follow_one_another(acme: Registry) -> None:
    whole = (await acme.http.get(AUDIT)).json()["items"]
    address, found = f"{AUDIT}?limit=2", []
    while address:
        page = await acme.http.get(address)
        found += page.json()["items"]
        address = page.links.get("next", {}).get("url", "")
    assert found == whole


async def test_an_editor_sees_the_trail_of_the_organization_alone(acme: Registry) -> None:
    bob = acme.client(BOB)
    for answer in (await bob.get(AUDIT), await bob.get(f"{ACME}/audit"), await bob.get(f"{AUDIT}/export")):
        assert (answer.status_code, code_of(answer)) == (403, "not_allowed")
    await acme.http.put(f"{ACME}/permissions/users/bob", json={"level": "edit"})
    mine = (await bob.get(f"{ACME}/audit")).json()["items"]
    assert {each["organization"] for each in mine} == {"acme"}
    assert [each["action"] for each in mine][:2] == ["organization.grant", "image.grant"]
    assert (await bob.get(f"{ACME}/audit", params={"organization": "other"})).status_code == 422
    assert (await bob.get("/api/v1/organizations/other/audit")).status_code == 403
    assert (await bob.get(AUDIT)).status_code == 403
    await acme.database.write(lambda tx: set_role(tx, "bob", Role.AUDITOR))
    assert (await bob.get(AUDIT)).status_code == 200


async def test_the_trail_is_a_file_for_spreadsheets_and_for_programs(acme: Registry) -> None:
    lines = await acme.http.get(f"{AUDIT}/export", params={"format": "jsonl"})
    assert lines.headers["content-type"] == "application/jsonl"
    assert lines.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
    records = [json.loads(line) for line in lines.text.splitlines()]
    assert [each["action"] for each in records][-1] == "image.grant"
    assert len(records) == 5
    sheet = await acme.http.get(f"{AUDIT}/export", params={"format": "csv", "actor": "bob"})
    [row] = csv.DictReader(io.StringIO(sheet.text))
    assert (row["action"], row["result"], row["actor"]) == ("organization.grant", "refused", "bob")


async def test_what_no_database_keeps_does_no_harm(acme: Registry) -> None:
    entry = Entry(
        Source("bob"), "image.change", Target.org("acme"), Result.DONE, detail={"note": "half \ud800"}
    )
    await acme.database.write(lambda tx: record(tx, entry, acme.clock.now()))
    assert (await acme.http.get(AUDIT)).json()["items"][0]["detail"] == {"note": "half ?"}


async def test_what_is_wrong_with_a_filter_is_said_in_words(acme: Registry) -> None:
    for query in ("kind=car", "result=good", "since=now", "since=2030-01-01T00:00:00", "actor=%00", "by=bob"):
        refused = await acme.http.get(f"{AUDIT}?{query}")
        assert (refused.status_code, code_of(refused)) == (422, "invalid_request"), query
    for cursor in ("LTE", "YQ", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "%21"):
        refused = await acme.http.get(f"{AUDIT}?cursor={cursor}")
        assert (refused.status_code, code_of(refused)) == (422, "invalid_cursor"), cursor
    for query in ("", "?format=xml"):
        assert (await acme.http.get(f"{AUDIT}/export{query}")).status_code == 422, query
