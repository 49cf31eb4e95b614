"""A mirror follows a cluster through all that happens to it, and says since when it does not know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from engines.servers.kubernetes import ControlPlane
from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.worlds import FakeWorld, RealWorld, World, connect_to
from tests.databases import FixedClock
from wherry.clusters.connection import ClusterConnection, Selection
from wherry.clusters.kinds import CONFIG_MAP, Object
from wherry.clusters.watching.mirror import Mirror


def config(namespace: str, name: str, value: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"mirrored": "yes"}},
        "data": {"value": value},
    }


def value_of(made: Object) -> str:
    return str(made["data"]["value"])


@asynccontextmanager
async def mirrored(connection: ClusterConnection, namespace: str | None = None) -> AsyncIterator[Mirror[str]]:
    which = Selection(namespace, labels="mirrored=yes")
    mirror = Mirror(connection, CONFIG_MAP, value_of, FixedClock(), which=which)
    running = asyncio.create_task(mirror.run())
    try:
        yield mirror
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 (what is waited for is another program's doing)
            await asyncio.sleep(0.02)


def values(mirror: Mirror[str]) -> dict[str, str]:
    return {name: value for (_, name), value in mirror.items.items()}


async def test_what_is_there_and_what_changes_is_seen(connection: ClusterConnection, namespace: str) -> None:
    await connection.apply(config(namespace, "a", "1"))
    async with mirrored(connection, namespace) as mirror:
        await until(lambda: values(mirror) == {"a": "1"})
        assert mirror.stale_since is None
        await connection.apply(config(namespace, "a", "2"))
        await connection.apply(config(namespace, "b", "1"))
        await until(lambda: values(mirror) == {"a": "2", "b": "1"})
        await connection.delete(CONFIG_MAP, "a", namespace)
        await until(lambda: values(mirror) == {"b": "1"})
        assert mirror.lists == 1


async def test_what_was_missed_while_history_was_lost_is_caught_up(world: World, namespace: str) -> None:
    connection = world.connect()
    await connection.apply(config(namespace, "a", "1"))
    await connection.apply(config(namespace, "b", "1"))
    async with mirrored(connection, namespace) as mirror:
        await until(lambda: len(mirror.items) == 2)
        world.forget_history()
        await until(lambda: mirror.stale_since is None)
        world.remove(config(namespace, "a", "1"))
        world.others_apply(config(namespace, "b", "2"), "somebody")
        await until(lambda: values(mirror) == {"b": "2"}, 60)
    await connection.close()


async def test_a_cluster_that_is_gone_is_stale_since_then_and_comes_back_by_itself() -> None:
    world = FakeWorld()
    world.add_namespace("n")
    fake: FakeCluster = world.fake
    fake.write(config("n", "a", "1"))
    async with mirrored(fake.connect()) as mirror:
        await until(lambda: mirror.stale_since is None)
        fake.is_down = True
        fake.break_watches()
        await until(lambda: mirror.stale_since is not None)
        assert "no connection" in (mirror.problem or "")
        assert values(mirror) == {"a": "1"}  # the last that was known
        fake.write(config("n", "a", "2"))
        fake.is_down = False
        await until(lambda: values(mirror) == {"a": "2"})
        assert (mirror.stale_since, mirror.problem) == (None, None)


async def test_a_revoked_login_is_said_so() -> None:
    fake = FakeCluster()
    fake.refuses_logins = True
    async with mirrored(fake.connect()) as mirror:
        await until(lambda: mirror.problem is not None)
        assert "does not accept the login" in (mirror.problem or "")
        assert not mirror.was_synced


@pytest.mark.engine("kubernetes")
async def test_a_real_apiserver_that_restarts_is_followed_again(plane: ControlPlane) -> None:
    world = RealWorld(plane)
    world.add_namespace("restarted")
    world.others_apply(config("restarted", "a", "1"), "somebody")
    connection = connect_to(plane)
    async with mirrored(connection, "restarted") as mirror:
        await until(lambda: values(mirror) == {"a": "1"})
        await asyncio.to_thread(plane.stop_apiserver)
        await until(lambda: mirror.stale_since is not None)
        await asyncio.to_thread(plane.start_apiserver)
        await asyncio.to_thread(world.others_apply, config("restarted", "a", "2"), "somebody")
        await until(lambda: values(mirror) == {"a": "2"}, 60)
        assert mirror.stale_since is None
    await connection.close()
