"""A real Karmada does with our policies what we say that it does, and tells how each member fares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from engines.servers import ControlPlane
from engines.servers.karmada import Karmada
from tests.clusters.workloads.requests import DEMO, IMAGE
from tests.clusters.worlds import connect_to
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import ClusterCallFailed, ObjectUnknown
from wherry.clusters.federations.differences import Difference
from wherry.clusters.federations.members import Share, list_members, shares_of
from wherry.clusters.federations.placement import Placement, federated
from wherry.clusters.kinds import DEPLOYMENT, SECRET, Object
from wherry.clusters.pull_secrets.create import SecretRequest, put_secret
from wherry.clusters.pull_secrets.documents import RegistryLogin
from wherry.clusters.workloads.deploy import deploy
from wherry.clusters.workloads.pods import SecretName

pytestmark = [pytest.mark.engine("kubernetes"), pytest.mark.slow]
NEWER = IMAGE.replace("1.4", "1.5")


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 (what is waited for is another program's doing)
            await asyncio.sleep(0.2)


async def found(connection: ClusterConnection, namespace: str) -> Object | None:
    try:
        return await connection.get(DEPLOYMENT, "demo", namespace)
    except ObjectUnknown:
        return None


async def test_pods_are_divided_and_what_differs_is_different(
    federation: Karmada, kubernetes: ControlPlane, other_kubernetes: ControlPlane
) -> None:
    namespace = "federated"
    federation.plane.kubectl("create", "namespace", namespace)
    connection, one, two = (connect_to(plane) for plane in (federation.plane, kubernetes, other_kubernetes))
    members = await list_members(connection)
    assert [(member.name, member.is_ready, member.sync_mode) for member in members] == [
        ("one", True, "Push"),
        ("two", True, "Push"),
    ]
    login = RegistryLogin("registry.example.com", "wherry@AK", "s3cret")
    await put_secret(connection, SecretRequest("pull", login, namespace))
    pod = replace(DEMO.pod, pull_secrets=(SecretName("pull"),))
    request = replace(DEMO, namespace=namespace, pods=4, pod=pod)
    difference = Difference("two", images={"container-1": NEWER}, variables={"container-1": {"MODE": "test"}})
    objects = federated(request, Placement({"one": 3, "two": 1}, differences=(difference,)), ["pull"])
    await deploy(connection, objects)

    async def all_ready() -> bool:
        shares = await shares_of(connection, DEPLOYMENT, "demo", namespace)
        return [(share.member, share.desired, share.ready) for share in shares] == [
            ("one", 3, 3),
            ("two", 1, 1),
        ]

    await until(all_ready)
    first, second = await found(one, namespace), await found(two, namespace)
    assert first is not None
    assert second is not None
    containers = [made["spec"]["template"]["spec"]["containers"][0] for made in (first, second)]
    assert [container["image"] for container in containers] == [IMAGE, NEWER]
    assert containers[1]["env"] == [{"name": "MODE", "value": "test"}]
    for member in (one, two):
        assert (await member.get(SECRET, "pull", namespace))["type"] == "kubernetes.io/dockerconfigjson"
    shares: tuple[Share, ...] = await shares_of(connection, DEPLOYMENT, "demo", namespace)
    assert all(share.is_applied and share.problem is None for share in shares)
    assert await shares_of(connection, DEPLOYMENT, "absent", namespace) == ()
    federation.plane.kubectl("delete", "namespace", namespace, "--wait=false")
    for opened in (connection, one, two):
        await opened.close()


async def test_a_cluster_that_is_no_karmada_says_so(kubernetes: ControlPlane) -> None:
    connection = connect_to(kubernetes)
    with pytest.raises(ClusterCallFailed, match="does not know such objects"):
        await list_members(connection)
    await connection.close()
