"""Kubelets pull with the cluster's default-secret while its key is replaced 20 times: none of them fails.

Everything is real: the registry, the control plane, kubelets on containerd. Only the overlap is not an hour.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engines.servers import RealCluster, Wherry, wherry
from tests.clusters.private_images import push_private_image
from tests.clusters.registered import NOW, SEALER
from wherry.clusters.addresses import AddressRules
from wherry.clusters.cluster import Cluster
from wherry.clusters.drivers.http import HttpConnection
from wherry.clusters.kubeconfig import read_kubeconfig
from wherry.clusters.pull_secrets.default_secret import NAME, look_and_plan, reconcile
from wherry.clusters.pull_secrets.keys import current_logins, end_retired, rolled_out
from wherry.clusters.register import Registration, register_cluster
from wherry.db.database import Database
from wherry.identity.access_keys import list_access_keys
from wherry.kit.clock import SystemClock

ROTATIONS = 20
EVERY = 2.0
OVERLAP = timedelta(seconds=8)

pytestmark = [pytest.mark.engine("kubernetes"), pytest.mark.slow]


@pytest.fixture
def registry(nodes: RealCluster, tmp_path: Path) -> Iterator[Wherry]:
    with wherry(tmp_path / "data", address=nodes.network.address) as server:
        nodes.trust(server.host)
        yield server


class Puller:
    """Pods on one node, one after the other; each pulls anew, with the secret as it is then."""

    def __init__(self, cluster: RealCluster, node: str, namespace: str, image: str) -> None:
        self._plane, self._node, self._image = cluster.plane, node, image
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self.done = 0

    def pull(self) -> None:
        """Returns when the image is pulled and has run. Fails with the pod's status where it was not."""
        name = f"pull-{self._node}-{self.done}"
        container = {"name": "c", "image": self._image, "imagePullPolicy": "Always"}
        spec = {
            "nodeName": self._node,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "imagePullSecrets": [{"name": NAME}],
            "containers": [container],
        }
        self._plane.request("POST", self._pods, {"metadata": {"name": name}, "spec": spec})
        deadline = time.monotonic() + 60
        while (status := self._status(name)).get("phase") != "Succeeded":
            waiting = [one["state"].get("waiting", {}) for one in status.get("containerStatuses", ())]
            assert not [one for one in waiting if "Pull" in one.get("reason", "")], status
            assert time.monotonic() < deadline, status
            time.sleep(0.1)
        self._plane.request("DELETE", f"{self._pods}/{name}")
        self.done += 1

    def _status(self, name: str) -> dict[str, Any]:
        status: dict[str, Any] = self._plane.request("GET", f"{self._pods}/{name}")["status"]
        return status


async def test_no_kubelet_fails_to_pull_while_the_key_rotates(
    nodes: RealCluster, registry: Wherry, nodes_namespace: str, tmp_path: Path
) -> None:
    image = push_private_image(registry, "acme/once", ["/bin/busybox", "true"], tmp_path)
    database, clock = Database(f"sqlite:///{registry.data / 'wherry.db'}"), SystemClock()
    login = read_kubeconfig(nodes.plane.kubeconfig.read_text(), NOW)
    asked = Registration("rotated", login, organization="acme", makes_default_secret=False)
    cluster: Cluster = await database.write(
        lambda tx: register_cluster(
            tx, SEALER, AddressRules(), asked, uid=None, created_by=None, now=clock.now()
        )
    )
    connection = HttpConnection("rotated", login.login(), AddressRules())

    async def rotate() -> None:
        logins = await database.write(
            lambda tx: current_logins(tx, SEALER, cluster, registry.host, clock.now(), rotate=True)
        )
        assert (await reconcile(connection, await look_and_plan(connection, logins))).is_whole
        await database.write(lambda tx: rolled_out(tx, cluster, logins.source, clock.now(), overlap=OVERLAP))
        await database.write(lambda tx: end_retired(tx, clock.now(), cluster))

    ended = asyncio.Event()

    async def pull_for_ever(puller: Puller) -> None:
        while not ended.is_set():
            await asyncio.to_thread(puller.pull)

    await rotate()
    pullers = [Puller(nodes, node.name, nodes_namespace, image) for node in nodes.nodes]
    pulling = asyncio.gather(*(pull_for_ever(puller) for puller in pullers))
    for _ in itertools.repeat(None, ROTATIONS):
        await rotate()
        await asyncio.sleep(EVERY)
        assert not pulling.done(), pulling.exception()
    ended.set()
    await pulling
    assert sum(puller.done for puller in pullers) > ROTATIONS
    said = nodes.plane.request("GET", f"/api/v1/namespaces/{nodes_namespace}/events")["items"]
    assert not [one["message"] for one in said if one["reason"] in ("Failed", "BackOff")]
    # Keys did end meanwhile: those left are the newest, and those whose overlap is not over.
    assert len(await database.read(list_access_keys)) < ROTATIONS / 2
    await connection.close()
    database.close()
