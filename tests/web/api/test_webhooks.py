"""Webhooks over HTTP: made with a secret that is shown once, told by a real server, tried and told again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.served import PASSWORD, served
from tests.web.api.reading import code_of
from tests.web.running import Registry
from tests.webhooks.receiver import receiver
from wherry.webhooks.signature import verify

HOOKS = "/api/v1/organizations/acme/webhooks"
SITE = "/api/v1/webhooks"
URL = "https://hooks.example.com/ci?key=hidden"


@pytest.fixture
async def acme(registry_on_both: Registry) -> Registry:
    for name in ("acme", "beta"):
        await registry_on_both.http.post("/api/v1/organizations", json={"name": name})
    return registry_on_both


async def make(registry: Registry, at: str = HOOKS, **body: Any) -> dict[str, Any]:
    made = await registry.http.post(at, json={"name": "ci", "url": URL, **body})
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{at}/{made.json()['name']}"
    document: dict[str, Any] = made.json()
    return document


@pytest.mark.parametrize("at", [HOOKS, SITE])
async def test_a_webhook_is_made_changed_and_deleted_and_its_secret_is_shown_once(
    acme: Registry, at: str
) -> None:
    made = await make(acme, at, kinds=["tag.moved", "trigger.finished"])
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    shown = await acme.http.get(f"{at}/ci")
    assert shown.json() == made
    assert (await acme.http.get(at)).json()["items"] == [made]
    stale = await acme.http.patch(f"{at}/ci", json={"tags": "v*"}, headers={"if-match": '"0"'})
    assert stale.status_code == 412
    tag = {"if-match": shown.headers["etag"]}
    changed = await acme.http.patch(f"{at}/ci", json={"tags": "v*"}, headers=tag)
    assert (changed.json()["tags"], changed.json()["url"]) == ("v*", URL)
    renewed = await acme.http.post(f"{at}/ci/secret")
    assert renewed.json()["secret"] not in (secret, None)
    assert (await acme.http.delete(f"{at}/ci")).status_code == 204
    assert code_of(await acme.http.get(f"{at}/ci")) == "webhook_unknown"
    trail = json.dumps((await acme.http.get("/api/v1/audit?limit=1000")).json())
    assert "hooks.example.com/ci" in trail
    for hidden in ("hidden", secret, renewed.json()["secret"]):
        assert hidden not in trail


async def test_a_repeated_request_makes_nothing_and_shows_no_secret(acme: Registry) -> None:
    for expected in (True, False):
        key = {"idempotency-key": "once"}
        made = await acme.http.post(HOOKS, json={"name": "ci", "url": URL}, headers=key)
        assert made.status_code == 201
        assert (made.json()["secret"] is not None) is expected
    again = await acme.http.post(HOOKS, json={"name": "ci", "url": URL})
    assert (again.status_code, code_of(again)) == (409, "webhook_exists")


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("url", {"url": "ftp://a/b"}),
        ("url", {"url": "https://user:pass@a/"}),
        ("url", {"url": "http://[broken"}),
        ("kinds", {"kinds": ["nothing"]}),
        ("images", {"images": "["}),
        ("name", {"name": "a/b"}),
        ("secret", {"secret": "short"}),
    ],
)
async def test_what_cannot_be_is_refused_with_its_field(
    registry: Registry, field: str, wrong: dict[str, Any]
) -> None:
    await registry.http.post("/api/v1/organizations", json={"name": "acme"})
    refused = await registry.http.post(HOOKS, json={"name": "ci", "url": URL, **wrong})
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["where"] == f"body.{field}"


async def test_pings_are_listed_by_page_and_state_and_are_delivered_again(acme: Registry) -> None:
    await make(acme)
    ids = [(await acme.http.post(f"{HOOKS}/ci/pings")).json()["id"] for _ in range(3)]
    first = (await acme.http.get(f"{HOOKS}/ci/deliveries?limit=2")).json()
    rest = (await acme.http.get(f"{HOOKS}/ci/deliveries?limit=2&cursor={first['next']}")).json()
    assert [one["id"] for one in first["items"] + rest["items"]] == ids[::-1]
    assert rest["next"] is None
    assert (await acme.http.get(f"{HOOKS}/ci/deliveries?state=dead")).json()["items"] == []
    one = (await acme.http.get(f"{HOOKS}/ci/deliveries/{ids[0]}")).json()
    assert (one["kind"], one["event"]["type"], one["state"]) == ("ping", "io.wherry.ping", "waiting")
    again = await acme.http.post(f"{HOOKS}/ci/deliveries/{ids[0]}/redelivery")
    assert (again.status_code, again.json()["id"]) == (202, ids[0])
    assert (await acme.http.get(f"{HOOKS}/ci/deliveries?cursor=eA")).status_code == 422


async def test_another_organizations_webhook_and_delivery_are_not_there(acme: Registry) -> None:
    await make(acme)
    await make(acme, "/api/v1/organizations/beta/webhooks", name="theirs")
    number = (await acme.http.post(f"{HOOKS}/ci/pings")).json()["id"]
    theirs = "/api/v1/organizations/beta/webhooks"
    for path in (f"{theirs}/ci", f"{SITE}/ci", f"{theirs}/theirs/deliveries/{number}"):
        assert (await acme.http.get(path)).status_code == 404, path
    for path in (
        f"{theirs}/ci/pings",
        f"{theirs}/theirs/deliveries/{number}/redelivery",
        f"{SITE}/ci/secret",
    ):
        assert (await acme.http.post(path)).status_code == 404, path


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_push_to_a_running_server_is_heard_signed(tmp_path: Path) -> None:
    environ = {"WHERRY_CLUSTERS_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with (
        receiver() as heard,
        served(tmp_path / "data", environ=environ) as server,
        httpx.Client(base_url=server.url, auth=("admin", PASSWORD), trust_env=False) as http,
    ):
        assert http.post("/api/v1/organizations", json={"name": "acme"}).status_code == 201
        made = http.post(HOOKS, json={"name": "ci", "url": heard.url, "kinds": ["tag.moved"]}).json()
        kind = "application/vnd.oci.image.index.v1+json"
        index = {"schemaVersion": 2, "mediaType": kind, "manifests": []}
        pushed = http.put("/v2/acme/web/manifests/1.4", json=index, headers={"content-type": kind})
        assert pushed.status_code == 201, pushed.text
        until(lambda: bool(heard.heard))
        _, headers, body = heard.heard[0]
        told = json.loads(body)
        assert (told["type"], told["subject"], told["data"]["tag"]) == (
            "io.wherry.tag.moved",
            "acme/web",
            "1.4",
        )
        assert verify(made["secret"], headers, body, datetime.now(UTC))
        deliveries = f"{HOOKS}/ci/deliveries?state=delivered"
        until(lambda: len(http.get(deliveries).json()["items"]) == 1)
        http.post(f"{HOOKS}/ci/pings")
        until(lambda: len(heard.heard) == 2)
        assert json.loads(heard.heard[1][2])["type"] == "io.wherry.ping"
