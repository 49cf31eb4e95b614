"""What differs in a cluster is different there, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.clusters.workloads.requests import DEMO, IMAGE, of_each_kind
from wherry.clusters.federations.differences import (
    Difference,
    containers_of,
    differing,
    has_replicas,
    wrong_difference,
)
from wherry.clusters.workloads.build import build
from wherry.clusters.workloads.pods import Variable

NEWER = IMAGE.replace("1.4", "1.5")


def test_what_differs_is_replaced_and_the_rest_stays() -> None:
    container = replace(DEMO.pod.containers[0], variables=(Variable("MODE", "live"), Variable("A", "1")))
    objects = build(replace(DEMO, pod=replace(DEMO.pod, containers=(container,))))
    difference = Difference(
        "b",
        images={"container-1": NEWER},
        variables={"container-1": {"MODE": "test"}},
        requests={"container-1": {"cpu": "1"}},
        pods=5,
    )
    [there] = differing(objects, difference)
    [made] = containers_of(there)
    [known] = containers_of(objects[0])
    assert (made["image"], there["spec"]["replicas"]) == (NEWER, 5)
    assert made["env"] == [{"name": "A", "value": "1"}, {"name": "MODE", "value": "test"}]
    assert made["resources"]["requests"] == known["resources"]["requests"] | {"cpu": "1"}
    assert (known["image"], objects[0]["spec"]["replicas"]) == (IMAGE, 2)
    assert differing(objects, None) == objects


@pytest.mark.parametrize("kind", sorted(of_each_kind()))
def test_images_differ_in_workloads_of_every_kind(kind: str) -> None:
    objects = build(of_each_kind()[kind])
    images = {str(one["name"]): NEWER for one in containers_of(objects[0])}
    assert images
    there = differing(objects, Difference("b", images=images))
    assert {one["image"] for one in containers_of(there[0])} == {NEWER}
    assert there[1:] == objects[1:]


@pytest.mark.parametrize(
    "made", [{}, {"spec": 1}, {"spec": {"template": []}}, {"kind": "CronJob", "spec": {}}]
)
def test_what_is_no_workload_has_no_containers(made: dict[str, Any]) -> None:
    assert containers_of(made) == []
    assert not has_replicas(made | {"kind": "Deployment", "spec": None})


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (Difference("x"), "not placed there"),
        (Difference("b", {"x": IMAGE}), "no container 'x'"),
        (Difference("b", {"c": "A:B"}), "image 'A:B'"),
        (Difference("b", requests={"c": {"cpu": "?"}}), "cpu request"),
        (Difference("b", pods=-1), "not negative"),
    ],
)
def test_what_is_wrong_is_said(difference: Difference, said: str) -> None:
    [problem] = wrong_difference(difference, ["b"], {"c"})
    assert said in problem
