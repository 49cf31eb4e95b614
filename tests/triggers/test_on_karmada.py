"""On a real Karmada the image travels to the members, and the run ends when each of them has it."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from engines.servers import ControlPlane
from engines.servers.karmada import Karmada
from tests.clusters.federations.waiting import until
from tests.clusters.registered import register
from tests.clusters.workloads.requests import DEMO
from tests.clusters.worlds import connect_to
from tests.people import add_user
from tests.triggers.world import ALL, HOST, WEB, World, digest
from wherry.access.decisions import Actor
from wherry.clusters.cluster import Cluster
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.federations.differences import Difference
from wherry.clusters.federations.federate import deploy_federated
from wherry.clusters.federations.members import are_whole, shares_of
from wherry.clusters.federations.placement import Placement
from wherry.clusters.workloads.pods import Container
from wherry.clusters.workloads.request import Workload
from wherry.triggers.errors import TriggerForbidden
from wherry.triggers.manage import create_trigger
from wherry.triggers.runs import State
from wherry.triggers.trigger import Options, Target, Wanted, WorkloadKind

pytestmark = [pytest.mark.engine("kubernetes"), pytest.mark.slow]

BEFORE = f"{HOST}/acme/web:1.3"
BOTH = Placement({"one": 1, "two": 1})
NUMBERS = itertools.count(1)


@pytest.fixture
def kind() -> str:
    """One database is enough here."""
    return "sqlite"


@pytest.fixture
def real(site: World, federation: Karmada, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, with a cluster `shops` that is a real federation."""
    register(site.do, "shops", "acme", is_karmada=True)

    def connect(_self: World, _cluster: Cluster, _login: Any) -> ClusterConnection:
        return connect_to(federation.plane)

    monkeypatch.setattr(World, "connect", connect)
    return site


@pytest.fixture
def namespace(federation: Karmada) -> Iterator[str]:
    """A namespace of the federation, which Karmada makes in its members."""
    name = f"triggered-{next(NUMBERS)}"
    federation.plane.kubectl("create", "namespace", name)
    yield name
    federation.plane.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
async def karmada(federation: Karmada) -> AsyncIterator[ClusterConnection]:
    connection = connect_to(federation.plane)
    yield connection
    await connection.close()


def demo(namespace: str, pods: int = 2) -> Workload:
    pod = replace(DEMO.pod, pull_secrets=(), containers=(Container("app", BEFORE),))
    return replace(DEMO, namespace=namespace, pod=pod, pods=pods)


def target(namespace: str, kind: WorkloadKind = WorkloadKind.DEPLOYMENT, name: str = "demo") -> Target:
    return Target.workload("shops", namespace, kind, name)


async def placed(karmada: ClusterConnection, workload: Workload, placement: Placement = BOTH) -> None:
    """Deployed, and whole in each member."""
    await deploy_federated(karmada, workload, placement)
    members = {name for name, weight in placement.members.items() if weight}

    async def is_whole() -> bool:
        kind = WorkloadKind(str(workload.kind)).kind
        shares = await shares_of(karmada, kind, workload.name, workload.namespace)
        return {share.member for share in shares} == members and are_whole(shares)

    await until(is_whole)


def image(plane: ControlPlane, namespace: str, kind: str = "deploy", name: str = "demo") -> str:
    made = json.loads(plane.kubectl("-n", namespace, "get", kind, name, "-o", "json"))
    return str(made["spec"]["template"]["spec"]["containers"][0]["image"])


async def test_each_member_gets_the_image_before_the_run_is_over(
    real: World,
    karmada: ClusterConnection,
    kubernetes: ControlPlane,
    other_kubernetes: ControlPlane,
    namespace: str,
) -> None:
    await placed(karmada, demo(namespace, pods=4), Placement({"one": 3, "two": 1}))
    real.trigger(target=target(namespace))
    run = await real.deliver("1.4", 4)
    assert run.state is State.SUCCESS, run.detail
    for plane in (kubernetes, other_kubernetes):
        assert image(plane, namespace) == f"{BEFORE.replace('1.3', '1.4')}@{digest(4)}"
    assert (
        "one: 3 of 3 pods ready, 3 of the new version; two: 1 of 1 pods ready, 1 of the new version"
        in run.detail
    )
    again = await real.deliver("1.4", 4)
    assert (again.state, "already" in again.detail) == (State.SKIPPED, True), again.detail


async def test_one_member_that_cannot_is_named_and_all_go_back(
    real: World,
    karmada: ClusterConnection,
    kubernetes: ControlPlane,
    other_kubernetes: ControlPlane,
    namespace: str,
) -> None:
    await placed(karmada, demo(namespace))
    other_kubernetes.kubectl("-n", namespace, "create", "quota", "full", "--hard=pods=1")
    real.trigger(target=target(namespace), deadline=5)
    run = await real.deliver("1.4", 4)
    assert run.state is State.ROLLED_BACK, run.detail
    assert "two: 1 of 1 pods ready, 0 of the new version" in run.detail
    assert f"rolled back to {BEFORE}" in run.detail

    async def is_back() -> bool:
        return {image(plane, namespace) for plane in (kubernetes, other_kubernetes)} == {BEFORE}

    await until(is_back)


async def test_a_member_that_keeps_an_image_of_its_own_is_named(
    real: World,
    karmada: ClusterConnection,
    kubernetes: ControlPlane,
    other_kubernetes: ControlPlane,
    namespace: str,
) -> None:
    own = f"{HOST}/acme/web:1.2"
    differing = replace(BOTH, differences=(Difference("two", images={"app": own}),))
    await placed(karmada, demo(namespace), differing)
    real.trigger(target=target(namespace))
    run = await real.deliver("1.4", 4)
    assert run.state is State.SUCCESS, run.detail
    assert "two keeps an image of its own" in run.detail
    assert image(kubernetes, namespace).endswith(digest(4))
    assert image(other_kubernetes, namespace) == own


async def test_what_is_not_there_and_what_is_nowhere(
    real: World, karmada: ClusterConnection, federation: Karmada, namespace: str
) -> None:
    real.trigger("gone", target=target(namespace, name="gone"))
    run = await real.deliver("1.4", 4)
    assert run.state is State.FAILED
    assert 'deployments.apps "gone" not found' in run.detail

    # A template without a policy is brought to no member.
    await placed(karmada, demo(namespace))
    federation.plane.kubectl("-n", namespace, "create", "deployment", "idle", f"--image={BEFORE}")
    real.trigger("idle", target=target(namespace, name="idle"), deadline=3, roll_back=False)
    run = await real.deliver("1.5", 5)
    assert run.state is State.FAILED
    assert "no policy of the federation places it in a member" in run.detail


async def test_nobody_updates_a_federation_without_the_right(real: World, namespace: str) -> None:
    bob = Actor(add_user(real.do, real.clock, "bob"), "bob")
    wanted = Wanted("prod", ALL, target(namespace), Options())
    with pytest.raises(TriggerForbidden):
        real.do(create_trigger, bob, WEB, wanted, real.clock.now())
