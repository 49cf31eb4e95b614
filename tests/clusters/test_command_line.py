"""`wherry cluster`, `wherry workload`, `wherry pull-secret`: the whole walk as typed, on a real cluster."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engines.servers.kubernetes import ControlPlane
from tests.clusters.kubeconfigs import kubeconfig
from wherry.cli.main import build_app
from wherry.clusters.yaml_text import read_yaml
from wherry.db.database import Database
from wherry.identity.organizations import create_organization
from wherry.identity.users import create_user

Wherry = Callable[..., str]
APP = build_app()
IMAGE = "registry.example.com/acme/web:1.4"


@pytest.fixture
def data(_migrated_sqlite: Path, tmp_path: Path) -> Path:
    """A data folder with the organization acme."""
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(_migrated_sqlite, folder / "wherry.db")
    database = Database(f"sqlite:///{folder / 'wherry.db'}")
    now = datetime.now(UTC)
    ann = database.write_now(lambda tx: create_user(tx, "ann", "hash", now))
    database.write_now(lambda tx: create_organization(tx, "acme", ann.id, now))
    database.close()
    return folder


@pytest.fixture
def wherry(data: Path, monkeypatch: pytest.MonkeyPatch) -> Wherry:
    """Runs a command; answers what it printed, or with a `code` what it complained of."""
    monkeypatch.setenv("WHERRY_DATA", str(data))
    monkeypatch.setenv("WHERRY_CLUSTERS_ALLOWED_NETWORKS", "127.0.0.0/8")

    def command(*arguments: str, code: int = 0, typed: str | None = None) -> str:
        ended = CliRunner().invoke(APP, arguments, input=typed)
        assert ended.exit_code == code, (ended.output, ended.exception)
        return ended.stderr if code else ended.stdout

    return command


def records(wherry: Wherry, *arguments: str) -> Any:
    return json.loads(wherry(*arguments, "--json"))


def test_contexts_are_shown_with_what_speaks_against_them(wherry: Wherry, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(kubeconfig({}, {"exec": {"command": "aws"}}))
    [row] = records(wherry, "cluster", "contexts", "--kubeconfig", str(file))
    assert (row["context"], row["current"]) == ("main", True)
    assert "running a program ('aws')" in row["refused"]
    said = wherry("cluster", "add", "prod", "--kubeconfig", str(file), code=1)
    assert "running a program ('aws')" in said
    assert records(wherry, "cluster", "list") == []


def test_a_file_that_is_none_is_said_so(wherry: Wherry, tmp_path: Path) -> None:
    said = wherry("cluster", "add", "prod", "--kubeconfig", str(tmp_path / "none"), code=1)
    assert "No such file" in said
    (tmp_path / "bad").write_text("a: [")
    assert "no YAML" in wherry("cluster", "contexts", "--kubeconfig", str(tmp_path / "bad"), code=1)


def test_a_cluster_on_this_machine_is_refused_unless_allowed(
    wherry: Wherry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_text(kubeconfig({"server": "https://127.0.0.1:1"}))
    said = wherry("cluster", "add", "prod", "--kubeconfig", str(file), code=1)
    assert "no connection to 127.0.0.1:1" in said
    monkeypatch.delenv("WHERRY_CLUSTERS_ALLOWED_NETWORKS")
    said = wherry("cluster", "add", "prod", "--kubeconfig", str(file), "--offline", code=1)
    assert "this machine itself" in said
    assert records(wherry, "cluster", "list") == []


def test_clusters_are_registered_changed_opened_and_removed(wherry: Wherry, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(kubeconfig())
    given = ("--kubeconfig", str(file), "--offline")
    wherry("cluster", "add", "shared", *given, "--description", "for all")
    wherry("cluster", "open", "shared", "acme", "write")
    wherry("cluster", "change", "shared", "--name", "common", "--no-default-secret")
    [row] = records(wherry, "cluster", "list")
    assert (row["name"], row["organization"], row["status"]) == ("common", None, "Unknown")
    wherry("cluster", "close", "common", "acme")
    assert "was not open" in wherry("cluster", "close", "common", "acme", code=1)
    wherry("cluster", "login", "common", *given)
    assert "makes no default secrets" in wherry(
        "pull-secret", "sync", "common", "--registry", "registry.example.com", code=1
    )
    wherry("cluster", "remove", "common")
    assert "there is no cluster 'common'" in wherry("cluster", "remove", "common", code=1)


@pytest.fixture
def prod(plane: ControlPlane, wherry: Wherry) -> str:
    """The real cluster, registered, with two nodes."""
    if not plane.request("GET", "/api/v1/nodes")["items"]:
        plane.add_nodes(2)
    said = wherry("cluster", "add", "prod", "--kubeconfig", str(plane.kubeconfig), "--organization", "acme")
    assert "It answers: Kubernetes v1." in said
    return "prod"


@pytest.mark.engine("kubernetes")
def test_from_an_image_to_running_pods(wherry: Wherry, prod: str, plane: ControlPlane) -> None:
    plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": "walk"}})
    shown = records(wherry, "cluster", "show", prod)
    assert (shown["now"], shown["nodes"], shown["architectures"]) == ("Running", "2/2", ["amd64"])
    wherry(
        "pull-secret", "create", prod, "acme-pull", "-n", "walk", "--registry", "registry.example.com",
        "--user", "wherry@AK", "--password-stdin", "--label", "team=shop", typed="s3cret\n",
    )  # fmt: skip
    [secret] = records(wherry, "pull-secret", "list", prod, "-n", "walk")
    assert (secret["name"], secret["registries"], secret["by_wherry"]) == (
        "acme-pull",
        ["registry.example.com"],
        True,
    )
    given = (
        "demo",
        "--image",
        IMAGE,
        "-n",
        "walk",
        "--time-zone",
        "--pull-secret",
        "acme-pull",
        "--port",
        "80",
    )
    assert wherry("workload", "create", prod, *given, "--dry-run") == (
        "Deployment demo would be made.\nService demo would be made.\n"
    )
    assert records(wherry, "workload", "list", prod, "-n", "walk") == []
    said = wherry("workload", "create", prod, *given, "--watch")
    assert "Deployment demo is made.\n" in said
    assert "Running: 2 of 2 ready, 2 of the new version\n" in said
    [row] = records(wherry, "workload", "list", prod, "-n", "walk")
    assert (row["status"], row["pods"], row["images"]) == ("Running", "2/2", [IMAGE])
    shown = records(wherry, "workload", "show", prod, "demo", "-n", "walk")
    assert shown["pull_secrets"] == ["acme-pull"]
    written = read_yaml(wherry("workload", "show", prod, "demo", "-n", "walk", "-o", "yaml"))
    volumes = written["spec"]["template"]["spec"]["volumes"]
    assert volumes == [{"name": "wherry-time-zone", "hostPath": {"path": "/etc/localtime", "type": "File"}}]
    assert "status" not in written


@pytest.mark.engine("kubernetes")
def test_a_workload_is_changed_rolled_back_and_deleted(
    wherry: Wherry, prod: str, plane: ControlPlane
) -> None:
    plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": "change"}})
    given = ("-n", "change")
    wherry(
        "workload", "create", prod, "web", "--image", IMAGE, "--pods", "1", "--port", "80", *given, "--watch"
    )
    newer = IMAGE.replace("1.4", "1.5")
    wherry(
        "workload", "create", prod, "web", "--image", newer, "--pods", "1", "--port", "80", *given, "--watch"
    )
    known = records(wherry, "workload", "history", prod, "web", *given)
    assert [(one["revision"], one["images"]) for one in known] == [(2, [newer]), (1, [IMAGE])]
    wherry("workload", "roll-back", prod, "web", *given)
    wherry("workload", "scale", prod, "web", "2", *given)
    wherry("workload", "redeploy", prod, "web", *given)
    wherry("workload", "watch", prod, "web", *given)
    [row] = records(wherry, "workload", "list", prod, *given)
    assert (row["pods"], row["images"], row["status"]) == ("2/2", [IMAGE], "Running")
    assert "service web" in wherry("workload", "delete", prod, "web", *given, typed="y\n")
    assert records(wherry, "workload", "list", prod, *given) == []


@pytest.mark.engine("kubernetes")
def test_yaml_is_deployed_as_it_is(wherry: Wherry, prod: str, plane: ControlPlane) -> None:
    plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": "yaml"}})
    text = wherry(
        "workload", "create", prod, "web", "--image", IMAGE, "-n", "yaml", "--dry-run", "-o", "yaml"
    )
    assert (
        wherry("workload", "create", prod, "-f", "-", "-n", "yaml", typed=text) == "Deployment web is made.\n"
    )
    said = wherry("workload", "create", prod, "-f", "-", typed="kind: Ingress\n", code=1)
    assert "no workload or service" in said


@pytest.mark.engine("kubernetes")
def test_what_is_wrong_is_said_before_the_cluster_is_asked(wherry: Wherry, prod: str) -> None:
    said = wherry("workload", "create", prod, "Web", "--image", "Bad:Image", code=1)
    assert "workload name 'Web'" in said
    assert "image 'Bad:Image'" in said
    assert "valid are" in wherry("workload", "create", prod, "a", "--image", IMAGE, "--kind", "Pod", code=2)
    said = wherry("workload", "create", prod, "web", "--image", IMAGE, "-n", "nowhere", code=1)
    assert 'namespaces "nowhere" not found' in said


@pytest.mark.engine("kubernetes")
def test_default_secrets_are_put_everywhere_and_rotated(wherry: Wherry, prod: str) -> None:
    given = ("pull-secret", "sync", prod, "--registry", "registry.example.com")

    def done(*more: str) -> set[str]:
        """Other tests have left what is theirs in namespaces of their own."""
        rows = records(wherry, *given, *more)
        return {row["secret"] for row in rows if row["namespace"] in ("default", "kube-system")}

    assert done() == {"written"}
    assert done() == {"unchanged"}
    assert done("--rotate") == {"written"}
    listed = records(wherry, "pull-secret", "list", prod, "-n", "default")
    [secret] = [row for row in listed if row["name"] == "default-secret"]
    assert secret["registries"] == ["registry.example.com"]
    assert secret["expires"] > datetime.now(UTC).isoformat()
    assert len(records(wherry, "key", "list")) == 2
    wherry("cluster", "change", prod, "--no-default-secret")
    wherry("cluster", "remove", prod)
    assert records(wherry, "key", "list") == []
