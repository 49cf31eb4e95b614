"""One's own access keys over HTTP: the secret once, limits, rotation with overlap, and whose they are."""

import csv
import io
from datetime import timedelta
from typing import Any

import httpx

from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry

KEYS = "/api/v1/me/keys"


async def make(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    made = await client.post(KEYS, json={"name": "ci", **body})
    assert made.status_code == 201, made.text
    document: dict[str, Any] = made.json()
    return document


def login_of(made: dict[str, Any]) -> tuple[str, str]:
    return made["login"]["user"], made["login"]["password"]


async def test_a_key_is_made_used_changed_and_deleted(registry: Registry) -> None:
    until = (registry.clock.now() + timedelta(days=90)).isoformat()
    scope = [{"resource": "acme/web", "level": "write"}, {"resource": "acme", "level": "read"}]
    answer = await registry.http.post(KEYS, json={"name": "ci", "scope": scope, "expires_at": until})
    made = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"{KEYS}/{made['id']}")
    assert (made["user"], made["scope"], len(made["secret"])) == ("admin", scope, 40)
    assert made["login"]["host"] == "registry.example"
    assert made["login"]["commands"]["docker"].startswith(f"docker login -u wherry@{made['id']} -p ")
    shown = await registry.http.get(f"{KEYS}/{made['id']}")
    assert made["secret"] not in shown.text
    assert made["login"]["password"] not in shown.text
    assert shown.headers["etag"] == answer.headers["etag"]
    program = registry.client(login_of(made))
    assert (await program.get("/v2/")).status_code == 200
    changed = await registry.http.patch(f"{KEYS}/{made['id']}", json={"is_disabled": True, "name": "old"})
    assert (changed.json()["is_disabled"], changed.json()["name"]) == (True, "old")
    refused = await program.get("/v2/")
    assert refused.status_code == 401
    assert "is disabled" in refused.text
    assert (await registry.http.delete(f"{KEYS}/{made['id']}")).status_code == 204
    gone = await registry.http.get(f"{KEYS}/{made['id']}")
    assert (gone.status_code, code_of(gone)) == (404, "access_key_unknown")


async def test_a_key_that_is_in_use_can_be_changed_by_if_match(registry: Registry) -> None:
    made = await make(registry.http)
    seen = (await registry.http.get(f"{KEYS}/{made['id']}")).headers["etag"]
    await registry.client(login_of(made)).get("/v2/")
    right = await registry.http.patch(f"{KEYS}/{made['id']}", json={"name": "a"}, headers={"if-match": seen})
    assert right.status_code == 200
    late = await registry.http.patch(f"{KEYS}/{made['id']}", json={"name": "b"}, headers={"if-match": seen})
    assert (late.status_code, code_of(late)) == (412, "changed_meanwhile")


async def test_who_asks_for_a_file_gets_the_credentials(registry: Registry) -> None:
    answer = await registry.http.post(KEYS, json={"name": "ci"}, headers={"accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="credentials.csv"'
    assert answer.headers["cache-control"] == "no-store"
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert row["User Name"] == "admin"
    assert answer.headers["location"] == f"{KEYS}/{row['Access Key Id']}"


async def test_a_repeated_request_makes_one_key_and_tells_the_secret_once(registry: Registry) -> None:
    headers = {"idempotency-key": "k", "accept": "text/csv"}
    first = await registry.http.post(KEYS, json={"name": "ci"}, headers=headers)
    again = await registry.http.post(KEYS, json={"name": "ci"}, headers=headers)
    [row] = csv.DictReader(io.StringIO(first.text))
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.json()["id"], again.json()["secret"]) == (row["Access Key Id"], None)
    assert (again.json()["login"]["password"], again.json()["login"]["commands"]) == (None, None)
    assert row["Secret Access Key"] not in again.text
    assert len((await registry.http.get(KEYS)).json()["items"]) == 1


async def test_both_keys_work_while_they_overlap(registry_on_both: Registry) -> None:
    registry = registry_on_both
    old = await make(registry.http, scope=[{"resource": "acme", "level": "read"}])
    answer = await registry.http.post(f"{KEYS}/{old['id']}/rotation", json={"overlap_seconds": 3600})
    new = answer.json()
    assert (answer.status_code, new["name"], new["scope"]) == (201, "ci", old["scope"])
    clients = [registry.client(login_of(each)) for each in (old, new)]
    registry.clock.move(minutes=59)
    assert [(await each.get("/v2/")).status_code for each in clients] == [200, 200]
    registry.clock.move(minutes=1)
    assert [(await each.get("/v2/")).status_code for each in clients] == [401, 200]
    again = await registry.http.post(f"{KEYS}/{old['id']}/rotation")
    assert (again.status_code, code_of(again)) == (422, "invalid_access_key")
    day = await registry.http.post(f"{KEYS}/{new['id']}/rotation")
    assert day.status_code == 201
    ends = (await registry.http.get(f"{KEYS}/{new['id']}")).json()["expires_at"]
    assert ends.startswith((registry.clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S"))


async def test_keys_are_listed_in_pages_the_oldest_first(registry_on_both: Registry) -> None:
    registry = registry_on_both
    made = []
    for name in "abc":
        made.append((await make(registry.http, name=name))["id"])
        registry.clock.move(seconds=1)
    await registry.http.patch(f"{KEYS}/{made[1]}", json={"is_disabled": True})
    first = await registry.http.get(KEYS, params={"limit": 2})
    second = await registry.http.get(first.links["next"]["url"])
    assert [each["id"] for each in first.json()["items"] + second.json()["items"]] == made
    disabled = (await registry.http.get(KEYS, params={"is_disabled": "true"})).json()["items"]
    assert [each["id"] for each in disabled] == [made[1]]


async def test_somebody_elses_key_is_not_there(registry: Registry) -> None:
    made, bob = await make(registry.http), registry.client(BOB)
    assert (await bob.get(KEYS)).json()["items"] == []
    for answer in (
        await bob.get(f"{KEYS}/{made['id']}"),
        await bob.patch(f"{KEYS}/{made['id']}", json={"is_disabled": True}),
        await bob.delete(f"{KEYS}/{made['id']}"),
        await bob.post(f"{KEYS}/{made['id']}/rotation"),
    ):
        assert (answer.status_code, code_of(answer)) == (404, "access_key_unknown")
    assert (await registry.http.get(f"{KEYS}/{made['id']}")).json()["is_disabled"] is False


async def test_a_key_for_some_images_makes_no_keys_and_a_whole_one_does(registry: Registry) -> None:
    narrow = await make(registry.http, scope=[{"resource": "acme", "level": "edit"}])
    refused = await registry.client(login_of(narrow)).post(KEYS, json={"name": "more"})
    assert (refused.status_code, code_of(refused)) == (403, "not_allowed")
    whole = registry.client(login_of(await make(registry.http)))
    assert (await whole.post(KEYS, json={"name": "more"})).status_code == 201


async def test_what_a_key_cannot_be_is_said(registry: Registry) -> None:
    past = (registry.clock.now() - timedelta(seconds=1)).isoformat()
    for body, code in (
        ({"name": ""}, "invalid_request"),
        ({"name": "a\nb"}, "invalid_access_key"),
        ({"name": "a", "expires_at": past}, "invalid_access_key"),
        ({"name": "a", "expires_at": "9999-12-31T23:59:59Z"}, "invalid_access_key"),
        ({"name": "a", "expires_at": "2027-01-01T00:00:00"}, "invalid_request"),
        ({"name": "a", "expires_at": 4_000_000_000}, "invalid_request"),
        ({"name": "a", "expires_at": "4000000000"}, "invalid_request"),
        ({"name": "a", "scope": []}, "invalid_request"),
        ({"name": "a", "scope": [{"resource": "Acme", "level": "read"}]}, "invalid_name"),
        ({"name": "a", "scope": [{"resource": "acme", "level": "own"}]}, "invalid_request"),
        ({"name": "a", "scope": [{"resource": "acme", "level": "read"}] * 2}, "invalid_request"),
    ):
        refused = await registry.http.post(KEYS, json=body)
        assert (refused.status_code, code_of(refused)) == (422, code), body
    made = await make(registry.http)
    for wrong in (1, "true"):
        refused = await registry.http.patch(f"{KEYS}/{made['id']}", json={"is_disabled": wrong})
        assert (refused.status_code, code_of(refused)) == (422, "invalid_request")
    for seconds in (-1, 2_592_001, "60"):
        refused = await registry.http.post(f"{KEYS}/{made['id']}/rotation", json={"overlap_seconds": seconds})
        assert refused.status_code == 422
