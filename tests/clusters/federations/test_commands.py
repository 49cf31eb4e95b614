"""`wherry fleet` over two real clusters, and `wherry federation` over a real Karmada, as typed."""

from __future__ import annotations

import pytest

from engines.servers import ControlPlane
from engines.servers.karmada import Karmada
from tests.clusters.test_command_line import Wherry, data, records, wherry  # noqa: F401 (fixtures)

pytestmark = [pytest.mark.engine("kubernetes"), pytest.mark.slow]
IMAGE = "registry.example.com/acme/web:1.4"


def test_a_fleet_over_two_clusters_of_which_one_fails_first(
    wherry: Wherry,  # noqa: F811
    kubernetes: ControlPlane,
    other_kubernetes: ControlPlane,
) -> None:
    for name, plane in {"berlin": kubernetes, "paris": other_kubernetes}.items():
        wherry("cluster", "add", name, "--kubeconfig", str(plane.kubeconfig), "--organization", "acme")
    kubernetes.kubectl("create", "namespace", "fleet")
    wherry("fleet", "create", "shops", "--organization", "acme")
    wherry("fleet", "add", "shops", "berlin", "paris")
    place = ("shops", "demo", "-n", "fleet")
    given = ("--image", IMAGE, "--pods", "1", "--differ", "paris.pods=2")
    assert "is made" not in wherry("fleet", "deploy", *place, *given, code=1)
    rows = {row["name"]: row for row in records(wherry, "fleet", "status", *place)}
    assert (rows["berlin"]["last_deploy"], rows["paris"]["last_deploy"]) == ("applied", "failed")
    assert 'namespaces "fleet" not found' in rows["paris"]["problem"]
    other_kubernetes.kubectl("create", "namespace", "fleet")
    said = wherry("fleet", "deploy", *place, "--repeat", "--watch")
    assert "paris: Deployment demo is made." in said
    assert "berlin:" not in said, "it was there already"
    assert "paris: Running: 2 of 2 ready" in said
    assert "everywhere already" in wherry("fleet", "deploy", *place, "--repeat")
    assert records(wherry, "fleet", "list")[0]["clusters"] == ["berlin", "paris"]
    assert records(wherry, "fleet", "show", "shops")["workloads"] == ["Deployment fleet/demo"]
    assert "paris: Deployment demo is gone." in wherry("fleet", "undeploy", *place, "--yes")
    wherry("fleet", "remove", "shops", "paris")
    wherry("fleet", "delete", "shops")
    assert records(wherry, "fleet", "list") == []


def test_a_federation_from_registering_to_deleting(
    wherry: Wherry,  # noqa: F811
    federation: Karmada,
) -> None:
    wherry("cluster", "add", "world", "--kubeconfig", str(federation.plane.kubeconfig))
    assert [row["name"] for row in records(wherry, "federation", "list")] == ["world"]
    members = records(wherry, "federation", "members", "world")
    assert [(row["name"], row["ready"]) for row in members] == [("one", True), ("two", True)]
    federation.plane.kubectl("create", "namespace", "typed")
    place = ("world", "demo", "-n", "typed")
    said = wherry(
        "federation", "deploy", *place, "--image", IMAGE, "--pods", "4",
        "--member", "one=3", "--member", "two=1", "--differ", "two.env.MODE=test", "--watch",
    )  # fmt: skip
    assert "one: 3 of 3 ready" in said
    shares = records(wherry, "federation", "status", *place)
    assert [(row["name"], row["desired"], row["applied"]) for row in shares] == [
        ("one", 3, True),
        ("two", 1, True),
    ]
    shown = records(wherry, "federation", "show", "world")
    assert "Deployment typed/demo in one two" in shown["workloads"]
    wherry("federation", "delete", *place, "--yes")
    assert "no member three" in wherry(
        "federation", "deploy", *place, "--image", IMAGE, "--member", "three", code=1
    )
