"""Events of a workload and of what it has made: told once with a count, the newest first."""

from __future__ import annotations

from typing import Any

import pytest

from engines.servers.kubernetes import ControlPlane
from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.worlds import RealWorld
from wherry.clusters.kinds import DEPLOYMENT
from wherry.clusters.workloads.events import gathered, list_events, see_event


def event(number: int, about: tuple[str, str], reason: str = "Pulling", **more: Any) -> dict[str, Any]:
    kind, name = about
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"e{number}", "namespace": "default"},
        "involvedObject": {"kind": kind, "name": name},
        "reason": reason,
        "message": f"{reason} it",
        "type": "Normal",
    } | more


def test_both_ways_of_telling_are_read() -> None:
    old = see_event(
        event(1, ("Pod", "web-1"), count=7, lastTimestamp="2026-03-14T15:00:00Z", type="Warning")
        | {"firstTimestamp": "2026-03-14T14:00:00Z", "source": {"component": "kubelet"}}
    )
    assert (old.count, old.first, old.last) == (7, "2026-03-14T14:00:00Z", "2026-03-14T15:00:00Z")
    assert (old.is_warning, old.source) == (True, "kubelet")
    new = see_event(
        event(2, ("Pod", "web-1"), eventTime="2026-03-14T15:00:00.123456Z", reportingComponent="scheduler")
        | {"series": {"count": 3, "lastObservedTime": "2026-03-14T15:00:09.5Z"}}
    )
    assert (new.count, new.first, new.last) == (3, "2026-03-14T15:00:00Z", "2026-03-14T15:00:09Z")
    assert new.source == "scheduler"


def test_the_same_words_are_one_event_and_the_newest_is_first() -> None:
    found = gathered(
        [
            event(1, ("Pod", "web-1"), count=2, lastTimestamp="2026-03-14T15:00:00Z"),
            event(2, ("Pod", "web-1"), "Pulled", lastTimestamp="2026-03-14T15:00:01Z"),
            event(3, ("Pod", "web-1"), count=3, lastTimestamp="2026-03-14T15:00:02Z"),
        ]
    )
    assert [(one.reason, one.count, one.last[-3:]) for one in found] == [
        ("Pulling", 5, "02Z"),
        ("Pulled", 1, "01Z"),
    ]


async def test_those_of_a_workload_and_what_it_made_and_of_no_neighbour() -> None:
    fake = FakeCluster()
    mine = [("Deployment", "web"), ("ReplicaSet", "web-7c9d8f6b54"), ("Pod", "web-7c9d8f6b54-x2x9p")]
    others = [("Deployment", "web-2"), ("Pod", "webshop-7c9d8f6b54-x2x9p"), ("Node", "web"), ("Job", "other")]
    for number, about in enumerate([*mine, *others]):
        fake.write(event(number, about))
    found = await list_events(fake.connect(), DEPLOYMENT, "web", "default")
    assert {(one.kind, one.name) for one in found} == set(mine)
    found = await list_events(fake.connect(), DEPLOYMENT, "web", "default", pods=["web-0"])
    assert {one.kind for one in found} == {"Deployment", "ReplicaSet"}


@pytest.mark.engine("kubernetes")
async def test_a_real_cluster_tells_that_it_scaled(plane: ControlPlane) -> None:
    world = RealWorld(plane)
    world.add_namespace("events")
    pod = {"containers": [{"name": "c", "image": "registry.example.com/acme/web:1"}]}
    labels = {"matchLabels": {"app": "web"}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    spec = {"replicas": 1, "selector": labels, "template": template}
    body = {"metadata": {"name": "web"}, "spec": spec}
    plane.request("POST", "/apis/apps/v1/namespaces/events/deployments", body)
    path = "/api/v1/namespaces/events/events"
    plane.apiserver.wait_until(
        lambda: any(one["reason"] == "ScalingReplicaSet" for one in plane.request("GET", path)["items"]), 30
    )
    connection = world.connect()
    found = await list_events(connection, DEPLOYMENT, "web", "events")
    await connection.close()
    [scaled] = [one for one in found if one.reason == "ScalingReplicaSet"]
    assert (scaled.kind, scaled.name, scaled.count, scaled.is_warning) == ("Deployment", "web", 1, False)
    assert "web" in scaled.message
    assert scaled.last
