"""Placements become Karmada's policies: who gets how many pods, and what differs where."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clusters.workloads.requests import DEMO, IMAGE, of_each_kind
from wherry.clusters.errors import InvalidRequest
from wherry.clusters.federations.differences import Difference
from wherry.clusters.federations.placement import (
    Mode,
    Placement,
    federated,
    secret_policy,
    share_out,
)
from wherry.clusters.workloads.build import build
from wherry.clusters.workloads.pods import Variable
from wherry.clusters.workloads.request import Service, ServicePort

NEWER = IMAGE.replace("1.4", "1.5")
BY_WEIGHT = Placement({"member1": 2, "member2": 1, "member3": 0})


def test_the_documented_example_of_weights() -> None:
    shares = share_out(7, {"member1": 2, "member2": 1, "member3": 1})
    assert shares["member1"] == 4
    assert sorted(shares.values()) == [1, 2, 4]


@given(st.integers(0, 500), st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9), max_size=6))
def test_every_pod_is_handed_out_and_a_heavier_member_never_gets_less(
    pods: int, weights: dict[str, int]
) -> None:
    shares = share_out(pods, weights)
    assert sum(shares.values()) == (pods if any(weights.values()) else 0)
    for one, weight in weights.items():
        assert shares[one] == 0 or weight > 0
        for other in weights:
            assert weights[other] <= weight or shares[other] >= shares[one]


def test_a_deployment_by_weight() -> None:
    policy, made = federated(DEMO, BY_WEIGHT)
    assert (made,) == build(DEMO)
    assert policy["kind"] == "PropagationPolicy"
    assert policy["spec"] == {
        "resourceSelectors": [
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": "demo", "namespace": "default"}
        ],
        "placement": {
            "clusterAffinity": {"clusterNames": ["member1", "member2"]},
            "clusterTolerations": [
                {"key": "cluster.karmada.io/not-ready", "operator": "Exists"},
                {"key": "cluster.karmada.io/unreachable", "operator": "Exists"},
            ],
            "replicaScheduling": {
                "replicaSchedulingType": "Divided",
                "replicaDivisionPreference": "Weighted",
                "weightPreference": {
                    "staticWeightList": [
                        {"targetCluster": {"clusterNames": ["member1"]}, "weight": 2},
                        {"targetCluster": {"clusterNames": ["member2"]}, "weight": 1},
                    ]
                },
            },
        },
    }


def test_services_are_everywhere_in_full() -> None:
    request = replace(DEMO, services=(Service("demo", (ServicePort(80, 8080),)),))
    _, along, *_ = federated(request, BY_WEIGHT)
    assert [one["kind"] for one in along["spec"]["resourceSelectors"]] == ["Service"]
    assert along["spec"]["placement"]["clusterAffinity"] == {
        "clusterNames": ["member1", "member2", "member3"]
    }
    assert "replicaScheduling" not in along["spec"]["placement"]


def test_a_secret_has_one_policy_of_its_own() -> None:
    policy, _ = federated(DEMO, BY_WEIGHT)
    assert policy["metadata"]["annotations"] == {"wherry.dev/pull-secrets": "default-secret"}
    made = secret_policy("shop", "default-secret", {"b", "a"})
    assert made["metadata"]["name"] == "pull-secret-default-secret"
    assert made["spec"]["placement"]["clusterAffinity"] == {"clusterNames": ["a", "b"]}
    assert [one["name"] for one in made["spec"]["resourceSelectors"]] == ["default-secret"]
    names = {secret_policy("shop", name, ())["metadata"]["name"] for name in ("a.b", "c" * 253)}
    assert len(names) == 2
    assert max(map(len, names)) < 63


def test_init_containers_may_differ_too() -> None:
    first = replace(DEMO.pod.containers[0], name="init")
    request = replace(DEMO, pod=replace(DEMO.pod, init_containers=(first,)))
    difference = Difference("member2", images={"init": NEWER, "container-1": NEWER})
    policy, *_ = federated(request, replace(BY_WEIGHT, differences=(difference,)))
    [rule] = policy["spec"]["overrideRules"]
    assert [one["path"] for one in rule["overriders"]["plaintext"]] == [
        "/spec/template/spec/initContainers/0/image",
        "/spec/template/spec/containers/0/image",
    ]


def test_what_is_free_decides_and_a_daemon_set_is_everywhere() -> None:
    policy, _ = federated(DEMO, Placement({"a": 0, "b": 0}, Mode.AUTO))
    scheduling = policy["spec"]["placement"]["replicaScheduling"]
    assert scheduling["weightPreference"] == {"dynamicWeight": "AvailableReplicas"}
    policy, _ = federated(of_each_kind()["daemon-set"], Placement({"a": 0}, Mode.REPLICATION))
    scheduling = policy["spec"]["placement"]["replicaScheduling"]
    assert scheduling == {"replicaSchedulingType": "Duplicated"}


def test_what_differs_in_a_member_is_an_override() -> None:
    container = replace(DEMO.pod.containers[0], variables=(Variable("MODE", "live"), Variable("A", "1")))
    request = replace(DEMO, pod=replace(DEMO.pod, containers=(container,)))
    difference = Difference(
        "member2",
        images={"container-1": NEWER},
        variables={"container-1": {"MODE": "test"}},
        requests={"container-1": {"cpu": "1"}},
    )
    policy, *_ = federated(request, replace(BY_WEIGHT, differences=(difference,)))
    [rule] = policy["spec"]["overrideRules"]
    where = "/spec/template/spec/containers/0"
    variables = [{"name": "A", "value": "1"}, {"name": "MODE", "value": "test"}]
    assert policy["kind"] == "OverridePolicy"
    assert rule == {
        "targetCluster": {"clusterNames": ["member2"]},
        "overriders": {
            "plaintext": [
                {"path": f"{where}/image", "operator": "replace", "value": NEWER},
                {"path": f"{where}/resources/requests", "operator": "replace", "value": {"cpu": "1"}},
                {"path": f"{where}/env", "operator": "add", "value": variables},
            ]
        },
    }


@pytest.mark.parametrize(
    ("placement", "said"),
    [
        (Placement({}), "placed in 1 to 20 members"),
        (Placement({f"m{number}": 1 for number in range(21)}), "placed in 1 to 20 members"),
        (Placement({"A": 1}), "member 'A'"),
        (Placement({"a": 0}), "a weight above 0"),
        (Placement({"a": 101}), "from 0 to 100"),
        (Placement({"a": 1}, Mode.REPLICATION), "a Deployment is placed by Weight or Auto balancing"),
        (Placement({"a": 1}, differences=(Difference("b"),)), "is not placed there"),
        (Placement({"a": 1}, differences=(Difference("a", pods=1),)), "give weights instead"),
        (Placement({"a": 1}, differences=(Difference("a", {"x": IMAGE}),)), "there is no container 'x'"),
        (Placement({"a": 1}, differences=(Difference("a", {"container-1": "A:B"}),)), "image 'A:B'"),
        (
            Placement({"a": 1}, differences=(Difference("a", requests={"container-1": {"cpu": "?"}}),)),
            "cpu request",
        ),
    ],
)
def test_what_cannot_be_placed_is_said(placement: Any, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        federated(DEMO, placement)


def test_a_daemon_set_is_not_divided() -> None:
    with pytest.raises(InvalidRequest, match="a DaemonSet is placed by Replication"):
        federated(of_each_kind()["daemon-set"], Placement({"a": 1}))
