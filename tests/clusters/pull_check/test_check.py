"""A check in a cluster that a test plays the nodes of: what pods say decides, and nothing stays behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.registered import SEALER
from tests.databases import FixedClock
from wherry.blobs.drivers.memory import MemoryStore
from wherry.blobs.intake import Intake
from wherry.clusters.errors import ClusterRefused, ClusterUnreachable, InvalidRequest
from wherry.clusters.kinds import POD, SECRET, Object
from wherry.clusters.pull_check.check import Asked, PullCheck, run_check
from wherry.clusters.pull_check.image import REPOSITORY
from wherry.clusters.pull_check.pods import CHECK, check_labels, check_pod, is_over, outcome_of
from wherry.clusters.pull_check.targets import EACH_ARCHITECTURE, Targets, choose_targets
from wherry.clusters.pull_secrets.documents import RegistryLogin, content_of
from wherry.clusters.watching.pull_failures import PullFailure, PullPart
from wherry.clusters.watching.seen import SeenNode
from wherry.db.database import Database
from wherry.identity.robots import list_robots
from wherry.registry.manifest_list import page_of_manifests
from wherry.web.pull_checking import CheckRequest, PullChecking, check_pulls

ARM = SeenNode("arm", "arm64", is_ready=True, is_schedulable=True)
AMD = SeenNode("amd", "amd64", is_ready=True, is_schedulable=True)
TARGETS = choose_targets([AMD, ARM], EACH_ARCHITECTURE)
LOGIN = RegistryLogin("registry.example.com", "wherry@AK", "s3cret")
PULLED = {"state": {"terminated": {"reason": "StartError", "exitCode": 128}}, "imageID": "h/x@sha256:0"}
DENIED = {"state": {"waiting": {"reason": "ErrImagePull", "message": "401 Unauthorized"}}}


def made_in(fake: FakeCluster) -> list[Object]:
    labels = ((one, one["metadata"].get("labels") or {}) for one in fake.objects.values())
    return [one for one, said in labels if CHECK in said]


@contextmanager
def nodes_say(fake: FakeCluster, said: dict[str, Any]) -> Iterator[list[Object]]:
    """Plays kubelets: as soon as a pod is on a node, its container says so. Answers the secrets."""
    seen: list[Object] = []

    async def play() -> None:
        while True:
            for made in made_in(fake):
                if made["kind"] == "Secret" and made not in seen:
                    seen.append(made)
                if made["kind"] == "Pod" and "status" not in made and made["spec"]["nodeName"] in said:
                    status = {"containerStatuses": [{"name": "pull", **said[made["spec"]["nodeName"]]}]}
                    fake.write(made | {"status": status})
            await asyncio.sleep(0.01)

    task = asyncio.ensure_future(play())
    try:
        yield seen
    finally:
        task.cancel()


async def run(fake: FakeCluster, clock: FixedClock, targets: Targets = TARGETS, **more: Any) -> PullCheck:
    asked = Asked("c1", "registry.example.com/wherry-pull-check:1", login=LOGIN, **more)
    return await run_check(fake.connect(), asked, targets, clock)


async def test_each_node_says_for_itself(clock: FixedClock) -> None:
    fake = FakeCluster()
    with nodes_say(fake, {"amd": PULLED, "arm": DENIED}) as secrets:
        done = await run(fake, clock)
    well, failed = done.results
    assert (well.node, well.is_well) == ("amd", True)
    assert failed.failure is not None
    assert (failed.node, failed.failure.part) == ("arm", PullPart.CREDENTIALS)
    assert not done.is_well
    assert "s3cret" in (content_of(secrets[0]) or "")
    assert made_in(fake) == []


async def test_what_is_not_decided_in_time_is_said_by_what_the_cluster_told(clock: FixedClock) -> None:
    fake = FakeCluster()
    for number, (reason, words) in enumerate([("FailedCreatePodSandBox", "no CNI"), ("Pulling", "pulls")]):
        about = {"kind": "Pod", "name": f"wherry-pull-check-c1-{number}"}
        metadata = {"name": f"e{number}", "namespace": "default"}
        fake.write(
            {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": about}
            | {"reason": reason, "message": words}
        )
    done = await run(fake, clock, seconds=0.2)
    sandbox, pulls = (one.failure for one in done.results)
    assert sandbox is not None
    assert pulls is not None
    assert (sandbox.part, sandbox.words) == (PullPart.NODE, "no CNI")
    assert pulls.part is PullPart.TIMEOUT
    assert made_in(fake) == []


async def test_a_refusal_in_the_middle_leaves_nothing(clock: FixedClock) -> None:
    fake = FakeCluster()
    connection = fake.connect()
    create = connection.create

    async def refuses(made: Object, *, dry_run: bool = False) -> Object:
        if made["kind"] == "Pod" and made["metadata"]["name"].endswith("-1"):
            raise ClusterRefused("fake", "Forbidden", "exceeded quota")
        return await create(made, dry_run=dry_run)

    connection.create = refuses  # type: ignore[method-assign]
    with pytest.raises(ClusterRefused, match="exceeded quota"):
        await run_check(connection, Asked("c1", "h/i:1", login=LOGIN), TARGETS, clock)
    assert made_in(fake) == []


async def test_a_cancelled_check_leaves_nothing(clock: FixedClock) -> None:
    fake = FakeCluster()
    task = asyncio.create_task(run(fake, clock))
    async with asyncio.timeout(10):
        while len(made_in(fake)) < 3:  # noqa: ASYNC110 (the fake has no event for it)
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert made_in(fake) == []


async def test_what_could_not_be_removed_is_said_and_removed_by_the_next(clock: FixedClock) -> None:
    fake = FakeCluster()
    connection = fake.connect()

    async def fails(*_: Any, **__: Any) -> None:
        raise ClusterUnreachable("fake", "tcp", "gone")

    connection.delete = fails  # type: ignore[method-assign]
    with nodes_say(fake, {"amd": PULLED, "arm": PULLED}):
        done = await run_check(connection, Asked("c0", "h/i:1", login=LOGIN), TARGETS, clock)
        assert len(done.left) == len(made_in(fake)) == 3
        await run(fake, clock)
        assert len(made_in(fake)) == 3, "another check may be running that these are of"
        clock.move(minutes=5)
        await run(fake, clock)
    assert made_in(fake) == []


def test_only_what_is_over_is_cleared_away(clock: FixedClock) -> None:
    labels = check_labels("c", clock.now() + timedelta(minutes=1))
    pod = check_pod("n", "default", "amd", "h/i:1", ["s"], labels, 60)
    assert not is_over(pod, clock.now())
    assert is_over(pod, clock.now() + timedelta(minutes=2))
    assert is_over({"metadata": {"name": "n", "labels": {CHECK: "c"}}}, clock.now())


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ({}, None),
        ({"containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}, None),
        ({"containerStatuses": [{"state": {"waiting": {"reason": "CreateContainerError"}}}]}, True),
        ({"containerStatuses": [{"state": {"waiting": {"reason": "RunContainerError"}}}]}, True),
        ({"containerStatuses": [{"state": {"running": {"startedAt": "2026"}}}]}, True),
        ({"containerStatuses": [PULLED]}, True),
        ({"containerStatuses": [DENIED]}, PullPart.CREDENTIALS),
        (
            {
                "containerStatuses": [
                    {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}}}
                ]
            },
            None,
        ),
        ({"phase": "Failed", "reason": "OutOfpods", "message": "Node has no room"}, PullPart.NODE),
        ({"phase": "Failed", "containerStatuses": [PULLED]}, True),
    ],
)
def test_what_a_pods_status_says_of_the_pull(status: Object, outcome: object) -> None:
    found = outcome_of({"status": status})
    assert (found.part if isinstance(found, PullFailure) else found) == outcome


@pytest.fixture
def parts(database: Database, clock: FixedClock) -> PullChecking:
    store = MemoryStore()
    return PullChecking(database, store, Intake(store), SEALER, clock, "registry.example.com")


def with_node(fake: FakeCluster, node: SeenNode) -> FakeCluster:
    status = {
        "nodeInfo": {"architecture": node.architecture},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    fake.write({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name}, "status": status})
    return fake


async def test_from_end_to_end_image_and_login_are_gone_afterwards(parts: PullChecking) -> None:
    fake = with_node(with_node(FakeCluster(), AMD), ARM)
    with nodes_say(fake, {"amd": PULLED, "arm": DENIED}):
        done = await check_pulls(parts, fake.connect(), CheckRequest())
    assert done.image.startswith("registry.example.com/wherry-pull-check@sha256:")
    [failure] = [one.failure for one in done.results if one.failure]
    assert "a login that was made for this check" in failure.reason
    assert (await parts.database.read(lambda tx: page_of_manifests(tx, REPOSITORY))).items == ()
    assert await parts.database.read(lambda tx: list_robots(tx, "library")) == ()


async def test_a_registry_whose_name_nobody_said_is_told_so(parts: PullChecking) -> None:
    from dataclasses import replace

    nameless, fake = replace(parts, host=""), with_node(FakeCluster(), AMD)
    with pytest.raises(InvalidRequest, match="set public_url"):
        await check_pulls(nameless, fake.connect(), CheckRequest())
    assert fake.calls == 0
    for wrong in (CheckRequest(namespace="A"), CheckRequest(seconds=0), CheckRequest(image="A:b:c")):
        with pytest.raises(InvalidRequest):
            await check_pulls(parts, fake.connect(), wrong)


async def test_an_image_of_somebodys_own_is_pulled_by_the_secrets_of_the_namespace(
    parts: PullChecking,
) -> None:
    fake = with_node(FakeCluster(), AMD)
    pods: list[Object] = []
    with nodes_say(fake, {"amd": PULLED}) as secrets:
        task = asyncio.create_task(
            check_pulls(
                parts, fake.connect(), CheckRequest(image="h.example/web:1", secrets=("default-secret",))
            )
        )
        async with asyncio.timeout(10):
            while not pods:
                await asyncio.sleep(0.01)
                pods = [one for one in made_in(fake) if one["kind"] == "Pod"]
        done = await task
    assert done.is_well
    assert secrets == []
    assert pods[0]["spec"]["imagePullSecrets"] == [{"name": "default-secret"}]
    assert {str(POD), str(SECRET)} & {one["kind"] for one in made_in(fake)} == set()
