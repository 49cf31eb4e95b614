"""`wherry pull-secret` as typed, on a real cluster: made by a new key, drifted, mended, rotated, deleted."""

from __future__ import annotations

import pytest

from engines.servers.kubernetes import ControlPlane
from tests.clusters.test_command_line import Wherry, data, records, wherry  # noqa: F401 (fixtures)
from wherry.clusters.yaml_text import read_yaml

pytestmark = pytest.mark.engine("kubernetes")
HOST = "registry.example.com"


def test_a_secret_of_ones_own_from_making_to_deleting(
    wherry: Wherry,  # noqa: F811
    plane: ControlPlane,
) -> None:
    plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": "own"}})
    wherry("cluster", "add", "prod", "--kubeconfig", str(plane.kubeconfig), "--organization", "acme")
    place = ("prod", "web", "-n", "own")
    given = ("--registry", HOST, "--new-key", "--pulls", "acme/web", "--expires", "90d")
    shown = read_yaml(wherry("pull-secret", "create", *place, *given, "--preview"))
    assert shown["data"] == {".dockerconfigjson": "***"}
    assert records(wherry, "key", "list") == []
    said = wherry("pull-secret", "create", "prod", "web", "-n", "nowhere", *given, code=1)
    assert 'namespaces "nowhere" not found' in said
    assert records(wherry, "key", "list") == [], "the key of an attempt that failed has ended"
    wherry("pull-secret", "create", *place, *given)
    [key] = records(wherry, "key", "list")
    assert key["scope"] == ["acme/web=read"]

    def row() -> dict[str, object]:
        [found] = records(wherry, "pull-secret", "list", "prod", "-n", "own")
        return dict(found)

    assert (row()["key"], row()["sync"], row()["kind"]) == (f"made:{key['id']}", "in sync", "own")
    plane.kubectl("delete", "secret", "web", "-n", "own")
    assert row()["sync"] == "missing"
    wherry("pull-secret", "mend", *place)
    assert row()["sync"] == "in sync"
    wherry("pull-secret", "rotate", "prod", "--all")
    assert row()["key"] != f"made:{key['id']}"
    assert len(records(wherry, "key", "list")) == 2, "the old one works for an hour more"
    hidden = read_yaml(wherry("pull-secret", "show", *place, "-o", "yaml"))
    assert hidden["data"] == {".dockerconfigjson": "***"}
    assert records(wherry, "pull-secret", "show", *place)["rotates"] is True
    watched = wherry("pull-secret", "list", "prod", "-n", "own", "--watch", "--for", "2")
    assert "in sync" in watched
    assert "used by nobody" in wherry("pull-secret", "delete", *place, typed="y\n")
    assert records(wherry, "pull-secret", "list", "prod", "-n", "own") == []
    assert records(wherry, "key", "list") == []
    assert "is one of --user" in wherry("pull-secret", "create", *place, "--registry", HOST, code=2)
    wherry("cluster", "remove", "prod")
