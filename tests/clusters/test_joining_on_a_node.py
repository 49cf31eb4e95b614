"""A cluster joins by its own means alone: its owner applies one manifest, a kubelet runs the agent's pod."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engines.servers import RealCluster, Wherry, wherry
from tests.clusters.private_images import push_private_image
from tests.clusters.python_image import python_files

pytestmark = [pytest.mark.engine("kubernetes"), pytest.mark.slow]

AGENT = "library-agent/python"


@pytest.fixture
def registry(nodes: RealCluster, tmp_path: Path) -> Iterator[Wherry]:
    """A Wherry that the pods reach, and that holds the image of their agent for everybody."""
    address = nodes.network.address
    with wherry(tmp_path / "data", address=address) as server:
        nodes.trust(server.host)
        push_private_image(server, AGENT, ["/usr/local/bin/python3"], tmp_path, python_files())
        yield server


def typed(server: Wherry, *arguments: str) -> str:
    settings = {
        "WHERRY_DATA": str(server.data),
        "WHERRY_PUBLIC_URL": server.url,
        "WHERRY_CLUSTERS_AGENT_IMAGE": f"{server.host}/{AGENT}:1",
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("WHERRY_")}
    done = subprocess.run(
        [sys.executable, "-m", "wherry", *arguments],
        env=others | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown(server: Wherry) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(typed(server, "cluster", "show", "edge", "--json"))
    return found


def said(nodes: RealCluster) -> list[str]:
    """What the agent's pods wrote, on each node."""
    tail = "tail -n 20 /var/log/pods/wherry-system*/*/*.log || true"
    return [node.run("sh", "-c", tail) for node in nodes.nodes]


def test_the_manifest_is_all_that_a_cluster_needs(nodes: RealCluster, registry: Wherry) -> None:
    typed(registry, "repository", "set", AGENT, "--public")
    manifest = typed(registry, "cluster", "join", "edge", "--url", registry.url, "--manifest", "-")
    try:
        nodes.plane.kubectl("apply", "-f", "-", stdin=manifest)
        deadline = time.monotonic() + 90
        while shown(registry)["status"] != "Running":
            assert time.monotonic() < deadline, (shown(registry), said(nodes))
            time.sleep(0.5)
        assert shown(registry)["nodes"] == "2/2"
    finally:
        typed(registry, "cluster", "remove", "edge")
        nodes.plane.request("DELETE", "/api/v1/namespaces/wherry-system")
