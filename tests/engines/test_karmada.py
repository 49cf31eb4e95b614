"""The federation that tests run against is Karmada itself: it divides, overrides, gathers, sees who goes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engines.servers import ControlPlane, Karmada, karmada

_numbers = itertools.count(1)


@pytest.fixture
def shared_namespace(federation: Karmada) -> Iterator[str]:
    """A new namespace of the federation, which Karmada makes on every member."""
    name = f"federated-{next(_numbers)}"
    federation.plane.kubectl("create", "namespace", name)
    yield name
    federation.plane.kubectl("delete", "namespace", name, "--wait=false")


def _await(told: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.2)


def _deployment(plane: ControlPlane, namespace: str, name: str) -> Any:
    return plane.request("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")


def _selector(name: str) -> list[dict[str, str]]:
    return [{"apiVersion": "apps/v1", "kind": "Deployment", "name": name}]


def _propagate(federation: Karmada, namespace: str, name: str, scheduling: dict[str, Any]) -> None:
    placement = {"clusterAffinity": {"clusterNames": ["one", "two"]}, "replicaScheduling": scheduling}
    federation.apply(
        {
            "apiVersion": "policy.karmada.io/v1alpha1",
            "kind": "PropagationPolicy",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"resourceSelectors": _selector(name), "placement": placement},
        }
    )


def _weights(**weights: int) -> dict[str, Any]:
    listed = [
        {"targetCluster": {"clusterNames": [name]}, "weight": weight} for name, weight in weights.items()
    ]
    return {
        "replicaSchedulingType": "Divided",
        "replicaDivisionPreference": "Weighted",
        "weightPreference": {"staticWeightList": listed},
    }


def test_replicas_are_divided_by_weight_and_their_status_is_gathered(
    federation: Karmada, kubernetes: ControlPlane, other_kubernetes: ControlPlane, shared_namespace: str
) -> None:
    plane, where = federation.plane, shared_namespace
    plane.kubectl("create", "deployment", "web", "--image=acme/web:1", "--replicas=4", "-n", where)
    _propagate(federation, where, "web", _weights(one=3, two=1))
    _await(lambda: _deployment(plane, where, "web")["status"].get("readyReplicas") == 4)
    assert _deployment(kubernetes, where, "web")["status"]["readyReplicas"] == 3
    assert _deployment(other_kubernetes, where, "web")["status"]["readyReplicas"] == 1


def test_an_override_changes_the_image_on_one_member_only(
    federation: Karmada, kubernetes: ControlPlane, other_kubernetes: ControlPlane, shared_namespace: str
) -> None:
    plane, where = federation.plane, shared_namespace
    rule = {
        "targetCluster": {"clusterNames": ["two"]},
        "overriders": {"imageOverrider": [{"component": "Tag", "operator": "replace", "value": "2"}]},
    }
    federation.apply(
        {
            "apiVersion": "policy.karmada.io/v1alpha1",
            "kind": "OverridePolicy",
            "metadata": {"name": "web", "namespace": where},
            "spec": {"resourceSelectors": _selector("web"), "overrideRules": [rule]},
        }
    )
    plane.kubectl("create", "deployment", "web", "--image=acme/web:1", "--replicas=2", "-n", where)
    _propagate(federation, where, "web", {"replicaSchedulingType": "Duplicated"})
    _await(lambda: _deployment(plane, where, "web")["status"].get("readyReplicas") == 4)

    def image(member: ControlPlane) -> str:
        return str(_deployment(member, where, "web")["spec"]["template"]["spec"]["containers"][0]["image"])

    assert image(kubernetes) == "acme/web:1"
    assert image(other_kubernetes) == "acme/web:2"


def test_a_member_whose_apiserver_is_gone_is_shown_as_not_ready(own_kubernetes: ControlPlane) -> None:
    with karmada() as running:
        running.join("only", own_kubernetes)
        own_kubernetes.stop_apiserver()
        _await(lambda: not running.is_ready("only"))
        own_kubernetes.start_apiserver()
        _await(lambda: running.is_ready("only"))
