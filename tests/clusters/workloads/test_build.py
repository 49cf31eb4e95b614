"""Built objects are as they were written down once: golden files, read by a person."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.clusters.workloads.requests import DEMO, everything, of_each_kind
from wherry.clusters.workloads.build import build
from wherry.clusters.yaml_text import write_yaml

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", of_each_kind())
def test_the_objects_are_the_golden_ones(name: str) -> None:
    made, path = write_yaml(*build(of_each_kind()[name])), GOLDEN / f"{name}.yaml"
    if os.environ.get("WHERRY_WRITE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(made)
    assert made == path.read_text()


def test_every_golden_file_is_built() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(of_each_kind())


def test_time_zone_synchronization_is_read_only_and_in_every_container() -> None:
    [made, *_] = build(everything())
    pod = made["spec"]["template"]["spec"]
    for container in (*pod["containers"], *pod["initContainers"]):
        assert {"name": "wherry-time-zone", "mountPath": "/etc/localtime", "readOnly": True} in container[
            "volumeMounts"
        ]
    assert {"name": "wherry-time-zone", "hostPath": {"path": "/etc/localtime", "type": "File"}} in pod[
        "volumes"
    ]


def test_building_changes_nothing_of_the_request() -> None:
    before = repr(DEMO)
    assert build(DEMO) == build(DEMO)
    assert repr(DEMO) == before
