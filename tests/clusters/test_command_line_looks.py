"""What commands show of clusters and workloads: newer images, events, platforms, and how that changes."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from engines.servers.kubernetes import ControlPlane
from tests.clusters.kubeconfigs import kubeconfig
from tests.clusters.test_command_line import IMAGE, Wherry, data, prod, records, wherry
from tests.registry.contents import WEB, add_image, descriptor, image
from wherry.clusters.yaml_text import read_documents, read_yaml
from wherry.db.database import Database
from wherry.identity.users import find_user
from wherry.kit.clock import SystemClock
from wherry.oci import media_types

__all__ = ["data", "prod", "wherry"]

HOST = ("--registry", "registry.example.com")


def hold(folder: Path, architecture: str, tag: str) -> str:
    """An image of this architecture in acme/web; its digest."""
    database = Database(f"sqlite:///{folder / 'wherry.db'}")
    now, child = SystemClock().now(), image()
    platform = {"architecture": architecture, "os": "linux"}
    listed = [descriptor(child, media_types.OCI_MANIFEST, platform=platform)]
    document = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": listed}
    content = json.dumps(document).encode()

    def work(tx: Any) -> str:
        ann = find_user(tx, "ann")
        assert ann is not None
        add_image(tx, WEB, child, ann.id, now)
        return str(add_image(tx, WEB, content, ann.id, now, tag, blobs=()))

    made: str = database.write_now(work)
    database.close()
    return made


def registered(wherry: Wherry, folder: Path) -> None:
    file = folder / "config"
    file.write_text(kubeconfig({"server": "https://127.0.0.1:1"}))
    wherry("cluster", "add", "away", "--kubeconfig", str(file), "--offline")


def test_lists_and_shows_are_yaml_and_json_too(wherry: Wherry, tmp_path: Path) -> None:
    registered(wherry, tmp_path)
    [row] = read_yaml(wherry("cluster", "list", "-o", "yaml"))
    assert row == json.loads(wherry("cluster", "list", "-o", "json"))[0]
    assert (row["name"], row["status"]) == ("away", "Unknown")
    shown = read_yaml(wherry("cluster", "show", "away", "-o", "yaml"))
    assert (shown["now"], shown["name"]) == ("Unavailable", "away")
    assert "valid are yaml and json" in wherry("cluster", "list", "-o", "xml", code=2)


def test_a_cluster_of_a_server_without_a_name_gets_no_default_secret_and_show_says_so(
    wherry: Wherry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(wherry, tmp_path)
    assert "default_secret_problem" not in records(wherry, "cluster", "show", "away")
    monkeypatch.setenv("WHERRY_HOST", "0.0.0.0")
    assert "set public_url" in records(wherry, "cluster", "show", "away")["default_secret_problem"]
    monkeypatch.setenv("WHERRY_PUBLIC_URL", "https://registry.example.com")
    assert "default_secret_problem" not in records(wherry, "cluster", "show", "away")


def test_a_cluster_that_does_not_answer_is_removed_and_what_stays_is_said(
    wherry: Wherry, tmp_path: Path
) -> None:
    registered(wherry, tmp_path)
    assert "The cluster away is removed" in wherry("cluster", "remove", "away")
    registered(wherry, tmp_path)
    assert "The cluster away is removed" in wherry("cluster", "remove", "away", "--leave-secrets")


def test_a_watched_list_goes_on_until_its_time_is_up(wherry: Wherry, tmp_path: Path) -> None:
    registered(wherry, tmp_path)
    renamed = threading.Timer(0.7, wherry, ("cluster", "change", "away", "--name", "far"))
    renamed.start()
    said = wherry("cluster", "list", "--watch", "--for", "2.5")
    renamed.join()
    assert said.index("away") < said.index("far")
    assert "away is gone" in said


@pytest.mark.engine("kubernetes")
def test_an_image_that_no_node_can_run_is_warned_of_and_refused(
    wherry: Wherry, prod: str, plane: ControlPlane, data: Path
) -> None:
    plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": "platforms"}})
    hold(data, "s390x", "1.4")
    given = ("workload", "create", prod, "web", "--image", IMAGE, "--pods", "1", "-n", "platforms", *HOST)
    said = wherry(*given, code=1)
    assert "is there for s390x only, and no node can run it: 2 of amd64" in said
    assert records(wherry, "workload", "list", prod, "-n", "platforms") == []
    assert wherry(*given, "--dry-run") == "Deployment web would be made.\n"
    assert wherry(*given, "--any-platform") == "Deployment web is made.\n"
    hold(data, "amd64", "1.4")
    wherry(*given)


@pytest.mark.engine("kubernetes")
def test_a_newer_digest_and_the_clusters_events_are_shown(
    wherry: Wherry, prod: str, plane: ControlPlane, data: Path
) -> None:
    space = "newer"
    plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
    given = ("-n", space, *HOST)
    wherry("workload", "create", prod, "web", "--image", IMAGE, "--pods", "1", "--watch", *given)
    old, now = "sha256:" + "a" * 64, hold(data, "amd64", "1.4")
    [pod] = plane.request("GET", f"/api/v1/namespaces/{space}/pods")["items"]
    # kwok runs nothing, and so tells no digest: it is told here as a kubelet would.
    for digest, newer in ((old, [f"{IMAGE} is {now} now"]), (now, [])):
        status = pod["status"] | {
            "containerStatuses": [
                {
                    "name": "container-1",
                    "image": IMAGE,
                    "imageID": f"registry.example.com/acme/web@{digest}",
                    "ready": True,
                    "restartCount": 0,
                }
            ]
        }
        path = f"/api/v1/namespaces/{space}/pods/{pod['metadata']['name']}/status"
        plane.request("PUT", path, pod | {"status": status})
        shown = records(wherry, "workload", "show", prod, "web", *given)
        assert (shown["running"], shown["newer"]) == ([digest], newer)
        [row] = records(wherry, "workload", "list", prod, *given)
        assert row["running"] == [digest[:19]]
        assert row["newer"] == [now[:19]] * bool(newer)
        [pod] = plane.request("GET", f"/api/v1/namespaces/{space}/pods")["items"]
    assert any(one["reason"] == "ScalingReplicaSet" for one in shown["events"])
    assert "ScalingReplicaSet" in wherry("workload", "show", prod, "web", *given)
    assert "ScalingReplicaSet" not in wherry("workload", "show", prod, "web", "--no-events", *given)


@pytest.mark.engine("kubernetes")
def test_workloads_are_watched_paused_resumed_and_given_as_yaml(
    wherry: Wherry, prod: str, plane: ControlPlane
) -> None:
    plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": "watched"}})
    given = ("-n", "watched")
    wherry("workload", "create", prod, "web", "--image", IMAGE, "--pods", "1", "--watch", *given)
    assert wherry("workload", "pause", prod, "web", *given) == "Deployment web is paused.\n"
    assert records(wherry, "workload", "show", prod, "web", *given)["paused"] is True
    assert wherry("workload", "resume", prod, "web", *given) == "Deployment web goes on.\n"
    [live] = read_documents(wherry("workload", "list", prod, "-o", "yaml", *given))
    assert (live["kind"], live["metadata"]["name"]) == ("Deployment", "web")
    assert live["spec"].get("paused") is None
    assert "cannot be paused" in wherry("workload", "pause", prod, "daemonset/web", *given, code=1)

    def scale() -> None:
        path = "/apis/apps/v1/namespaces/watched/deployments/web"
        plane.request("PUT", path, plane.request("GET", path) | {"spec": live["spec"] | {"replicas": 2}})

    scaled = threading.Timer(1.0, scale)
    scaled.start()
    said = wherry("workload", "list", prod, "--watch", "--for", "6", *given)
    scaled.join()
    assert said.index("1/1") < said.index("2/2"), said
    began = time.monotonic()
    assert "2/2" in wherry("workload", "show", prod, "web", "--watch", "--for", "1", *given)
    assert time.monotonic() - began < 10


@pytest.mark.engine("kubernetes")
def test_a_removed_cluster_loses_its_default_secrets(wherry: Wherry, prod: str, plane: ControlPlane) -> None:
    plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": "removed"}})
    path = "/api/v1/namespaces/removed/secrets"

    def secrets() -> list[str]:
        return [one["metadata"]["name"] for one in plane.request("GET", path)["items"]]

    wherry("pull-secret", "sync", prod, *HOST)
    assert secrets() == ["default-secret"]
    assert "default-secret is gone from" in wherry("cluster", "remove", prod)
    assert secrets() == []


@pytest.mark.engine("kubernetes")
def test_a_check_says_which_nodes_there_are_not(wherry: Wherry, prod: str) -> None:
    given = ("cluster", "check", prod, "--node-architecture", "s390x")
    assert "set public_url" not in wherry(*given, *HOST, code=1)
    assert "no node 'nowhere'" in wherry("cluster", "check", prod, "--node", "nowhere", *HOST, code=1)
