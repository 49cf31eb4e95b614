"""A real Karmada does with our policies what we say that it does, and tells how each member fares."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from engines.servers import ControlPlane
from engines.servers.karmada import Karmada
from tests.clusters.federations.waiting import until
from tests.clusters.workloads.requests import DEMO, IMAGE, of_each_kind
from tests.clusters.worlds import connect_to
from wherry.clusters.cluster import ClusterKind
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import ClusterCallFailed, InvalidRequest, ObjectUnknown
from wherry.clusters.federations.differences import Difference
from wherry.clusters.federations.federate import (
    delete_federated,
    deploy_federated,
    list_federated,
    look_federated,
)
from wherry.clusters.federations.members import (
    Share,
    are_whole,
    follow_shares,
    list_members,
    shares_of,
)
from wherry.clusters.federations.placement import Mode, Placement
from wherry.clusters.kinds import (
    DAEMON_SET,
    DEPLOYMENT,
    OVERRIDE_POLICY,
    PROPAGATION_POLICY,
    SECRET,
    SERVICE,
    Kind,
    Object,
)
from wherry.clusters.probe import probe
from wherry.clusters.pull_secrets.create import SecretRequest, put_secret
from wherry.clusters.pull_secrets.default_secret import NAME, Step, look_and_plan, reconcile
from wherry.clusters.pull_secrets.documents import RegistryLogin, content_of
from wherry.clusters.pull_secrets.keys import PullLogins
from wherry.clusters.workloads.pods import SecretName
from wherry.clusters.workloads.request import Service, ServicePort, Workload
from wherry.kit.clock import SystemClock

pytestmark = [pytest.mark.engine("kubernetes"), pytest.mark.slow]

HOST = "registry.example.com"
NEWER = IMAGE.replace("1.4", "1.5")
LOGIN = RegistryLogin(HOST, "wherry@AK", "s3cret")
NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Opened:
    """Connections to the federation and its members."""

    karmada: ClusterConnection
    one: ClusterConnection
    two: ClusterConnection

    async def found(self, member: str, kind: Kind, name: str, namespace: str) -> Object | None:
        try:
            return await getattr(self, member).get(kind, name, namespace)  # type: ignore[no-any-return]
        except ObjectUnknown:
            return None


@pytest.fixture
async def opened(
    federation: Karmada, kubernetes: ControlPlane, other_kubernetes: ControlPlane
) -> AsyncIterator[Opened]:
    async with AsyncExitStack() as stack:
        made = [connect_to(plane) for plane in (federation.plane, kubernetes, other_kubernetes)]
        for one in made:
            stack.push_async_callback(one.close)
        yield Opened(*made)


@pytest.fixture
def shop(federation: Karmada) -> Iterator[str]:
    """A namespace of the federation."""
    name = f"federated-{next(NUMBERS)}"
    federation.plane.kubectl("create", "namespace", name)
    yield name
    federation.plane.kubectl("delete", "namespace", name, "--wait=false")


def demo(namespace: str, *secrets: str, **more: Any) -> Workload:
    pod = replace(DEMO.pod, pull_secrets=tuple(SecretName(name) for name in secrets))
    return replace(DEMO, namespace=namespace, pod=pod, **more)


async def whole(karmada: ClusterConnection, namespace: str) -> tuple[Share, ...]:
    seen = [one async for one in follow_shares(karmada, DEPLOYMENT, "demo", namespace, SystemClock(), 60)]
    assert are_whole(seen[-1]), seen
    return seen[-1]


async def test_pods_are_divided_and_what_differs_is_different(opened: Opened, shop: str) -> None:
    members = await list_members(opened.karmada)
    assert [(member.name, member.is_ready, member.sync_mode) for member in members] == [
        ("one", True, "Push"),
        ("two", True, "Push"),
    ]
    assert members[0].uid == (await probe(opened.one)).uid
    await put_secret(opened.karmada, SecretRequest("pull", LOGIN, shop))
    difference = Difference("two", images={"container-1": NEWER}, variables={"container-1": {"MODE": "test"}})
    placement = Placement({"one": 3, "two": 1}, differences=(difference,))
    tried = await deploy_federated(opened.karmada, demo(shop, "pull", pods=4), placement, dry_run=True)
    assert [one.was_there for one in tried] == [False, False, False]
    await deploy_federated(opened.karmada, demo(shop, "pull", pods=4), placement)
    shares = await whole(opened.karmada, shop)
    assert [(share.member, share.desired, share.ready) for share in shares] == [("one", 3, 3), ("two", 1, 1)]
    containers = []
    for name in ("one", "two"):
        made = await opened.found(name, DEPLOYMENT, "demo", shop)
        assert made is not None
        containers.append(made["spec"]["template"]["spec"]["containers"][0])
    assert [container["image"] for container in containers] == [IMAGE, NEWER]
    assert containers[1]["env"] == [{"name": "MODE", "value": "test"}]
    [listed] = await list_federated(opened.karmada, shop)
    assert (listed.kind, listed.name, listed.members, listed.secrets) == (
        "Deployment",
        "demo",
        ("one", "two"),
        ("pull",),
    )

    async def is_summed_up() -> bool:
        status = await look_federated(opened.karmada, DEPLOYMENT, "demo", shop)
        return status.workload.ready == 4 and are_whole(status.shares)

    await until(is_summed_up)
    assert await shares_of(opened.karmada, DEPLOYMENT, "absent", shop) == ()


async def test_a_secret_travels_to_where_it_is_used_and_leaves_with_the_last_user(
    opened: Opened, shop: str
) -> None:
    """Two workloads in different members use the same secret: neither takes it from the other."""
    await put_secret(opened.karmada, SecretRequest("pull", LOGIN, shop))
    other = replace(demo(shop, "pull"), name="other")
    await deploy_federated(opened.karmada, demo(shop, "pull"), Placement({"one": 1}))

    async def content(member: str) -> str | None:
        found = await opened.found(member, SECRET, "pull", shop)
        return None if found is None else content_of(found)

    async def arrived(*members: str) -> bool:
        there = {member for member in ("one", "two") if await content(member) is not None}
        return there == set(members)

    await until(lambda: arrived("one"))
    await deploy_federated(opened.karmada, other, Placement({"two": 1}))
    await until(lambda: arrived("one", "two"))
    # Rotated in the federation: every member has the new one.
    newer = replace(LOGIN, password="newer")
    renewed = await put_secret(opened.karmada, SecretRequest("pull", newer, shop))

    async def is_newer() -> bool:
        return {await content("one"), await content("two")} == {content_of(renewed)}

    await until(is_newer)
    status = await look_federated(opened.karmada, DEPLOYMENT, "demo", shop)
    assert [(share.member, share.is_applied) for share in status.secrets["pull"]] == [
        ("one", True),
        ("two", True),
    ]
    await delete_federated(opened.karmada, DEPLOYMENT, "demo", shop)
    await until(lambda: arrived("two"))
    await delete_federated(opened.karmada, DEPLOYMENT, "other", shop)
    await until(arrived)
    assert await opened.karmada.get(SECRET, "pull", shop), "the federation keeps it"


async def test_a_members_own_default_secret_is_not_the_federations(opened: Opened, shop: str) -> None:
    """Where a member has none, the federation's arrives and stays Karmada's; where it has one, that stays."""
    logins = {
        name: PullLogins((RegistryLogin(HOST, "wherry@AK", name),), name, None) for name in ("karmada", "two")
    }

    async def settle(member: str, name: str) -> dict[str, Step]:
        connection = getattr(opened, member)
        planned = [one for one in await look_and_plan(connection, logins[name]) if one.namespace == shop]
        await reconcile(connection, planned)
        return {one.namespace: one.step for one in planned}

    async def has_namespace() -> bool:
        return await settle("two", "two") != {}

    await until(has_namespace)
    assert await settle("karmada", "karmada") == {shop: Step.CREATE}
    await deploy_federated(opened.karmada, demo(shop, NAME), Placement({"one": 1, "two": 1}))

    async def source(member: str) -> str | None:
        found = await opened.found(member, SECRET, NAME, shop)
        return None if found is None else str(found["metadata"]["annotations"]["wherry.dev/source"])

    async def arrived() -> bool:
        return await source("one") == "karmada"

    await until(arrived)
    await whole(opened.karmada, shop)
    assert await source("two") == "two"
    # Neither is the other's: Wherry leaves in a member what Karmada brought there.
    assert await settle("one", "two") == {shop: Step.LEAVE}
    assert await settle("two", "two") == {shop: Step.NOTHING}


async def test_auto_balancing_and_replication(opened: Opened, shop: str) -> None:
    await deploy_federated(opened.karmada, demo(shop, pods=4), Placement({"one": 0, "two": 0}, Mode.AUTO))
    shares = await whole(opened.karmada, shop)
    assert sum(share.desired or 0 for share in shares) == 4
    daemons = of_each_kind()["daemon-set"]
    daemons = replace(daemons, namespace=shop, pod=replace(daemons.pod, pull_secrets=()))
    await deploy_federated(opened.karmada, daemons, Placement({"one": 0, "two": 0}, Mode.REPLICATION))

    async def is_everywhere() -> bool:
        found = await shares_of(opened.karmada, DAEMON_SET, daemons.name, shop)
        return [share.member for share in found if share.is_applied] == ["one", "two"]

    await until(is_everywhere)


async def test_what_a_request_no_longer_has_is_gone_and_all_of_it_with_the_workload(
    opened: Opened, shop: str
) -> None:
    difference = Difference("two", images={"container-1": NEWER})
    services = (Service("demo", (ServicePort(80, 8080),)),)
    placement = Placement({"one": 1, "two": 1}, differences=(difference,))
    await deploy_federated(opened.karmada, demo(shop, services=services), placement)

    async def has(member: str, kind: Kind, wanted: bool) -> bool:
        return (await opened.found(member, kind, "demo", shop) is not None) is wanted

    await until(lambda: has("two", SERVICE, True))
    await deploy_federated(opened.karmada, demo(shop), replace(placement, differences=()))
    with pytest.raises(ObjectUnknown):
        await opened.karmada.get(OVERRIDE_POLICY, "demo", shop)

    async def image_of_two() -> str:
        made = await opened.found("two", DEPLOYMENT, "demo", shop)
        return "" if made is None else str(made["spec"]["template"]["spec"]["containers"][0]["image"])

    async def is_as_everywhere() -> bool:
        return await image_of_two() == IMAGE

    await until(is_as_everywhere)
    await delete_federated(opened.karmada, DEPLOYMENT, "demo", shop)
    for member in ("one", "two"):
        await until(lambda member=member: has(member, DEPLOYMENT, False))  # type: ignore[misc]
    assert await list_federated(opened.karmada, shop) == ()
    with pytest.raises(ObjectUnknown):
        await opened.karmada.get(PROPAGATION_POLICY, "demo", shop)


@pytest.mark.parametrize(
    ("secrets", "placement", "said"),
    [
        ((), Placement({"three": 1}), "the federation has no member three; there are one, two"),
        (("absent",), Placement({"one": 1}), "the federation has no secret absent in"),
    ],
)
async def test_what_is_not_there_is_said_and_nothing_is_made(
    opened: Opened, shop: str, secrets: tuple[str, ...], placement: Placement, said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        await deploy_federated(opened.karmada, demo(shop, *secrets), placement)
    assert await list_federated(opened.karmada, shop) == ()


async def test_a_federation_is_told_from_a_cluster(opened: Opened) -> None:
    assert (await probe(opened.karmada)).kind is ClusterKind.KARMADA
    assert (await probe(opened.one)).kind is ClusterKind.KUBERNETES
    with pytest.raises(ClusterCallFailed, match="does not know such objects"):
        await list_members(opened.one)
