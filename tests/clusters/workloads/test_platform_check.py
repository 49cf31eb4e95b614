"""Whether there is a node for an image: by its platforms, and by where the workload may be put."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.workloads.requests import DEMO, IMAGE, of_each_kind
from wherry.clusters.errors import InvalidRequest
from wherry.clusters.workloads.build import build
from wherry.clusters.workloads.platform_check import (
    images_in,
    look_for_misfits,
    may_run_on,
    misfits,
    refuse_where_no_node_fits,
)


def node(name: str, architecture: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/arch": architecture, "cores": "8"}},
        "spec": spec,
        "status": {"nodeInfo": {"architecture": architecture}},
    }


AMD, ARM = node("a", "amd64"), node("b", "arm64")
OBJECTS = build(DEMO)


def test_an_image_for_some_of_the_nodes_is_told_and_not_refused() -> None:
    [found] = misfits(OBJECTS, {IMAGE: {"amd64"}}, [AMD, ARM, node("c", "arm64")])
    assert (dict(found.nodes), found.fitting) == ({"arm64": 2}, 1)
    assert "1 nodes can run it, 2 of arm64 cannot" in str(found)
    refuse_where_no_node_fits([found])


def test_an_image_for_no_node_is_refused_in_words() -> None:
    found = misfits(OBJECTS, {IMAGE: {"amd64", "s390x"}}, [ARM])
    with pytest.raises(InvalidRequest, match="for amd64, s390x only, and no node can run it: 1 of arm64"):
        refuse_where_no_node_fits(found)


def test_what_fits_everywhere_or_is_not_known_is_no_matter() -> None:
    assert misfits(OBJECTS, {IMAGE: {"amd64", "arm64"}}, [AMD, ARM]) == ()
    assert misfits(OBJECTS, {IMAGE: set()}, [AMD, ARM]) == ()
    assert misfits(OBJECTS, {}, [AMD, ARM]) == ()
    assert misfits(OBJECTS, {IMAGE: {"amd64"}}, []) == ()


def test_images_of_this_registry_are_found_in_each_kind() -> None:
    for request in of_each_kind().values():
        assert IMAGE in images_in(build(request), ("registry.example.com",))
        assert images_in(build(request), ("registry.example.org",)) == {}


@pytest.mark.parametrize(
    ("pod", "made", "may"),
    [
        ({}, AMD, True),
        ({"nodeName": "a"}, AMD, True),
        ({"nodeName": "a"}, ARM, False),
        ({"nodeSelector": {"kubernetes.io/arch": "amd64"}}, AMD, True),
        ({"nodeSelector": {"kubernetes.io/arch": "amd64"}}, ARM, False),
        ({}, node("c", "amd64", unschedulable=True), False),
        ({}, node("c", "amd64", taints=[{"key": "gpu", "effect": "PreferNoSchedule"}]), True),
        ({}, node("c", "amd64", taints=[{"key": "gpu", "effect": "NoSchedule"}]), False),
        (
            {"tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]},
            node("c", "amd64", taints=[{"key": "gpu", "effect": "NoSchedule"}]),
            True,
        ),
        (
            {"tolerations": [{"key": "gpu", "value": "b"}]},
            node("c", "amd64", taints=[{"key": "gpu", "value": "a", "effect": "NoExecute"}]),
            False,
        ),
        (
            {"tolerations": [{"operator": "Exists"}]},
            node("c", "amd64", taints=[{"key": "gpu", "value": "a", "effect": "NoExecute"}]),
            True,
        ),
    ],
)
def test_where_a_pod_may_be_put(pod: dict[str, Any], made: dict[str, Any], may: bool) -> None:
    assert may_run_on(pod, made) is may


@pytest.mark.parametrize(
    ("term", "may"),
    [
        ({"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64", "amd64"]}, True),
        ({"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]}, False),
        ({"key": "kubernetes.io/arch", "operator": "NotIn", "values": ["amd64"]}, False),
        ({"key": "cores", "operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists"}, False),
        ({"key": "gpu", "operator": "DoesNotExist"}, True),
        ({"key": "cores", "operator": "Gt", "values": ["4"]}, True),
        ({"key": "cores", "operator": "Lt", "values": ["4"]}, False),
        ({"key": "gpu", "operator": "Gt", "values": ["4"]}, False),
    ],
)
def test_required_affinity_is_heeded(term: dict[str, Any], may: bool) -> None:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [term]}]}
    pod = {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}
    assert may_run_on(pod, AMD) is may
    terms["nodeSelectorTerms"].append(
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}
    )
    assert may_run_on(pod, AMD)


def test_daemons_go_to_nodes_that_others_are_kept_from() -> None:
    away = [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]
    full = node("c", "amd64", unschedulable=True, taints=away)
    assert may_run_on({}, full, {"kind": "DaemonSet"})
    assert not may_run_on({}, full, {"kind": "Deployment"})


async def test_a_cluster_is_asked_only_where_something_is_known() -> None:
    fake = FakeCluster()
    fake.write(ARM)
    [found] = await look_for_misfits(fake.connect(), OBJECTS, {IMAGE: {"amd64"}})
    assert found.fitting == 0
    calls = fake.calls
    assert await look_for_misfits(fake.connect(), OBJECTS, {IMAGE: ()}) == ()
    assert fake.calls == calls
