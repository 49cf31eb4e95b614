"""A cluster that is forgotten loses the default secrets that Wherry made, as far as it answers, no others."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from tests.clusters.fake_cluster import FakeCluster
from wherry.clusters.connection import list_all
from wherry.clusters.errors import ClusterRefused
from wherry.clusters.kinds import SECRET
from wherry.clusters.pull_secrets.default_secret import NAME, look_and_plan, reconcile
from wherry.clusters.pull_secrets.documents import RegistryLogin
from wherry.clusters.pull_secrets.keys import PullLogins
from wherry.clusters.pull_secrets.removal import remove_default_secrets

LOGINS = PullLogins((RegistryLogin("h", "wherry@AK", "s"),), "AK", datetime(2026, 3, 16, tzinfo=UTC))


async def filled() -> FakeCluster:
    """With default secrets in two namespaces, and one of somebody else in a third."""
    fake = FakeCluster()
    fake.write({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "theirs"}})
    foreign = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME, "namespace": "theirs"}}
    fake.write(foreign)
    connection = fake.connect()
    await reconcile(connection, await look_and_plan(connection, LOGINS))
    return fake


async def test_ours_go_and_a_foreign_one_stays() -> None:
    fake = await filled()
    done = await remove_default_secrets(fake.connect())
    assert (sorted(done.removed), done.left) == (["default", "kube-system"], {})
    [left] = await list_all(fake.connect(), SECRET)
    assert left["metadata"]["namespace"] == "theirs"


async def test_what_could_not_be_taken_is_said_by_namespace() -> None:
    fake = await filled()
    connection = fake.connect()
    delete = connection.delete

    async def refuses(kind: Any, name: str, namespace: str | None = None, **more: Any) -> None:
        if namespace == "kube-system":
            raise ClusterRefused("fake", "Forbidden", "not in kube-system")
        await delete(kind, name, namespace, **more)

    connection.delete = refuses  # type: ignore[method-assign]
    done = await remove_default_secrets(connection)
    assert done.removed == ("default",)
    assert "not in kube-system" in done.left["kube-system"]


async def test_a_cluster_that_is_gone_or_silent_keeps_nobody() -> None:
    fake = await filled()
    fake.is_down = True
    assert "refused" in (await remove_default_secrets(fake.connect())).left[""]
    fake.is_down = False
    connection = fake.connect()

    async def silent(*_: Any, **__: Any) -> Any:
        await asyncio.sleep(3600)
        yield

    connection.list = silent  # type: ignore[method-assign]
    assert "no answer within" in (await remove_default_secrets(connection, 0.05)).left[""]
