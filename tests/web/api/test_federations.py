"""Federations over HTTP: members, and workloads that are placed in them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.kubeconfigs import SERVER, kubeconfig
from tests.web.api.conftest import CLUSTERS, with_prod
from tests.web.api.reading import code_of
from tests.web.running import Registry

PROD = f"{CLUSTERS}/prod"
FEDERATED = f"{PROD}/federated-workloads"
DEMO = f"{PROD}/namespaces/default/federated-workloads/Deployment/demo"


def member(name: str, status: str = "True") -> dict[str, Any]:
    return {
        "apiVersion": "cluster.karmada.io/v1alpha1",
        "kind": "Cluster",
        "metadata": {"name": name},
        "spec": {"syncMode": "Push"},
        "status": {
            "kubernetesVersion": "v1.34.1",
            "conditions": [{"type": "Ready", "status": status, "reason": "ClusterNotReachable"}],
        },
    }


def request(**placement: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "c", "image": "registry.example.com/acme/web:1.4"}]}
    workload = {"kind": "Deployment", "name": "demo", "pods": 3, "pod": pod}
    return {"workload": workload, "placement": {"members": {"one": 2, "two": 1}} | placement}


@pytest.fixture
async def federation(
    registry_on_both: Registry, fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> Registry:
    """With acme and its federation prod of the members one and two; away does not answer."""
    fake.is_karmada = True
    for made in (member("one"), member("two"), member("away", "False")):
        fake.write(made)
    return await with_prod(registry_on_both, kubeconfig({"server": SERVER}))


async def test_a_federation_is_known_as_one_and_tells_its_members(federation: Registry) -> None:
    assert (await federation.http.get(PROD)).json()["kind"] == "karmada"
    members = (await federation.http.get(f"{PROD}/members?limit=2")).json()
    assert [(one["name"], one["is_ready"], one["problem"]) for one in members["items"]] == [
        ("away", False, "ClusterNotReachable"),
        ("one", True, None),
    ]
    assert members["next"]


async def test_a_workload_is_placed_listed_shown_and_deleted(federation: Registry, fake: FakeCluster) -> None:
    planned = await federation.http.post(f"{PROD}/federated-workload-previews", json=request())
    assert planned.status_code == 200, planned.text
    assert ("Deployment", "default", "demo") not in fake.objects
    made = await federation.http.post(FEDERATED, json=request())
    assert made.status_code == 200, made.text
    kinds = [one["kind"] for one in made.json()["objects"]]
    assert kinds == ["PropagationPolicy", "Deployment"]
    [listed] = (await federation.http.get(FEDERATED)).json()["items"]
    assert listed == {
        "namespace": "default",
        "kind": "Deployment",
        "name": "demo",
        "members": ["one", "two"],
        "secrets": [],
    }
    assert (await federation.http.get(f"{FEDERATED}?namespace=kube-system")).json()["items"] == []
    shown = (await federation.http.get(DEMO)).json()
    assert (shown["workload"]["name"], shown["shares"]) == ("demo", [])
    assert (await federation.http.delete(DEMO)).status_code == 200
    assert (await federation.http.get(FEDERATED)).json()["items"] == []
    gone = await federation.http.get(DEMO)
    assert (gone.status_code, code_of(gone)) == (404, "object_unknown")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (request(members={"none": 1}), "no member none"),
        (request(members={"away": 1}), "away is not ready"),
        (request(members={}), "1 to 20 members"),
        (request(mode="Replication"), "Weight or Auto balancing"),
        (request(members={"one": 101}), "0 to 100"),
    ],
)
async def test_what_cannot_be_placed_is_told(
    federation: Registry, fake: FakeCluster, body: dict[str, Any], words: str
) -> None:
    there = len(fake.objects)
    refused = await federation.http.post(FEDERATED, json=body)
    assert (refused.status_code, code_of(refused)) == (422, "invalid_request")
    assert words in refused.text
    assert len(fake.objects) == there


async def test_a_cluster_that_is_no_federation_says_so(acme: Registry) -> None:
    for method, path, body in (
        ("GET", f"{PROD}/members", None),
        ("GET", FEDERATED, None),
        ("POST", FEDERATED, request()),
        ("GET", DEMO, None),
        ("DELETE", DEMO, None),
    ):
        refused = await acme.http.request(method, path, json=body)
        assert (refused.status_code, code_of(refused)) == (422, "invalid_request")
        assert "is no federation" in refused.text
