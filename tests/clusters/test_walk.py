"""The seed's walk on real nodes: register, choose a private image, credential, Deployment, pods Running.

Everything is real: a Wherry server, a kube-apiserver, kubelets on containerd that pull from that Wherry.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engines.servers import RealCluster, Wherry, wherry
from tests.clusters.private_images import push_private_image

SLEEP = ["/bin/busybox", "sh", "-c", "exec /bin/busybox sleep 3600"]

pytestmark = [pytest.mark.engine("kubernetes"), pytest.mark.slow]


class Typed:
    """Commands as an administrator types them, on the data folder of the running server."""

    def __init__(self, server: Wherry, network: str) -> None:
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WHERRY_")},
            "WHERRY_DATA": str(server.data),
            "WHERRY_CLUSTERS_ALLOWED_NETWORKS": network,
        }

    def __call__(self, *arguments: str, typed: str | None = None) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "wherry", *arguments],
            env=self._environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))


@pytest.fixture(scope="module")
def registry(nodes: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wherry]:
    """A Wherry that the nodes reach, with a private image in acme."""
    folder = tmp_path_factory.mktemp("walk")
    settings = {"WHERRY_CLUSTERS_ALLOWED_NETWORKS": f"{nodes.network.apiserver_address}/32"}
    with wherry(folder / "data", settings=settings, address=nodes.network.address) as server:
        nodes.trust(server.host)
        push_private_image(server, "acme/web", SLEEP, folder)
        yield server


@pytest.fixture(scope="module")
def typed(registry: Wherry, nodes: RealCluster) -> Typed:
    """The cluster is registered for acme; it makes no default secret yet."""
    command = Typed(registry, f"{nodes.network.address}/32")
    file = nodes.plane.kubeconfig
    command(
        "cluster", "add", "prod", "--kubeconfig", str(file), "--organization", "acme", "--no-default-secret"
    )
    return command


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_private_image_runs_by_a_secret_that_was_made_for_it(
    typed: Typed, registry: Wherry, nodes: RealCluster, nodes_namespace: str, tmp_path: Path
) -> None:
    image, given = f"{registry.host}/acme/web:1", ("-n", nodes_namespace)
    # Without a credential the reason is there in words.
    typed("workload", "create", "prod", "bare", "--image", image, "--pods", "1", *given)
    until(lambda: bool(typed.rows("workload", "show", "prod", "bare", *given)["failures"]))
    [failure] = typed.rows("workload", "show", "prod", "bare", *given)["failures"]
    assert "does not accept the login, or there is none: choose an image access credential" in failure

    csv = tmp_path / "credentials.csv"
    typed("key", "create", "--user", "admin", "--csv", str(csv), "--scope", "acme=read")
    login = typed.rows("login-key", str(csv))
    typed(
        "pull-secret", "create", "prod", "acme-pull", *given, "--registry", registry.host,
        "--user", login["user"], "--password-stdin", typed=login["password"],
    )  # fmt: skip
    said = typed(
        "workload", "create", "prod", "demo", "--image", image, "--time-zone",
        "--pull-secret", "acme-pull", *given, "--watch",
    )  # fmt: skip
    assert "Running: 2 of 2 ready" in said
    shown = typed.rows("workload", "show", "prod", "demo", *given)
    [digest] = shown["running"]
    assert digest.startswith("sha256:")
    same = nodes.plane.kubectl(
        "exec", "deployment/demo", *given, "--", "/bin/busybox", "md5sum", "/etc/localtime"
    )
    assert "/etc/localtime" in same


def test_with_default_secret_there_is_no_secret_step(
    typed: Typed, registry: Wherry, nodes: RealCluster, nodes_namespace: str
) -> None:
    typed("cluster", "change", "prod", "--default-secret")
    # The server makes it by itself, also in a namespace that is new.
    until(lambda: bool(typed.rows("pull-secret", "list", "prod", "-n", nodes_namespace)))
    rows = typed.rows("pull-secret", "list", "prod", "-n", nodes_namespace)
    assert [row["name"] for row in rows] == ["default-secret"]
    said = typed(
        "workload", "create", "prod", "demo", "--image", f"{registry.host}/acme/web:1", "--pods", "1",
        "--pull-secret", "default-secret", "-n", nodes_namespace, "--watch",
    )  # fmt: skip
    assert "Running: 1 of 1 ready" in said
    nodes.plane.kubectl("create", "namespace", "made-later")
    until(lambda: bool(typed.rows("pull-secret", "list", "prod", "-n", "made-later")))
    typed("cluster", "change", "prod", "--no-default-secret")
    until(lambda: not typed.rows("pull-secret", "list", "prod", "-n", "made-later"))
