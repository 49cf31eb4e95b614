"""A hundred clusters are kept side by side: seen within two seconds, with their secrets, small in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from engines.servers.kubernetes import ControlPlane
from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.kubeconfigs import kubeconfig
from tests.clusters.registered import SEALER, readable, register
from tests.clusters.workloads.requests import DEMO
from tests.clusters.worlds import connect_to
from tests.databases import Do, FixedClock
from wherry.clusters.cluster import Cluster, get_cluster
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.keeping import Keeper, Registry
from wherry.clusters.kinds import SECRET
from wherry.clusters.pull_secrets.default_secret import NAME
from wherry.clusters.pull_secrets.documents import content_of
from wherry.clusters.pull_secrets.keys import PullLogins, list_pull_keys
from wherry.clusters.register import change_cluster, remove_cluster
from wherry.clusters.used_by import in_use
from wherry.clusters.watching.seen import Word
from wherry.clusters.workloads.build import build
from wherry.clusters.workloads.deploy import deploy
from wherry.db.database import Database
from wherry.identity.access_keys import list_access_keys
from wherry.identity.organizations import create_organization

HOST = "registry.example.com"
DIGEST = "sha256:" + "ab" * 32


@pytest.fixture
def kind() -> str:
    """One database is enough here; what is written to it is tested on both elsewhere."""
    return "sqlite"


@asynccontextmanager
async def keeping(
    database: Database, connect: Callable[[Cluster, Any], ClusterConnection], **more: Any
) -> AsyncIterator[Keeper]:
    keeper = Keeper(
        database,
        SEALER,
        more.pop("clock", FixedClock()),
        connect,
        Registry(HOST, (HOST,)),
        look_every=more.pop("look_every", 0.1),
        **more,
    )
    running = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(holds: Callable[[], bool], seconds: float = 20) -> float:
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 (what is waited for is another task's doing)
            await asyncio.sleep(0.01)
    return time.monotonic() - began


def workload(number: int, ready: int = 1) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"web-{number:03}", "namespace": "default", "generation": 1},
        "spec": {
            "replicas": 1,
            "template": {"spec": {"containers": [{"name": "c", "image": f"{HOST}/acme/web:1"}]}},
        },
        "status": {
            "observedGeneration": 1,
            "replicas": 1,
            "updatedReplicas": 1,
            "readyReplicas": ready,
            "availableReplicas": ready,
        },
    }


def pod(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"web-{number:03}-5d-x",
            "namespace": "default",
            "labels": {"pod-template-hash": "5d"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"web-{number:03}-5d", "controller": True}],
        },
        "spec": {"containers": [{"name": "c", "image": f"{HOST}/acme/web:1"}]},
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "c", "ready": True, "imageID": f"{HOST}/acme/web@{DIGEST}"}],
        },
    }


def node(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {
            "nodeInfo": {"architecture": "amd64"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


async def test_what_is_seen_is_remembered_and_the_secret_is_everywhere(
    do: Do, database: Database, clock: FixedClock
) -> None:
    do(create_organization, "acme", None, clock.now())
    register(do, "prod", "acme")
    fake = FakeCluster("prod")
    for made in (node("n1"), workload(1), pod(1)):
        fake.write(made)
    async with keeping(database, lambda cluster, login: fake.connect(), clock=clock) as keeper:
        await until(lambda: do(get_cluster, "prod").state.nodes == 1)
        await until(lambda: ("Secret", "kube-system", NAME) in fake.objects)
        state = do(get_cluster, "prod").state
        assert (state.word, state.version, state.nodes_ready) == ("Running", "v1.37.2", 1)
        await until(lambda: do(in_use, [DIGEST]) == {DIGEST})
        watch = keeper.watches["prod"]
        [seen] = watch.list_workloads()
        assert (seen.word, [one.name for one in watch.pods_of(seen)]) == (Word.RUNNING, ["web-001-5d-x"])
        fake.write({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}})
        await until(lambda: ("Secret", "new", NAME) in fake.objects)
        do(remove_cluster, "prod")
        await until(lambda: not keeper.watches)
    assert do(list_access_keys) == ()


async def test_a_switched_off_cluster_loses_its_secrets(
    do: Do, database: Database, clock: FixedClock
) -> None:
    do(create_organization, "acme", None, clock.now())
    register(do, "prod", "acme")
    fake = FakeCluster("prod")
    async with keeping(database, lambda cluster, login: fake.connect(), clock=clock):
        await until(lambda: ("Secret", "default", NAME) in fake.objects)
        do(change_cluster, "prod", clock.move(seconds=1), makes_default_secret=False)
        await until(lambda: ("Secret", "default", NAME) not in fake.objects)


async def test_a_switch_that_was_not_seen_yet_is_not_acted_against(
    do: Do, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who switches it by a command, and acts at once, finds nothing undone by a keeper that looks later."""
    do(create_organization, "acme", None, clock.now())
    register(do, "prod", "acme")
    fake = FakeCluster("prod")
    answers = []
    asked = Keeper.is_as_registered

    async def remembered(keeper: Keeper, cluster: Cluster) -> bool:
        answers.append(await asked(keeper, cluster))
        return answers[-1]

    monkeypatch.setattr(Keeper, "is_as_registered", remembered)
    async with keeping(database, lambda cluster, login: fake.connect(), clock=clock, look_every=3600):
        await until(lambda: ("Secret", "default", NAME) in fake.objects)
        do(change_cluster, "prod", clock.move(seconds=1), makes_default_secret=False)
        fake.remove(SECRET, NAME, "default")
        await until(lambda: False in answers)
        assert ("Secret", "default", NAME) not in fake.objects


async def test_keys_are_replaced_in_time_and_the_old_ones_end_when_all_have_the_new(
    do: Do, database: Database, clock: FixedClock
) -> None:
    do(create_organization, "acme", None, clock.now())
    cluster = register(do, "prod", "acme")
    fake = FakeCluster("prod")

    def password() -> str | None:
        secret = fake.objects.get(("Secret", "default", NAME))
        return None if secret is None else content_of(secret)

    async with keeping(
        database,
        lambda cluster, login: fake.connect(),
        clock=clock,
        lifetime=timedelta(hours=2),
        overlap=timedelta(minutes=30),
    ):
        await until(lambda: password() is not None)
        first = password()
        clock.move(hours=1)
        fake.write({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "poke-1"}})
        await until(lambda: password() != first)
        await until(lambda: any(key.retires_at for key in do(list_pull_keys, cluster)))
        assert len(do(list_access_keys)) == 2  # both pull
        clock.move(minutes=30)
        fake.write({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "poke-2"}})
        await until(lambda: len(do(list_access_keys)) == 1)


async def test_a_cluster_that_was_removed_meanwhile_gets_no_key(do: Do, database: Database) -> None:
    cluster = register(do, "gone")
    do(remove_cluster, "gone")
    async with keeping(database, lambda *_: pytest.fail("there is none to connect to")) as keeper:
        assert await keeper.logins(cluster) == PullLogins((), "", None)


async def test_a_cluster_that_cannot_be_opened_keeps_no_other_from_being_watched(
    do: Do, database: Database
) -> None:
    register(do, "good")
    register(do, "odd", kubeconfig=readable(kubeconfig({"server": "https://nothing.invalid"})))
    fake = FakeCluster("good")
    gone = FakeCluster("odd")
    gone.is_down = True

    def connect(cluster: Cluster, login: Any) -> ClusterConnection:
        return (fake if cluster.name == "good" else gone).connect()

    async with keeping(database, connect) as keeper:
        await until(lambda: do(get_cluster, "good").state.word == "Running")
        await until(lambda: do(get_cluster, "odd").state.word == "Unavailable")
        assert "no connection to odd" in do(get_cluster, "odd").state.problem
        assert keeper.watches["odd"].state.stale_since is not None


@pytest.mark.slow
async def test_a_hundred_clusters_with_five_thousand_workloads(do: Do, database: Database) -> None:
    process = psutil.Process()
    fakes = {f"c{number:03}": FakeCluster(f"c{number:03}") for number in range(100)}
    for name, fake in fakes.items():
        register(do, name)
        for made in (node("n1"), *(workload(number) for number in range(50))):
            fake.write(made)
        for number in range(50):
            fake.write(pod(number))
    unreachable = [fakes[f"c{number:03}"] for number in range(90, 100)]
    for fake in unreachable:
        fake.is_down = True
    before = process.memory_info().rss
    async with keeping(database, lambda cluster, login: fakes[cluster.name].connect()) as keeper:
        await until(
            lambda: sum(len(watch.list_workloads(size=60)) for watch in keeper.watches.values()) == 90 * 50,
            60,
        )
        grown = process.memory_info().rss - before
        assert grown < 300 * 1024 * 1024, grown
        watch = keeper.watches["c042"]
        fakes["c042"].write(workload(7, ready=0))
        seen = await until(lambda: any(one.word is Word.UNREADY for one in watch.list_workloads(size=60)), 10)
        assert seen < 2, seen
        began = time.perf_counter()
        page = watch.list_workloads(size=50)
        assert len(page) == 50
        assert time.perf_counter() - began < 0.05
        assert (page[0].name, watch.list_workloads(after=("default", "Deployment", "web-048"))[0].name) == (
            "web-000",
            "web-049",
        )
        for fake in unreachable:
            fake.is_down = False
        await until(
            lambda: sum(len(watch.list_workloads(size=60)) for watch in keeper.watches.values()) == 100 * 50,
            60,
        )


@pytest.mark.engine("kubernetes")
async def test_a_real_cluster_is_kept(
    do: Do, database: Database, clock: FixedClock, plane: ControlPlane
) -> None:
    do(create_organization, "acme", None, clock.now())
    register(do, "real", "acme")
    connection = connect_to(plane)
    async with keeping(database, lambda cluster, login: connect_to(plane), clock=clock) as keeper:
        await until(lambda: do(get_cluster, "real").state.version is not None, 30)
        await until(
            lambda: (
                "real" in keeper.watches and ("default", NAME) in keeper.watches["real"].default_secrets.items
            ),
            30,
        )
        live = await connection.get(SECRET, NAME, "default")
        assert HOST in (content_of(live) or "")
        plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": "kept"}})
        await deploy(connection, build(replace(DEMO, namespace="kept")))
        watch = keeper.watches["real"]
        await until(lambda: len(watch.list_workloads(namespace="kept")) == 1, 30)
        [seen] = watch.list_workloads(namespace="kept")
        assert seen.is_ours
        assert watch.using_secret("kept", NAME) == (seen,)
        await until(lambda: len(watch.pods_of(seen)) == 2, 30)
        do(change_cluster, "real", clock.move(seconds=1), makes_default_secret=False)
        await until(lambda: "real" in keeper.watches and keeper.watches["real"] is not watch, 30)
        await until(
            lambda: (
                keeper.watches["real"].default_secrets.was_synced
                and ("kept", NAME) not in keeper.watches["real"].default_secrets.items
            ),
            30,
        )
    await connection.close()
