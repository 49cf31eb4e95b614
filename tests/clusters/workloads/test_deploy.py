"""Deploying: tried first, applied as a whole, conflicts told by their owner, nothing left half-made."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest

from engines.servers.kubernetes import ControlPlane
from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.workloads.requests import DEMO, IMAGE, of_each_kind
from tests.clusters.worlds import RealWorld, World
from wherry.clusters.connection import ClusterConnection, Selection, list_all
from wherry.clusters.errors import ApplyConflict, ClusterRefused, InvalidRequest, ObjectUnknown
from wherry.clusters.kinds import DEPLOYMENT, SERVICE, Kind, Object, kind_of
from wherry.clusters.workloads.build import build
from wherry.clusters.workloads.change import delete, difference, history, plan_deletion, roll_back, scale
from wherry.clusters.workloads.deploy import deploy, preview
from wherry.clusters.workloads.parse import parse
from wherry.clusters.workloads.request import Service, ServicePort, Strategy, Workload

WITH_SERVICE = dataclasses.replace(DEMO, services=(Service("demo", (ServicePort(80, 8080),)),))


def objects(request: Workload, namespace: str) -> tuple[Object, ...]:
    return build(dataclasses.replace(request, namespace=namespace))


def image_of(made: Object) -> Any:
    return made["spec"]["template"]["spec"]["containers"][0]["image"]


@pytest.mark.parametrize("name", of_each_kind())
async def test_each_kind_is_deployed_and_read_back_as_it_was_asked_for(
    connection: ClusterConnection, namespace: str, name: str
) -> None:
    request = dataclasses.replace(of_each_kind()[name], namespace=namespace)
    done = await deploy(connection, build(request))
    assert all(one.changed and not one.was_there for one in done)
    live = [
        await connection.get(kind_of(one.object), one.object["metadata"]["name"], namespace) for one in done
    ]
    if request.strategy == Strategy():
        filled = parse(live).strategy  # the server says its defaults
        request = dataclasses.replace(request, strategy=filled)
    assert parse(live) == request
    again = await deploy(connection, build(request))
    assert all(one.was_there for one in again)
    for one in again:  # another way to the same cluster asks for the same node port
        await connection.delete(kind_of(one.object), one.object["metadata"]["name"], namespace)


async def test_a_preview_changes_nothing(connection: ClusterConnection, namespace: str) -> None:
    [planned, _] = await preview(connection, objects(WITH_SERVICE, namespace))
    assert (planned.was_there, planned.changed) == (False, True)
    with pytest.raises(ObjectUnknown):
        await connection.get(DEPLOYMENT, "demo", namespace)


async def test_what_is_the_same_is_not_a_change(connection: ClusterConnection, namespace: str) -> None:
    await deploy(connection, objects(DEMO, namespace))
    [same] = await preview(connection, objects(DEMO, namespace))
    assert (same.was_there, same.changed) == (True, False)
    [other] = await preview(connection, objects(dataclasses.replace(DEMO, pods=3), namespace))
    assert other.changed


async def test_what_a_controller_writes_meanwhile_is_not_our_change(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeCluster()
    connection = fake.connect()
    [deployed] = objects(DEMO, "default")
    await deploy(connection, [deployed])
    asked = connection.get

    async def then_the_controller_writes(kind: Kind, name: str, namespace: str | None = None) -> Object:
        found = await asked(kind, name, namespace)
        noted = {"name": name, "namespace": namespace, "annotations": {"noted": "by the controller"}}
        fake.write({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": noted}, "controller")
        return found

    monkeypatch.setattr(connection, "get", then_the_controller_writes)
    [same] = await preview(connection, [deployed])
    assert (same.was_there, same.changed) == (True, False)


async def test_a_conflict_names_its_owner_and_force_takes_over(
    connection: ClusterConnection, world: World, namespace: str
) -> None:
    await deploy(connection, objects(DEMO, namespace))
    [theirs] = objects(dataclasses.replace(DEMO, pods=7), namespace)
    world.others_apply(theirs, "autoscaler")
    with pytest.raises(ApplyConflict, match=r"\.spec\.replicas belongs to autoscaler"):
        await deploy(connection, objects(dataclasses.replace(DEMO, pods=3), namespace))
    [done] = await deploy(connection, objects(dataclasses.replace(DEMO, pods=3), namespace), force=True)
    assert done.object["spec"]["replicas"] == 3


async def test_scaling_by_us_is_no_conflict_with_us(connection: ClusterConnection, namespace: str) -> None:
    await deploy(connection, objects(DEMO, namespace))
    assert (await scale(connection, DEPLOYMENT, "demo", namespace, 5))["spec"]["replicas"] == 5
    [done] = await deploy(connection, objects(DEMO, namespace))
    assert done.object["spec"]["replicas"] == 2


async def test_a_namespace_that_is_not_there_is_said(connection: ClusterConnection) -> None:
    with pytest.raises(ObjectUnknown, match='namespaces "nowhere" not found'):
        await deploy(connection, objects(DEMO, "nowhere"))


async def test_deleting_takes_the_services_along(connection: ClusterConnection, namespace: str) -> None:
    await deploy(connection, objects(WITH_SERVICE, namespace))
    assert (await plan_deletion(connection, DEPLOYMENT, "demo", namespace)).services == ("demo",)
    await delete(connection, DEPLOYMENT, "demo", namespace)
    assert await list_all(connection, SERVICE, Selection(namespace)) == []
    with pytest.raises(ObjectUnknown):
        await delete(connection, DEPLOYMENT, "demo", namespace)


@pytest.mark.engine("kubernetes")
async def test_a_failure_in_the_middle_leaves_nothing_behind(plane: ControlPlane) -> None:
    world = RealWorld(plane)
    world.add_namespace("half")
    connection = world.connect()
    made = list(objects(WITH_SERVICE, "half"))
    # The dry run of each passes; together they are one service too many for the quota.
    second = copy.deepcopy(made[1])
    second["metadata"]["name"] = "second"
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"services": "1"}}}
    plane.request("POST", "/api/v1/namespaces/half/resourcequotas", quota)
    path = "/api/v1/namespaces/half/resourcequotas/q"
    plane.apiserver.wait_until(lambda: "used" in plane.request("GET", path).get("status", {}), 30)
    with pytest.raises(ClusterRefused, match="exceeded quota: q"):
        await deploy(connection, [*made, second])
    with pytest.raises(ObjectUnknown):
        await connection.get(DEPLOYMENT, "demo", "half")
    assert await list_all(connection, SERVICE, Selection("half")) == []
    await connection.close()


@pytest.mark.engine("kubernetes")
async def test_the_clusters_own_words_reach_the_user(plane: ControlPlane) -> None:
    world = RealWorld(plane)
    world.add_namespace("words")
    connection = world.connect()
    [made] = objects(DEMO, "words")
    made["spec"]["template"]["spec"]["containers"][0]["image"] = ""
    with pytest.raises(ClusterRefused, match=r"containers\[0\]\.image: Required value") as refused:
        await deploy(connection, [made])
    assert refused.value.reason == "Invalid"
    [made] = objects(DEMO, "words")
    made["spec"]["replicaz"] = 2
    with pytest.raises(ClusterRefused, match="replicaz"):
        await deploy(connection, [made])
    await connection.close()


@pytest.mark.engine("kubernetes")
async def test_a_deployment_is_rolled_back_to_what_was_before(plane: ControlPlane) -> None:
    world = RealWorld(plane)
    world.add_namespace("history")
    connection = world.connect()
    await deploy(connection, objects(DEMO, "history"))
    newer = json.loads(json.dumps(objects(DEMO, "history")))
    newer[0]["spec"]["template"]["spec"]["containers"][0]["image"] = IMAGE.replace("1.4", "1.5")
    plane.apiserver.wait_until(lambda: _is_at(plane, 1), 30)
    await deploy(connection, newer)
    plane.apiserver.wait_until(lambda: _is_at(plane, 2), 30)
    known = await history(connection, DEPLOYMENT, "demo", "history")
    assert [(one.number, one.images[0][-3:], one.is_current) for one in known] == [
        (2, "1.5", True),
        (1, "1.4", False),
    ]
    with pytest.raises(InvalidRequest, match="has no revision 9; there are 2, 1"):
        await roll_back(connection, DEPLOYMENT, "demo", "history", 9)
    assert image_of(await roll_back(connection, DEPLOYMENT, "demo", "history")) == IMAGE
    plane.apiserver.wait_until(lambda: _is_at(plane, 3), 30)
    known = await history(connection, DEPLOYMENT, "demo", "history")
    assert [(one.number, one.images[0][-3:]) for one in known] == [(3, "1.4"), (2, "1.5")]
    await connection.close()


def _is_at(plane: ControlPlane, revision: int) -> bool:
    """The controller has made the revision's ReplicaSet, and has then noted the number on the Deployment."""
    path = "/apis/apps/v1/namespaces/history"
    sets = plane.request("GET", f"{path}/replicasets")["items"]
    annotations = plane.request("GET", f"{path}/deployments/demo")["metadata"].get("annotations", {})
    name = "deployment.kubernetes.io/revision"
    numbers = [one["metadata"].get("annotations", {}).get(name) for one in sets]
    return str(revision) in numbers and annotations.get(name) == str(revision)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1, "b": 2}, {"a": 1}, {"b": None}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": None}}),
        ({"a": [1]}, {"a": [2]}, {"a": [2]}),
        ({}, {"a": None}, {"a": None}),
    ],
)
def test_a_difference_is_a_merge_patch(before: Object, after: Object, change: Object) -> None:
    assert difference(before, after) == change
