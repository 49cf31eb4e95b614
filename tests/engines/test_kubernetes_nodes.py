"""The real nodes that tests run against pull, run and report as a user's would, and leave nothing behind."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engines.pytest_plugin import require
from engines.servers import Node, RealCluster, Wherry, real_cluster, wherry, write_image_archive

SLEEP = ["/bin/busybox", "sh", "-c", "echo up; exec /bin/busybox sleep 3600"]


def test_a_node_that_is_gone_leaves_no_process_bridge_cgroup_mount_or_setting() -> None:
    require("kubernetes", root=True)
    require("containerd-2", root=True)
    settings = _machine_settings()
    with real_cluster() as cluster:
        (node,) = cluster.nodes
        assert _cgroups(node)
        assert Path(f"/sys/class/net/{cluster.network.bridge}").exists()
        below = [int(pid) for pid in _below(node.pid)]
        assert below
        assert _machine_settings() == settings
    assert not [pid for pid in (node.pid, *below) if Path(f"/proc/{pid}").exists()]
    assert not Path(f"/sys/class/net/{cluster.network.bridge}").exists()
    assert not _cgroups(node)
    assert not node.home.exists()
    assert str(node.home) not in Path("/proc/self/mounts").read_text()
    assert _machine_settings() == settings


def _cgroups(node: Node) -> list[Path]:
    return list(Path("/sys/fs/cgroup").glob(f"*/{node.home.name}"))


def _below(pid: int) -> list[str]:
    """The processes that share the process table of this one."""
    own = Path(f"/proc/{pid}/ns/pid").readlink()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "ns/pid").readlink() == own:
                found.append(process.name)
    return found


def _machine_settings() -> dict[str, str]:
    names = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")
    return {name: (Path("/proc/sys") / name).read_text() for name in names}


@pytest.fixture(scope="module")
def registry(nodes: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wherry]:
    """A Wherry that the nodes can reach and trust."""
    folder = tmp_path_factory.mktemp("wherry")
    with wherry(folder / "data", address=nodes.network.address) as server:
        nodes.trust(server.host)
        yield server


def _push(registry: Wherry, folder: Path, name: str) -> str:
    """A private image with this test's name in it; its digest."""
    archive = folder / "image.tar"
    digest = write_image_archive(archive, "app:1", [require("busybox-static")], SLEEP, note=name)
    subprocess.run(
        [
            require("skopeo"),
            "copy",
            "--quiet",
            "--preserve-digests",
            "--dest-tls-verify=false",
            f"--dest-creds={registry.username}:{registry.password}",
            f"oci-archive:{archive}",
            f"docker://{registry.host}/acme/{name}:1",
        ],
        check=True,
    )
    return digest


def _pods(nodes: RealCluster, namespace: str) -> list[Any]:
    return list(nodes.plane.request("GET", f"/api/v1/namespaces/{namespace}/pods")["items"])


def _secret(nodes: RealCluster, namespace: str, registry: Wherry) -> None:
    user, password = f"--docker-username={registry.username}", f"--docker-password={registry.password}"
    server = f"--docker-server={registry.host}"
    nodes.plane.kubectl(
        "create", "secret", "docker-registry", "pull", server, user, password, "-n", namespace
    )


def test_a_private_image_runs_with_a_pull_secret_and_says_why_not_without(
    nodes: RealCluster, registry: Wherry, nodes_namespace: str, tmp_path: Path
) -> None:
    plane, namespace = nodes.plane, nodes_namespace
    digest = _push(registry, tmp_path, "private")
    image = f"{registry.host}/acme/private:1"
    plane.kubectl("create", "deployment", "web", f"--image={image}", "-n", namespace)
    waiting = _await_waiting(nodes, namespace)
    assert waiting["reason"] in ("ErrImagePull", "ImagePullBackOff")
    assert "401 Unauthorized" in waiting["message"]

    _secret(nodes, namespace, registry)
    secrets = {"spec": {"template": {"spec": {"imagePullSecrets": [{"name": "pull"}]}}}}
    plane.kubectl("patch", "deployment", "web", "-n", namespace, f"--patch={json.dumps(secrets)}")
    plane.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=90s")

    running = [pod for pod in _pods(nodes, namespace) if pod["status"]["phase"] == "Running"]
    assert running[0]["status"]["containerStatuses"][0]["imageID"].endswith(digest)
    assert plane.kubectl("logs", "deployment/web", "-n", namespace).strip() == "up"
    told = plane.kubectl("exec", "deployment/web", "-n", namespace, "--", "/bin/busybox", "cat", "/etc/note")
    assert told == "private"


def _await_waiting(nodes: RealCluster, namespace: str) -> Any:
    """The reason and message of the first container that waits with a message of the pull."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for pod in _pods(nodes, namespace):
            for status in pod["status"].get("containerStatuses", []):
                waiting = status["state"].get("waiting", {})
                if "message" in waiting:
                    return waiting
        time.sleep(0.1)
    raise AssertionError("no container waits for its image")


def test_a_daemon_set_runs_on_every_node_and_its_pods_reach_each_other(
    nodes: RealCluster, registry: Wherry, nodes_namespace: str, tmp_path: Path
) -> None:
    plane, namespace = nodes.plane, nodes_namespace
    _push(registry, tmp_path, "everywhere")
    _secret(nodes, namespace, registry)
    container = {"name": "app", "image": f"{registry.host}/acme/everywhere:1"}
    labels = {"app": "everywhere"}
    daemons = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "everywhere"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "imagePullSecrets": [{"name": "pull"}]},
            },
        },
    }
    plane.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(daemons))
    plane.kubectl("rollout", "status", "daemonset/everywhere", "-n", namespace, "--timeout=90s")
    pods = _pods(nodes, namespace)
    assert {pod["spec"]["nodeName"] for pod in pods} == {node.name for node in nodes.nodes}
    first, second = pods
    ping = ["/bin/busybox", "ping", "-c", "1", "-W", "5", second["status"]["podIP"]]
    plane.kubectl("exec", first["metadata"]["name"], "-n", namespace, "--", *ping)


def test_a_pod_finds_the_apiserver_where_its_environment_says(
    nodes: RealCluster, registry: Wherry, nodes_namespace: str, tmp_path: Path
) -> None:
    plane, namespace = nodes.plane, nodes_namespace
    _push(registry, tmp_path, "inside")
    _secret(nodes, namespace, registry)
    overrides = f"--overrides={json.dumps({'spec': {'imagePullSecrets': [{'name': 'pull'}]}})}"
    plane.kubectl("run", "inside", f"--image={registry.host}/acme/inside:1", overrides, "-n", namespace)
    plane.kubectl("wait", "--for=condition=Ready", "pod/inside", "-n", namespace, "--timeout=90s")
    connect = "exec busybox nc -w 5 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT < /dev/null"
    plane.kubectl("exec", "inside", "-n", namespace, "--", "/bin/busybox", "sh", "-c", connect)
