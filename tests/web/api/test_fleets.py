"""Fleets over HTTP: one request to several clusters, with what came of it in each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.kubeconfigs import kubeconfig
from tests.web.api.conftest import OF_ACME
from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry

FLEETS = "/api/v1/fleets"
SHOPS = f"{FLEETS}/shops"
DEMO = f"{SHOPS}/namespaces/default/workloads/Deployment/demo"


def request(**more: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "c", "image": "registry.example.com/acme/web:1.4"}]}
    return {"workload": {"kind": "Deployment", "name": "demo", "pods": 2, "pod": pod}, **more}


@pytest.fixture
async def shops(acme: Registry) -> Registry:
    """The fleet of prod, which is the fake, and away, where nothing answers."""
    away = kubeconfig({"server": "https://203.0.113.9:6443"})
    body = {"name": "away", "kubeconfig": away, "probe": False}
    assert (await acme.http.post(OF_ACME, json=body)).status_code == 201
    made = await acme.http.post("/api/v1/organizations/acme/fleets", json={"name": "shops"})
    assert (made.status_code, made.headers["location"]) == (201, SHOPS)
    for name in ("prod", "away"):
        assert (await acme.http.put(f"{SHOPS}/clusters/{name}")).status_code == 200
    return acme


def problems(answer: Any) -> dict[str, bool]:
    return {one["cluster"]: one["problem"] is not None for one in answer.json()["outcomes"]}


async def test_a_cluster_that_fails_keeps_no_other_from_its_own(shops: Registry, fake: FakeCluster) -> None:
    planned = await shops.http.post(f"{SHOPS}/workload-previews", json=request())
    assert problems(planned) == {"prod": False, "away": True}
    assert ("Deployment", "default", "demo") not in fake.objects
    done = await shops.http.post(
        f"{SHOPS}/workloads", json=request(differences=[{"member": "prod", "pods": 5}])
    )
    assert problems(done) == {"prod": False, "away": True}
    assert fake.objects["Deployment", "default", "demo"]["spec"]["replicas"] == 5
    [listed] = (await shops.http.get(f"{SHOPS}/workloads")).json()["items"]
    assert listed["problems"]["prod"] is None
    assert "no connection" in listed["problems"]["away"]
    shown = (await shops.http.get(DEMO)).json()
    assert {one["cluster"]: one["workload"] and one["workload"]["desired"] for one in shown["shares"]} == {
        "prod": 5,
        "away": None,
    }
    again = await shops.http.post(f"{DEMO}/repetition")
    assert problems(again) == {"away": True}
    [record] = [
        one
        for one in (await shops.http.get("/api/v1/audit?action=fleet.deploy")).json()["items"]
        if one["detail"]["clusters"]
    ]
    assert (record["name"], record["organization"]) == ("fleet shops", "acme")
    assert (record["detail"]["clusters"], record["detail"]["failed"]) == (["prod"], ["away"])


async def test_what_is_deleted_is_remembered_until_it_is_gone_everywhere(
    shops: Registry, fake: FakeCluster
) -> None:
    await shops.http.post(f"{SHOPS}/workloads", json=request())
    assert problems(await shops.http.delete(DEMO)) == {"prod": False, "away": True}
    assert ("Deployment", "default", "demo") not in fake.objects
    assert (await shops.http.get(DEMO)).status_code == 200
    assert (await shops.http.delete(f"{SHOPS}/clusters/away")).status_code == 204
    assert problems(await shops.http.delete(DEMO)) == {"prod": False}
    gone = await shops.http.get(DEMO)
    assert (gone.status_code, code_of(gone)) == (404, "fleet_workload_unknown")


async def test_a_fleet_is_its_organizations_and_gives_no_right_on_its_clusters(shops: Registry) -> None:
    bob = shops.client(BOB)
    hidden = await bob.get(SHOPS)
    assert (hidden.status_code, code_of(hidden)) == (404, "fleet_unknown")
    assert (await bob.get(FLEETS)).json()["items"] == []
    await shops.http.post("/api/v1/organizations", json={"name": "beta"})
    await shops.http.put("/api/v1/organizations/beta/permissions/users/bob", json={"level": "edit"})
    mine = await bob.post("/api/v1/organizations/beta/fleets", json={"name": "mine"})
    assert mine.status_code == 201
    refused = await bob.put(f"{FLEETS}/mine/clusters/prod")
    assert (refused.status_code, code_of(refused)) == (404, "cluster_unknown")
    # An administrator adds it; bob's requests do not reach it, and he does not learn of it.
    assert (await shops.http.put(f"{FLEETS}/mine/clusters/prod")).json()["clusters"] == ["prod"]
    assert (await bob.get(f"{FLEETS}/mine")).json()["clusters"] == []
    done = await bob.post(f"{FLEETS}/mine/workloads", json=request())
    assert (done.status_code, done.json()["outcomes"]) == (200, [])
    assert (await bob.post(FLEETS, json={"name": "site"})).status_code == 403


async def test_a_fleet_is_changed_unless_somebody_was_faster(shops: Registry) -> None:
    match = {"if-match": (await shops.http.get(SHOPS)).headers["etag"]}
    shops.clock.move(seconds=1)
    changed = await shops.http.patch(SHOPS, json={"description": "all of them"}, headers=match)
    assert changed.json()["description"] == "all of them"
    late = await shops.http.delete(SHOPS, headers=match)
    assert (late.status_code, code_of(late)) == (412, "changed_meanwhile")
    again = await shops.http.post("/api/v1/organizations/acme/fleets", json={"name": "shops"})
    assert (again.status_code, code_of(again)) == (409, "fleet_exists")
    assert (await shops.http.delete(SHOPS)).status_code == 204


async def test_a_request_that_cannot_be_is_refused_and_not_remembered(shops: Registry) -> None:
    for body in (
        request(differences=[{"member": "none", "pods": 1}]),
        request(differences=[{"member": "prod", "images": {"x": "a:1"}}]),
        {},
    ):
        refused = await shops.http.post(f"{SHOPS}/workloads", json=body)
        assert (refused.status_code, code_of(refused)) == (422, "invalid_request")
    assert (await shops.http.get(f"{SHOPS}/workloads")).json()["items"] == []
