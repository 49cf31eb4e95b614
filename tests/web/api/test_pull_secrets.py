"""Pull secrets over HTTP: made with what the asker may hand out, seen without values, rotated and deleted."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from engines.servers import ControlPlane
from tests.clusters.fake_cluster import FakeCluster
from tests.web.api.conftest import CLUSTERS, eventually
from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry

PROD = f"{CLUSTERS}/prod"
SECRETS = f"{PROD}/pull-secrets"
WEB = f"{PROD}/namespaces/default/pull-secrets/web"
GIVEN = {"given": {"user": "ann", "password": "hush hush"}}


def login_in(secret: dict[str, Any]) -> tuple[str, str, str]:
    content = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    [(registry, login)] = content["auths"].items()
    return registry, login["username"], login["password"]


def in_cluster(fake: FakeCluster, name: str = "web", namespace: str = "default") -> dict[str, Any]:
    return fake.objects["Secret", namespace, name]


async def listed(registry: Registry, fits: Callable[[list[dict[str, Any]]], bool], query: str = "") -> Any:
    async with asyncio.timeout(20):
        while True:
            page = (await registry.http.get(f"{SECRETS}{query}")).json()
            if fits(page["items"]):
                return page["items"]
            await asyncio.sleep(0.02)


async def can_log_in(registry: Registry, secret: dict[str, Any]) -> bool:
    _, user, password = login_in(secret)
    return (await registry.client((user, password)).get("/v2/")).status_code == 200


async def test_a_given_login_is_put_into_the_cluster_and_never_shown(
    watched: Registry, fake: FakeCluster
) -> None:
    body = {"name": "web", "description": "for the shop", "labels": {"team": "web"}, **GIVEN}
    planned = await watched.http.post(f"{PROD}/pull-secret-previews", json=body)
    assert yaml.safe_load(planned.json()["yaml"])["type"] == "kubernetes.io/dockerconfigjson"
    assert ("Secret", "default", "web") not in fake.objects
    made = await watched.http.post(SECRETS, json=body)
    assert (made.status_code, made.headers["location"]) == (201, WEB)
    assert login_in(in_cluster(fake)) == ("registry.example.com", "ann", "hush hush")
    [seen] = await listed(watched, lambda items: [one["sync"] for one in items] == ["in sync"])
    assert (seen["role"], seen["source"], seen["user_name"], seen["registries"]) == (
        "own",
        "given",
        "ann",
        ["registry.example.com"],
    )
    audit = await watched.http.get("/api/v1/audit")
    hidden = base64.b64encode(b"hush hush").decode()
    for text in (planned.text, made.text, str(seen), audit.text, (await watched.http.get(WEB)).text):
        assert "hush hush" not in text
        assert hidden not in text
    [record] = [one for one in audit.json()["items"] if one["action"] == "pull_secret.change"]
    assert record["detail"] == {
        "on": "default/web",
        "registry": "registry.example.com",
        "user": "ann",
        "source": "given",
    }


async def test_a_new_key_may_only_pull_and_is_rotated_with_an_overlap(
    watched: Registry, fake: FakeCluster
) -> None:
    made = await watched.http.post(SECRETS, json={"name": "web", "new_key": {"pulls": "acme"}})
    assert made.status_code == 201, made.text
    first = in_cluster(fake)
    assert await can_log_in(watched, first)
    _, user, password = login_in(first)
    pushed = await watched.client((user, password)).post("/v2/acme/web/blobs/uploads/")
    assert pushed.status_code == 403
    rotated = await watched.http.post(f"{WEB}/rotation")
    assert rotated.status_code == 200, rotated.text
    second = in_cluster(fake)
    assert login_in(first) != login_in(second)
    assert await can_log_in(watched, first)
    assert await can_log_in(watched, second)
    everywhere = await watched.http.post(f"{PROD}/pull-secret-rotations")
    assert everywhere.json() == {"rotated": ["default/web"], "left": [], "failed": {}}
    assert (await watched.http.delete(WEB)).status_code == 204
    for secret in (first, second):
        assert not await can_log_in(watched, secret)
    gone = await watched.http.delete(WEB)
    assert (gone.status_code, code_of(gone)) == (404, "pull_secret_unknown")


async def test_a_key_of_ones_own_is_handed_out_by_a_whole_login_only(
    watched: Registry, fake: FakeCluster
) -> None:
    path = "/api/v1/organizations/acme/permissions/users/bob"
    await watched.http.put(path, json={"level": "write"})
    bob = watched.client(BOB)
    wide = (await bob.post("/api/v1/me/keys", json={"name": "wide"})).json()
    scope = [{"resource": "acme", "level": "write"}]
    narrow = (await bob.post("/api/v1/me/keys", json={"name": "narrow", "scope": scope})).json()
    body = {"name": "web", "access_key": wide["id"]}
    by_key = watched.client((narrow["login"]["user"], narrow["login"]["password"]))
    refused = await by_key.post(SECRETS, json=body)
    assert (refused.status_code, code_of(refused)) == (403, "cluster_forbidden")
    others = await watched.http.post(SECRETS, json=body)
    assert (others.status_code, code_of(others)) == (404, "access_key_unknown")
    assert ("Secret", "default", "web") not in fake.objects
    assert (await bob.post(SECRETS, json=body)).status_code == 201
    assert login_in(in_cluster(fake))[1].endswith(wide["id"])


async def test_a_new_key_pulls_what_the_asker_may_pull(watched: Registry) -> None:
    await watched.http.post("/api/v1/organizations", json={"name": "beta"})
    await watched.http.put(f"{PROD}/openings/beta", json={"level": "write"})
    path = "/api/v1/organizations/acme/permissions/users/bob"
    await watched.http.put(path, json={"level": "write"})
    bob = watched.client(BOB)
    for pulls in ("beta", "beta/web"):
        refused = await bob.post(SECRETS, json={"name": "web", "new_key": {"pulls": pulls}})
        assert (refused.status_code, code_of(refused)) == (403, "cluster_forbidden")
    unserved = await watched.http.post(SECRETS, json={"name": "web", "new_key": {"pulls": "gamma"}})
    assert (unserved.status_code, code_of(unserved)) == (422, "invalid_request")
    assert (await bob.post(SECRETS, json={"name": "web", "new_key": {}})).status_code == 201


async def test_a_creation_that_is_sent_again_makes_one_key(watched: Registry, fake: FakeCluster) -> None:
    body, key = {"name": "web", "new_key": {}}, {"idempotency-key": "k1"}
    first = await watched.http.post(SECRETS, json=body, headers=key)
    there = in_cluster(fake)
    second = await watched.http.post(SECRETS, json=body, headers=key)
    assert (second.status_code, second.json()) == (201, first.json())
    assert second.headers["idempotency-replayed"] == "true"
    assert login_in(in_cluster(fake)) == login_in(there)
    again = await watched.http.post(SECRETS, json=body)
    assert (again.status_code, code_of(again)) == (409, "object_exists")


async def test_of_two_creations_at_once_one_is_carried_out(watched: Registry, fake: FakeCluster) -> None:
    body, key = {"name": "web", "new_key": {}}, {"idempotency-key": "k1"}
    answers = await asyncio.gather(*(watched.http.post(SECRETS, json=body, headers=key) for _ in range(4)))
    done = [one for one in answers if one.status_code == 201]
    others = [one for one in answers if one.status_code != 201]
    assert done
    assert [(one.status_code, code_of(one)) for one in others] == [(409, "in_progress")] * len(others)
    assert all(one.headers["retry-after"] == "1" for one in others)
    assert len((await watched.http.get("/api/v1/clusters/prod/pull-secrets")).json()["items"]) == 1
    assert (await watched.http.post(SECRETS, json=body, headers=key)).json() == done[0].json()


async def test_a_creation_that_failed_gives_its_key_free(watched: Registry, fake: FakeCluster) -> None:
    body, key = {"name": "web", "new_key": {}}, {"idempotency-key": "k1"}
    await watched.http.post(SECRETS, json=body)
    refused = await watched.http.post(SECRETS, json=body, headers=key)
    assert (refused.status_code, code_of(refused)) == (409, "object_exists")
    await watched.http.delete(WEB)
    assert (await watched.http.post(SECRETS, json=body, headers=key)).status_code == 201


async def test_what_somebody_did_to_a_secret_shows_and_is_mended(
    watched: Registry, fake: FakeCluster
) -> None:
    await watched.http.post(SECRETS, json={"name": "web", **GIVEN})
    await listed(watched, lambda items: [one["sync"] for one in items] == ["in sync"])
    changed = in_cluster(fake) | {"data": {".dockerconfigjson": base64.b64encode(b"{}").decode()}}
    fake.write(changed)
    [seen] = await listed(watched, bool, "?sync=drifted") or [None]
    assert seen["name"] == "web"
    assert (await watched.http.post(f"{WEB}/mending")).status_code == 200
    assert login_in(in_cluster(fake))[1:] == ("ann", "hush hush")
    await listed(watched, lambda items: not items, "?sync=drifted")


async def test_another_ones_secret_is_left_alone(watched: Registry, fake: FakeCluster) -> None:
    fake.write(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "web", "namespace": "default"},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(b"{}").decode()},
        }
    )
    for method, path, body in (
        ("POST", SECRETS, {"name": "web", **GIVEN}),
        ("DELETE", WEB, None),
    ):
        refused = await watched.http.request(method, path, json=body)
        assert (refused.status_code, code_of(refused)) == (409, "object_exists")
    [seen] = await listed(watched, bool, "?role=foreign")
    assert (seen["sync"], seen["source"]) == ("foreign", None)


@pytest.mark.parametrize(
    "body",
    [
        {"name": "web"},
        {"name": "web", **GIVEN, "access_key": "A" * 20},
        {"name": "No Name", **GIVEN},
        {"name": "default-secret", **GIVEN},
        {"name": "web", "registry": "https://registry.example.com", **GIVEN},
        {"name": "web", "new_key": {"expires_at": "2001-01-01T00:00:00Z"}},
    ],
)
async def test_what_cannot_be_made_is_refused_and_leaves_no_key(
    watched: Registry, fake: FakeCluster, body: dict[str, Any]
) -> None:
    refused = await watched.http.post(SECRETS, json=body)
    assert (refused.status_code, code_of(refused)) == (422, "invalid_request")
    robots = await watched.http.get("/api/v1/organizations/acme/robots")
    assert robots.json()["items"] == []


async def test_a_cluster_that_is_away_gets_no_key(watched: Registry, fake: FakeCluster) -> None:
    fake.is_down = True
    refused = await watched.http.post(SECRETS, json={"name": "web", "new_key": {}})
    assert (refused.status_code, code_of(refused)) == (502, "cluster_unreachable")
    [robot] = (await watched.http.get("/api/v1/organizations/acme/robots")).json()["items"]
    assert robot["key_count"] == 0


async def test_a_default_secret_is_switched_off_for_a_namespace_and_rotated(
    watched: Registry, fake: FakeCluster
) -> None:
    switch = f"{PROD}/namespaces/default/default-secret"
    assert (await watched.http.put(switch, json={"is_on": False})).json()["is_on"] is False
    watched.clock.move(seconds=1)
    assert (await watched.http.patch(PROD, json={"makes_default_secret": True})).status_code == 200
    await eventually(lambda: ("Secret", "kube-system", "default-secret") in fake.objects)
    first = in_cluster(fake, "default-secret", "kube-system")
    assert ("Secret", "default", "default-secret") not in fake.objects
    rotated = await watched.http.post(f"{PROD}/pull-secret-rotations")
    assert rotated.json()["rotated"] == ["kube-system/default-secret"]
    second = in_cluster(fake, "default-secret", "kube-system")
    assert login_in(first) != login_in(second)
    assert await can_log_in(watched, first)
    assert await can_log_in(watched, second)
    await watched.http.put(switch, json={"is_on": True})
    await eventually(lambda: ("Secret", "default", "default-secret") in fake.objects)
    spaces = (await watched.http.get(f"{PROD}/namespaces")).json()["items"]
    assert {one["name"]: one["default_secret_is_off"] for one in spaces} == {
        "default": False,
        "kube-system": False,
    }


async def test_where_an_image_runs_is_told_of_the_clusters_that_one_may_see(
    watched: Registry, fake: FakeCluster
) -> None:
    config = await watched.push_blob("acme/web", b"{}")
    media_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": str(config), "size": 2},
        "layers": [],
    }
    content = json.dumps(manifest).encode()
    digest = await watched.push_manifest("acme/web", content, "1.4", **{"content-type": media_type})
    image = "registry.example.com/acme/web:1.4"
    status = {
        "name": "c",
        "image": image,
        "imageID": f"registry.example.com/acme/web@{digest}",
        "ready": True,
    }
    fake.write(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "demo", "namespace": "default"},
            "spec": {"containers": [{"name": "c", "image": image}]},
            "status": {"phase": "Running", "containerStatuses": [status]},
        }
    )
    uses = "/api/v1/organizations/acme/images/web/uses"
    async with asyncio.timeout(20):
        while not (found := (await watched.http.get(uses)).json()["items"]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert [(one["cluster"], one["kind"], one["workload"], one["digest"]) for one in found] == [
        ("prod", "Pod", "demo", str(digest))
    ]
    assert (await watched.http.get(f"{uses}?digest=none")).json()["items"] == []
    # Who may only pull the image sees no cluster.
    await watched.http.put(
        "/api/v1/organizations/acme/images/web/permissions/users/bob", json={"level": "read"}
    )
    assert (await watched.client(BOB).get(uses)).json()["items"] == []


@pytest.mark.engine("kubernetes")
async def test_a_secret_in_a_real_cluster(real: Registry, kubernetes: ControlPlane, namespace: str) -> None:
    body = {"name": "web", "namespace": namespace, "new_key": {"pulls": "acme"}}
    made = await real.http.post(SECRETS, json=body)
    assert made.status_code == 201, made.text
    path = f"/api/v1/namespaces/{namespace}/secrets/web"
    first = kubernetes.request("GET", path)
    assert first["type"] == "kubernetes.io/dockerconfigjson"
    assert await can_log_in(real, first)
    one = f"{PROD}/namespaces/{namespace}/pull-secrets/web"
    assert (await real.http.post(f"{one}/rotation")).status_code == 200
    assert login_in(kubernetes.request("GET", path)) != login_in(first)
    nowhere = await real.http.post(SECRETS, json=body | {"namespace": "is-not-there"})
    assert (nowhere.status_code, code_of(nowhere)) == (404, "object_unknown")
    assert (await real.http.delete(one)).status_code == 204
