"""What every connection does, to a real kube-apiserver and to the fake."""

from __future__ import annotations

import asyncio

import pytest

from tests.clusters.worlds import World
from wherry.clusters.connection import Change, ClusterConnection, Selection, WatchEvent, list_all
from wherry.clusters.errors import (
    ApplyConflict,
    ClusterRefused,
    ObjectExists,
    ObjectUnknown,
    WatchExpired,
)
from wherry.clusters.kinds import CONFIG_MAP, NAMESPACE, Kind, Object


def config(namespace: str, name: str = "settings", **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "data": data,
    }


async def test_a_cluster_says_its_version(connection: ClusterConnection) -> None:
    version = await connection.version()
    assert version.git_version.startswith("v1.")
    assert version.platform.startswith("linux/")
    assert version.latency > 0


async def test_what_is_applied_is_there(connection: ClusterConnection, namespace: str) -> None:
    made = await connection.apply(config(namespace, colour="red"))
    assert made["metadata"]["uid"]
    assert (await connection.get(CONFIG_MAP, "settings", namespace))["data"] == {"colour": "red"}
    changed = await connection.apply(config(namespace, size="large"))
    assert changed["data"] == {"size": "large"}  # what we set before and leave out now goes
    assert changed["metadata"]["uid"] == made["metadata"]["uid"]


async def test_a_dry_run_changes_nothing(connection: ClusterConnection, namespace: str) -> None:
    assert (await connection.apply(config(namespace, a="1"), dry_run=True))["data"] == {"a": "1"}
    assert (await connection.create(config(namespace, a="1"), dry_run=True))["data"] == {"a": "1"}
    with pytest.raises(ObjectUnknown):
        await connection.get(CONFIG_MAP, "settings", namespace)


async def test_what_is_not_there_is_unknown(connection: ClusterConnection, namespace: str) -> None:
    with pytest.raises(ObjectUnknown, match='configmaps "settings" not found'):
        await connection.get(CONFIG_MAP, "settings", namespace)
    with pytest.raises(ObjectUnknown):
        await connection.delete(CONFIG_MAP, "settings", namespace)
    with pytest.raises(ObjectUnknown):
        await connection.patch(CONFIG_MAP, "settings", namespace, {"data": {}})
    with pytest.raises(ObjectUnknown, match='namespaces "nowhere" not found'):
        await connection.apply(config("nowhere"))
    with pytest.raises(ObjectUnknown, match="does not know such objects"):
        await connection.get(Kind("example.com/v1", "Thing", "things"), "a", namespace)


async def test_create_never_changes_what_is_there(
    connection: ClusterConnection, world: World, namespace: str
) -> None:
    world.others_apply(config(namespace, a="theirs"), "somebody")
    with pytest.raises(ObjectExists):
        await connection.create(config(namespace, a="ours"))
    assert (await connection.get(CONFIG_MAP, "settings", namespace))["data"] == {"a": "theirs"}
    await connection.create(config(namespace, "other"))


async def test_a_conflict_names_the_owner_and_changes_nothing(
    connection: ClusterConnection, world: World, namespace: str
) -> None:
    world.others_apply(config(namespace, a="theirs", b="theirs"), "helm")
    with pytest.raises(ApplyConflict, match=r"\.data\.a belongs to helm") as refused:
        await connection.apply(config(namespace, a="ours"))
    assert [(owner.field, owner.owner) for owner in refused.value.owners] == [(".data.a", "helm")]
    assert (await connection.get(CONFIG_MAP, "settings", namespace))["data"]["a"] == "theirs"
    made = await connection.apply(config(namespace, a="ours"), force=True)
    assert made["data"] == {"a": "ours", "b": "theirs"}


async def test_an_apply_to_a_version_that_is_gone_is_refused(
    connection: ClusterConnection, world: World, namespace: str
) -> None:
    seen = await connection.apply(config(namespace, a="1"))
    world.others_apply(config(namespace, b="2"), "somebody")
    late = config(namespace, a="3")
    late["metadata"]["resourceVersion"] = seen["metadata"]["resourceVersion"]
    with pytest.raises(ClusterRefused) as refused:
        await connection.apply(late)
    assert refused.value.reason == "Conflict"


async def test_a_merge_patch_changes_a_part(connection: ClusterConnection, namespace: str) -> None:
    await connection.apply(config(namespace, a="1", b="2"))
    made = await connection.patch(CONFIG_MAP, "settings", namespace, {"data": {"a": None, "c": "3"}})
    assert made["data"] == {"b": "2", "c": "3"}


async def test_only_the_very_object_is_deleted(connection: ClusterConnection, namespace: str) -> None:
    made = await connection.apply(config(namespace))
    with pytest.raises(ClusterRefused):
        await connection.delete(CONFIG_MAP, "settings", namespace, uid="00000000-0000-0000-0000-000000000000")
    await connection.delete(CONFIG_MAP, "settings", namespace, uid=made["metadata"]["uid"])
    with pytest.raises(ObjectUnknown):
        await connection.get(CONFIG_MAP, "settings", namespace)


async def test_lists_are_selected(connection: ClusterConnection, namespace: str) -> None:
    for name in ("a", "b"):
        await connection.apply(config(namespace, name))

    async def names(**which: str) -> list[str]:
        found = await list_all(connection, CONFIG_MAP, Selection(namespace, **which))
        assert all(one["kind"] == "ConfigMap" and one["apiVersion"] == "v1" for one in found)
        return [one["metadata"]["name"] for one in found if one["metadata"]["name"] != "kube-root-ca.crt"]

    assert await names() == ["a", "b"]
    assert await names(labels="app=b") == ["b"]
    assert await names(labels="app") == ["a", "b"]
    assert await names(fields="metadata.name=a") == ["a"]
    everywhere = [page async for page in connection.list(NAMESPACE)]
    assert namespace in {one["metadata"]["name"] for page in everywhere for one in page.items}


async def test_a_watch_tells_each_change_from_where_the_list_ended(
    connection: ClusterConnection, world: World, namespace: str
) -> None:
    which = Selection(namespace, labels="app=settings")
    await connection.apply(config(namespace, a="1"))
    pages = [page async for page in connection.list(CONFIG_MAP, which)]
    version = pages[-1].resource_version
    changed = await connection.apply(config(namespace, a="2"))
    world.others_apply(config(namespace, "unseen"), "somebody")
    await connection.delete(CONFIG_MAP, "settings", namespace)
    seen = await collect(connection, version, which, 2)
    assert [event.change for event in seen] == [Change.MODIFIED, Change.DELETED]
    assert seen[0].object["data"] == {"a": "2"}
    assert seen[0].resource_version == changed["metadata"]["resourceVersion"]
    # From an event on, only what came after it is told.
    rest = await collect(connection, seen[0].resource_version, which, 1)
    assert [event.change for event in rest] == [Change.DELETED]


async def test_two_watches_see_the_same(connection: ClusterConnection, namespace: str) -> None:
    which = Selection(namespace, labels="app")
    version = [page async for page in connection.list(CONFIG_MAP, which)][-1].resource_version
    watching = [asyncio.create_task(collect(connection, version, which, 3)) for _ in range(2)]
    for number in range(3):
        await connection.apply(config(namespace, f"n{number}"))
    one, other = await asyncio.gather(*watching)
    assert [event.object["metadata"]["name"] for event in one] == ["n0", "n1", "n2"]
    assert one == other


async def test_a_watch_from_what_is_forgotten_expires(
    connection: ClusterConnection, world: World, namespace: str
) -> None:
    first = await connection.apply(config(namespace, a="1"))
    for number in range(3):
        await connection.apply(config(namespace, a=str(number + 2)))
    world.forget_history()
    with pytest.raises(WatchExpired):
        await collect(
            connection, first["metadata"]["resourceVersion"], Selection(namespace, labels="app"), 99
        )
    again = [page async for page in connection.list(CONFIG_MAP, Selection(namespace))]
    assert again[-1].resource_version


async def collect(
    connection: ClusterConnection, version: str, which: Selection, count: int
) -> list[WatchEvent]:
    """The next changes, within seconds."""
    seen: list[WatchEvent] = []
    async with asyncio.timeout(20):
        async for event in connection.watch(CONFIG_MAP, version, which):
            if event.change is not Change.BOOKMARK:
                seen.append(event)
            if len(seen) == count:
                break
    return seen
