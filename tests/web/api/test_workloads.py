"""Workloads over HTTP: previewed, applied, seen, changed and deleted, in a fake cluster and in a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import event

from engines.servers import ControlPlane
from tests.clusters.fake_cluster import FakeCluster
from tests.web.api.conftest import CLUSTERS
from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry
from wherry.clusters.kinds import DEPLOYMENT

PROD = f"{CLUSTERS}/prod"
IMAGE = "registry.example.com/acme/web:1.4"
DEMO = f"{PROD}/namespaces/default/workloads/Deployment/demo"


def form(name: str = "demo", namespace: str = "default", **more: Any) -> dict[str, Any]:
    containers = [{"name": "container-1", "image": IMAGE}]
    body = {"kind": "Deployment", "name": name, "namespace": namespace, "pods": 2}
    return {"workload": body | {"pod": {"containers": containers}} | more}


async def until(look: Callable[[], Awaitable[httpx.Response]], done: Callable[[Any], bool]) -> Any:
    """The first answer that fits: what a watch has to see comes a moment later."""
    async with asyncio.timeout(30):
        while True:
            answer = await look()
            if answer.status_code == 200 and done(answer.json()):
                return answer.json()
            await asyncio.sleep(0.05)


async def may(registry: Registry, level: str) -> httpx.AsyncClient:
    path = "/api/v1/organizations/acme/permissions/users/bob"
    given = await registry.http.put(path, json={"level": level})
    assert given.status_code in (200, 201)
    return registry.client(BOB)


async def test_a_workload_is_made_from_the_form_and_listed_by_the_watch(
    watched: Registry, fake: FakeCluster
) -> None:
    made = await watched.http.post(f"{PROD}/workloads", json=form())
    assert made.status_code == 200, made.text
    [one] = made.json()["objects"]
    assert (one["kind"], one["name"], one["was_there"], one["changed"]) == ("Deployment", "demo", False, True)
    listed = await until(lambda: watched.http.get(f"{PROD}/workloads"), lambda page: page["items"])
    assert (listed["stale_since"], listed["problem"]) == (None, None)
    [seen] = listed["items"]
    assert (seen["name"], seen["desired"], seen["images"], seen["is_ours"]) == ("demo", 2, [IMAGE], True)
    [record] = (await watched.http.get("/api/v1/audit?action=cluster.deploy")).json()["items"]
    assert (record["actor"], record["kind"], record["name"], record["organization"]) == (
        "admin",
        "cluster",
        "prod",
        "acme",
    )
    assert record["detail"] == {"objects": ["Deployment default/demo"], "force": False}


async def test_a_preview_changes_nothing(watched: Registry, fake: FakeCluster) -> None:
    planned = await watched.http.post(f"{PROD}/workload-previews", json=form())
    [one] = planned.json()["objects"]
    assert yaml.safe_load(one["yaml"])["spec"]["replicas"] == 2
    assert ("Deployment", "default", "demo") not in fake.objects
    assert (await watched.http.get("/api/v1/audit?action=cluster.deploy")).json()["items"] == []


async def test_yaml_in_and_out_is_the_form(watched: Registry) -> None:
    await watched.http.post(f"{PROD}/workloads", json=form(syncs_time_zone=True))
    shown = (await watched.http.get(f"{DEMO}/manifest")).json()
    assert shown["not_in_the_form"] == []
    assert shown["workload"]["syncs_time_zone"] is True
    again = await watched.http.post(f"{PROD}/workloads", json={"yaml": shown["yaml"]})
    assert [one["changed"] for one in again.json()["objects"]] == [False]
    by_form = await watched.http.post(f"{PROD}/workloads", json={"workload": shown["workload"]})
    assert [one["changed"] for one in by_form.json()["objects"]] == [False]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (form(name="No Name"), "No Name"),
        (form(kind="Job", pods=3), "pods"),
        ({}, "either `workload` or `yaml`"),
        (form() | {"yaml": "a: b"}, "either `workload` or `yaml`"),
        ({"yaml": "kind: Deployment"}, "document 1 of the YAML is none of"),
        ({"yaml": "a: &x 1\nb: *x"}, "alias"),
        (
            {"yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: .., namespace: a}"},
            "lowercase letters",
        ),
        (
            {"yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: ../x}"},
            "lowercase letters",
        ),
        ({"yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}"}, "is none of"),
        ({"yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: a}"}, "no workload"),
        (form(replicas=3), "replicas"),
    ],
)
async def test_what_cannot_be_is_refused_before_any_cluster_is_asked(
    watched: Registry, fake: FakeCluster, body: dict[str, Any], words: str
) -> None:
    there = len(fake.objects)
    refused = await watched.http.post(f"{PROD}/workloads", json=body)
    assert refused.status_code == 422
    assert words in refused.text
    assert len(fake.objects) == there


async def test_a_name_in_a_path_is_no_other_place_in_the_clusters_api(watched: Registry) -> None:
    for path in (
        f"{PROD}/namespaces/default/workloads/Deployment/%2E%2E/manifest",
        f"{PROD}/namespaces/%2E%2E/workloads/Deployment/demo/manifest",
        f"{PROD}/namespaces/default/workloads/Deployment/a%2Fb/manifest",
        f"{PROD}/namespaces/default/workloads/Secret/demo/manifest",
    ):
        refused = await watched.http.get(path)
        assert refused.status_code == 404
        assert code_of(refused) in ("object_unknown", "kind_unknown", "path_unknown")


async def test_only_new_refuses_what_is_there(watched: Registry) -> None:
    body = form() | {"only_new": True}
    assert (await watched.http.post(f"{PROD}/workloads", json=body)).status_code == 200
    for path in ("workloads", "workload-previews"):
        again = await watched.http.post(f"{PROD}/{path}", json=body)
        assert (again.status_code, code_of(again)) == (409, "object_exists")


async def test_a_conflict_names_the_other_manager(watched: Registry, fake: FakeCluster) -> None:
    await watched.http.post(f"{PROD}/workloads", json=form())
    made = fake.objects["Deployment", "default", "demo"]
    changed = {key: made[key] for key in ("apiVersion", "kind")}
    changed |= {"metadata": {"name": "demo", "namespace": "default"}, "spec": {"replicas": 7}}
    fake.merge(changed, "helm", force=True)
    refused = await watched.http.post(f"{PROD}/workloads", json=form())
    assert (refused.status_code, code_of(refused)) == (409, "apply_conflict")
    assert refused.json()["errors"] == [{"where": ".spec.replicas", "message": "belongs to helm"}]
    assert (await watched.http.post(f"{PROD}/workloads", json=form() | {"force": True})).status_code == 200


async def test_who_reads_sees_and_who_writes_deploys(watched: Registry) -> None:
    await watched.http.post(f"{PROD}/workloads", json=form())
    bob = await may(watched, "read")
    await until(lambda: bob.get(f"{PROD}/workloads"), lambda page: page["items"])
    for method, path, body in (
        ("POST", f"{PROD}/workloads", form()),
        ("POST", f"{PROD}/workload-previews", form()),
        ("PUT", f"{DEMO}/pods", {"pods": 0}),
        ("DELETE", DEMO, None),
    ):
        refused = await bob.request(method, path, json=body)
        assert (refused.status_code, code_of(refused)) == (403, "not_allowed")
    bob = await may(watched, "write")
    assert (await bob.put(f"{DEMO}/pods", json={"pods": 0})).json()["desired"] == 0
    assert (await bob.delete(PROD)).status_code == 403
    [record] = (await watched.http.get("/api/v1/audit?actor=bob&result=done")).json()["items"]
    assert record["detail"] == {"workload": "Deployment default/demo", "pods": 0}
    refusals = (await watched.http.get("/api/v1/audit?actor=bob&result=refused")).json()["items"]
    assert {one["action"] for one in refusals} == {"cluster.deploy", "cluster.change"}


async def test_a_cluster_that_is_away_is_told_and_its_lists_say_since_when(
    watched: Registry, fake: FakeCluster
) -> None:
    await watched.http.post(f"{PROD}/workloads", json=form())
    await until(lambda: watched.http.get(f"{PROD}/workloads"), lambda page: page["items"])
    fake.is_down = True
    fake.break_watches()
    page = await until(lambda: watched.http.get(f"{PROD}/workloads"), lambda page: page["stale_since"])
    assert [one["name"] for one in page["items"]] == ["demo"]
    assert page["problem"]
    for answer in (
        await watched.http.post(f"{PROD}/workloads", json=form()),
        await watched.http.get(f"{DEMO}/manifest"),
    ):
        assert (answer.status_code, code_of(answer)) == (502, "cluster_unreachable")
    [failed] = (await watched.http.get("/api/v1/audit?result=failed")).json()["items"]
    assert (failed["action"], failed["name"]) == ("cluster.deploy", "prod")
    fake.is_down = False
    await until(lambda: watched.http.get(f"{PROD}/workloads"), lambda page: not page["stale_since"])


async def test_before_anything_was_seen_a_list_says_so(acme: Registry) -> None:
    for path in ("workloads", "nodes", "namespaces"):
        answer = await acme.http.get(f"{PROD}/{path}")
        assert (answer.status_code, code_of(answer)) == (503, "cluster_not_seen")
    # What is asked of the cluster itself needs no watch.
    assert (await acme.http.post(f"{PROD}/workload-previews", json=form())).status_code == 200


async def test_workloads_come_in_pages_and_are_filtered(watched: Registry, fake: FakeCluster) -> None:
    fake.write({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    for namespace, name in (("default", "a"), ("default", "b"), ("shop", "a")):
        await watched.http.post(f"{PROD}/workloads", json=form(name, namespace))
    job = form("b", kind="Job", pods=None)
    job["workload"]["pod"]["restart_policy"] = "Never"
    assert (await watched.http.post(f"{PROD}/workloads", json=job)).status_code == 200
    all_of = lambda: watched.http.get(f"{PROD}/workloads")  # noqa: E731 (asked again and again)
    await until(all_of, lambda page: len(page["items"]) == 4)
    found, answer = [], await watched.http.get(f"{PROD}/workloads", params={"limit": 3})
    while True:
        found += [(one["namespace"], one["kind"], one["name"]) for one in answer.json()["items"]]
        if "next" not in answer.links:
            break
        answer = await watched.http.get(answer.links["next"]["url"])
    assert found == [
        ("default", "Deployment", "a"),
        ("default", "Deployment", "b"),
        ("default", "Job", "b"),
        ("shop", "Deployment", "a"),
    ]
    for query, count in (
        ("namespace=shop", 1),
        ("kind=Job", 1),
        ("contains=a", 2),
        ("image=acme/web", 4),
        ("image=none", 0),
        ("is_ours=false", 0),
        ("status=Complete", 0),
    ):
        page = (await watched.http.get(f"{PROD}/workloads?{query}")).json()
        assert len(page["items"]) == count, query
    refused = await watched.http.get(f"{PROD}/workloads?colour=red")
    assert (refused.status_code, code_of(refused)) == (422, "invalid_request")


async def test_a_list_asks_the_cluster_nothing_and_the_database_little(
    watched: Registry, fake: FakeCluster
) -> None:
    await watched.http.post(f"{PROD}/workloads", json=form())
    await until(lambda: watched.http.get(f"{PROD}/workloads"), lambda page: page["items"])
    calls = fake.calls
    queries: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        queries.append(statement)

    engine = watched.database._read_engine
    event.listen(engine, "before_cursor_execute", note)
    assert len((await watched.http.get(f"{PROD}/workloads")).json()["items"]) == 1
    event.remove(engine, "before_cursor_execute", note)
    assert fake.calls == calls
    # The cluster, whom it is open to, and what the asker holds.
    assert len(queries) <= 3, queries


@pytest.mark.engine("kubernetes")
async def test_a_real_cluster_from_form_to_roll_back(
    real: Registry, kubernetes: ControlPlane, namespace: str
) -> None:
    path = f"{PROD}/namespaces/{namespace}/workloads/Deployment/demo"
    planned = await real.http.post(f"{PROD}/workload-previews", json=form(namespace=namespace))
    assert planned.status_code == 200, planned.text
    made = await real.http.post(f"{PROD}/workloads", json=form(namespace=namespace))
    assert made.status_code == 200, made.text
    seen = await until(lambda: real.http.get(path), lambda one: one["ready"] == 2)
    assert (seen["status"], len(seen["pods"])) == ("Running", 2)
    assert (await real.http.put(f"{path}/pods", json={"pods": 3})).json()["desired"] == 3
    assert (await real.http.put(f"{path}/pause", json={"is_paused": True})).json()["is_paused"] is True
    assert (await real.http.put(f"{path}/pause", json={"is_paused": False})).json()["is_paused"] is False
    other = form(namespace=namespace, pods=3)
    other["workload"]["pod"]["containers"][0]["image"] = "registry.example.com/acme/web:2.0"
    assert (await real.http.post(f"{PROD}/workloads", json=other)).status_code == 200
    revisions = await until(
        lambda: real.http.get(f"{path}/revisions"),
        lambda one: [each["number"] for each in one["items"]] == [2, 1],
    )
    assert [one["is_current"] for one in revisions["items"]] == [True, False]
    assert (await real.http.post(f"{path}/rollbacks", json={"revision": 1})).json()["images"] == [IMAGE]
    assert (await real.http.post(f"{path}/redeployments")).status_code == 200
    none = await real.http.post(f"{path}/rollbacks", json={"revision": 77})
    assert (none.status_code, code_of(none)) == (422, "invalid_request")
    await until(lambda: real.http.get(f"{path}/events"), lambda one: len(one["items"]) > 0)
    manifest = (await real.http.get(f"{path}/manifest")).json()
    assert manifest["not_in_the_form"] == []
    nodes = (await real.http.get(f"{PROD}/nodes?architecture=arm64")).json()["items"]
    assert [one["is_ready"] for one in nodes] == [True]
    plan = (await real.http.get(f"{path}/deletion")).json()
    assert plan["pods"] >= 3
    assert (await real.http.delete(path)).status_code == 200
    gone = await real.http.delete(path)
    assert (gone.status_code, code_of(gone)) == (404, "object_unknown")


@pytest.mark.engine("kubernetes")
async def test_a_real_clusters_own_words_reach_the_caller(
    real: Registry, kubernetes: ControlPlane, namespace: str
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": namespace},
        "spec": {"hard": {"count/deployments.apps": "0"}},
    }
    kubernetes.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(quota))

    async def quota_is_seen() -> httpx.Response:
        return await real.http.post(f"{PROD}/workload-previews", json=form(namespace=namespace))

    async with asyncio.timeout(30):
        while (refused := await quota_is_seen()).status_code == 200:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert (refused.status_code, code_of(refused)) == (422, "cluster_refused")
    assert "exceeded quota: none" in refused.json()["detail"]
    unknown = await real.http.post(f"{PROD}/workloads", json=form(namespace="is-not-there"))
    assert unknown.status_code in (404, 422)
    assert 'namespaces "is-not-there" not found' in unknown.json()["detail"]
    left = kubernetes.request("GET", DEPLOYMENT.path(namespace))
    assert left["items"] == []
