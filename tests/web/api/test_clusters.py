"""Clusters over HTTP: registered, shown, changed and removed by those who may; others learn of none."""

from __future__ import annotations

import json

import pytest

from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.kubeconfigs import AUTHORITY, SERVER, document, kubeconfig
from tests.web.api.conftest import CLUSTERS, OF_ACME, eventually
from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry

PROD = f"{CLUSTERS}/prod"


async def bob_has(registry: Registry, level: str, organization: str = "acme") -> None:
    given = await registry.http.put(
        f"/api/v1/organizations/{organization}/permissions/users/bob", json={"level": level}
    )
    assert given.status_code in (200, 201), given.text


async def test_a_registered_cluster_is_shown_without_its_login(acme: Registry) -> None:
    shown = await acme.http.get(PROD)
    cluster = shown.json()
    facts = {
        name: cluster[name] for name in ("name", "organization", "kind", "server", "context", "my_level")
    }
    assert facts == {
        "name": "prod",
        "organization": "acme",
        "kind": "kubernetes",
        "server": SERVER,
        "context": "main",
        "my_level": "edit",
    }
    assert cluster["created_by"] == "admin"
    assert cluster["state"]["status"] == "Unknown"
    records = await acme.http.get("/api/v1/audit")
    for text in (shown.text, records.text, (await acme.http.get(CLUSTERS)).text):
        assert "t0ken" not in text
        assert "BEGIN CERTIFICATE" not in text
    [record] = [one for one in records.json()["items"] if one["action"] == "cluster.register"]
    assert (record["actor"], record["name"], record["organization"]) == ("admin", "prod", "acme")
    assert record["detail"] == {"server": SERVER}


async def test_the_contexts_of_a_kubeconfig_are_shown_with_why_one_cannot_be_used(acme: Registry) -> None:
    several = document()
    several["users"].append({"name": "e", "user": {"exec": {"command": "aws"}}})
    several["users"].append({"name": "f", "user": {"tokenFile": "/etc/passwd"}})
    for name, user in (("cloud", "e"), ("file", "f")):
        several["contexts"].append({"name": name, "context": {"cluster": "c", "user": user}})
    answer = await acme.client(BOB).post("/api/v1/kubeconfigs", json={"kubeconfig": json.dumps(several)})
    items = answer.json()["items"]
    assert [(one["name"], one["refused"] is None, one["is_current"]) for one in items] == [
        ("main", True, True),
        ("cloud", False, False),
        ("file", False, False),
    ]
    for context in ("cloud", "file"):
        body = {"name": "other", "kubeconfig": json.dumps(several), "context": context}
        refused = await acme.http.post(OF_ACME, json=body)
        assert (refused.status_code, code_of(refused)) == (422, "kubeconfig_refused")
    assert (await acme.http.get(f"{CLUSTERS}/other")).status_code == 404


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("{", 422, "kubeconfig_refused"),
        ("a: b", 422, "kubeconfig_refused"),
        (kubeconfig({"server": "https://127.0.0.1:6443"}), 422, "address_refused"),
        (kubeconfig({"server": "https://169.254.169.254"}), 422, "address_refused"),
        (kubeconfig({"certificate-authority-data": None}), 422, "kubeconfig_refused"),
        (kubeconfig({"server": "https://203.0.113.9:6443"}), 502, "cluster_unreachable"),
    ],
)
async def test_what_cannot_be_registered_says_why_and_leaves_nothing(
    acme: Registry, text: str, status: int, code: str
) -> None:
    refused = await acme.http.post(OF_ACME, json={"name": "other", "kubeconfig": text})
    assert (refused.status_code, code_of(refused)) == (status, code)
    assert "t0ken" not in refused.text
    listed = (await acme.http.get(CLUSTERS)).json()["items"]
    assert [one["name"] for one in listed] == ["prod"]
    records = (await acme.http.get("/api/v1/audit", params={"result": "failed"})).json()["items"]
    assert [(one["action"], one["name"]) for one in records] == [("cluster.register", "other")]
    assert AUTHORITY.pem not in str(records)


async def test_a_login_that_is_not_accepted_is_told_and_not_kept(acme: Registry, fake: FakeCluster) -> None:
    fake.refuses_logins = True
    refused = await acme.http.post(OF_ACME, json={"name": "other", "kubeconfig": kubeconfig()})
    assert (refused.status_code, code_of(refused)) == (502, "cluster_login_failed")
    unasked = {"name": "other", "kubeconfig": kubeconfig(), "probe": False}
    assert (await acme.http.post(OF_ACME, json=unasked)).status_code == 201


async def test_the_same_cluster_is_not_registered_twice(acme: Registry) -> None:
    again = await acme.http.post(OF_ACME, json={"name": "again", "kubeconfig": kubeconfig()})
    assert (again.status_code, code_of(again)) == (422, "invalid_cluster")
    unasked = {"name": "prod", "kubeconfig": kubeconfig(), "probe": False}
    same = await acme.http.post(OF_ACME, json=unasked)
    assert (same.status_code, code_of(same)) == (409, "cluster_exists")


async def test_a_registration_that_is_sent_again_is_done_once(acme: Registry) -> None:
    body = {"name": "twice", "kubeconfig": kubeconfig(), "probe": False}
    key = {"idempotency-key": "k1"}
    first = await acme.http.post(OF_ACME, json=body, headers=key)
    second = await acme.http.post(OF_ACME, json=body, headers=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert (second.headers["idempotency-replayed"], second.json()) == ("true", first.json())


async def test_who_may_not_see_a_cluster_is_told_that_there_is_none(acme: Registry) -> None:
    bob = acme.client(BOB)
    for method, path in (("GET", PROD), ("DELETE", PROD), ("GET", f"{PROD}/openings")):
        answer = await bob.request(method, path)
        assert (answer.status_code, code_of(answer)) == (404, "cluster_unknown")
    assert (await bob.get(CLUSTERS)).json()["items"] == []
    assert code_of(await acme.as_nobody.get(PROD)) == "not_logged_in"


async def test_the_level_on_the_organization_is_the_level_on_its_clusters(acme: Registry) -> None:
    bob = acme.client(BOB)
    for level, may_change in (("read", False), ("write", False), ("edit", True)):
        await bob_has(acme, level)
        assert (await bob.get(PROD)).json()["my_level"] == level
        changed = await bob.patch(PROD, json={"description": level})
        assert (changed.status_code == 200) is may_change
        body = {"name": "mine", "kubeconfig": kubeconfig(), "probe": False}
        registered = await bob.post(OF_ACME, json=body)
        assert (registered.status_code == 201) is may_change
    assert (await bob.post(CLUSTERS, json=body)).status_code == 403


async def test_a_change_is_refused_if_somebody_was_faster(acme: Registry) -> None:
    seen = await acme.http.get(PROD)
    match = {"if-match": seen.headers["etag"]}
    acme.clock.move(seconds=1)
    changed = await acme.http.patch(PROD, json={"makes_default_secret": False}, headers=match)
    assert (changed.status_code, changed.json()["makes_default_secret"]) == (200, False)
    for late in (
        await acme.http.patch(PROD, json={"name": "other"}, headers=match),
        await acme.http.put(f"{PROD}/login", json={"kubeconfig": kubeconfig()}, headers=match),
        await acme.http.delete(PROD, headers=match),
    ):
        assert (late.status_code, code_of(late)) == (412, "changed_meanwhile")
    renamed = await acme.http.patch(
        PROD, json={"name": "live"}, headers={"if-match": changed.headers["etag"]}
    )
    assert renamed.json()["name"] == "live"
    assert (await acme.http.delete(f"{CLUSTERS}/live")).status_code == 204
    assert (await acme.http.get(f"{CLUSTERS}/live")).status_code == 404


@pytest.mark.parametrize("stays", [False, True])
async def test_a_removed_cluster_loses_its_default_secrets(
    watched: Registry, fake: FakeCluster, stays: bool
) -> None:
    def secrets() -> list[str]:
        return [name for kind, _, name in fake.objects if kind == "Secret"]

    watched.clock.move(seconds=1)
    assert (await watched.http.patch(PROD, json={"makes_default_secret": True})).status_code == 200
    await eventually(lambda: "default-secret" in secrets())
    query = {"leave_secrets": "true"} if stays else {}
    assert (await watched.http.delete(PROD, params=query)).status_code == 204
    assert ("default-secret" in secrets()) is stays


async def test_another_login_has_to_lead_to_the_same_cluster(acme: Registry, fake: FakeCluster) -> None:
    other = kubeconfig(user={"token": "an0ther"})
    assert (await acme.http.put(f"{PROD}/login", json={"kubeconfig": other})).status_code == 200
    system = fake.objects[("Namespace", "", "kube-system")]
    system["metadata"]["uid"] = "another"
    refused = await acme.http.put(f"{PROD}/login", json={"kubeconfig": other})
    assert (refused.status_code, code_of(refused)) == (422, "invalid_cluster")


async def test_a_cluster_is_opened_by_who_may_edit_what_it_will_pull(acme: Registry) -> None:
    await acme.http.post("/api/v1/organizations", json={"name": "beta"})
    await bob_has(acme, "edit")
    bob = acme.client(BOB)
    refused = await bob.put(f"{PROD}/openings/beta", json={"level": "write"})
    assert (refused.status_code, code_of(refused)) == (403, "cluster_forbidden")
    opened = await acme.http.put(f"{PROD}/openings/beta", json={"level": "write"})
    assert opened.json() == {"organization": "beta", "level": "write"}
    assert (await bob.get(f"{PROD}/openings")).json()["items"] == [opened.json()]
    # Closing gives nobody anything.
    assert (await bob.delete(f"{PROD}/openings/beta")).status_code == 204
    gone = await acme.http.delete(f"{PROD}/openings/beta")
    assert (gone.status_code, code_of(gone)) == (404, "opening_unknown")


async def test_clusters_come_in_pages_and_are_filtered(acme: Registry) -> None:
    for name in ("a", "z"):
        body = {"name": name, "kubeconfig": kubeconfig(), "probe": False}
        assert (await acme.http.post(CLUSTERS, json=body)).status_code == 201
    first = await acme.http.get(CLUSTERS, params={"limit": 2})
    second = (await acme.http.get(first.links["next"]["url"])).json()
    assert [one["name"] for one in first.json()["items"] + second["items"]] == ["a", "prod", "z"]
    for query, names in (("contains=ro", ["prod"]), ("organization=acme", ["prod"])):
        found = (await acme.http.get(f"{CLUSTERS}?{query}")).json()["items"]
        assert [one["name"] for one in found] == names


async def test_a_token_registers_nothing_that_outlives_it(acme: Registry) -> None:
    token = (await acme.http.post("/api/v1/tokens", json={})).json()
    bearer = acme.client(None, authorization=f"Bearer {token['token']}")
    refused = await bearer.post(OF_ACME, json={"name": "x", "kubeconfig": kubeconfig()})
    assert (refused.status_code, code_of(refused)) == (403, "not_allowed")
    assert (await bearer.get(PROD)).status_code == 200
