"""The list of a cluster's pull secrets: whose, until when, used by whom, as made or not; asked or watched."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.registered import NOW, SEALER, register
from tests.clusters.workloads.requests import DEMO
from tests.clusters.worlds import World
from tests.databases import Do, FixedClock
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.kinds import SECRET
from wherry.clusters.pull_secrets.create import SecretRequest, Sync, put_secret, record_secret, request_of
from wherry.clusters.pull_secrets.default_secret import look_and_plan, reconcile
from wherry.clusters.pull_secrets.documents import RegistryLogin
from wherry.clusters.pull_secrets.keys import current_logins
from wherry.clusters.pull_secrets.survey import (
    Look,
    SurveyedSecret,
    look_at,
    look_by_watch,
    survey,
    what_was_made,
)
from wherry.clusters.watching.cluster_watch import ClusterWatch
from wherry.clusters.workloads.build import build
from wherry.clusters.workloads.deploy import deploy
from wherry.clusters.workloads.pods import SecretName
from wherry.identity.organizations import create_organization

HOST = "registry.example.com"
LOGIN = RegistryLogin(HOST, "wherry@AK", "s3cret")


def account(namespace: str, *secrets: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "builder", "namespace": namespace},
        "imagePullSecrets": [{"name": name} for name in secrets],
    }


def pod(namespace: str, *secrets: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "alone", "namespace": namespace},
        "spec": {
            "containers": [{"name": "c", "image": f"{HOST}/acme/web:1"}],
            "imagePullSecrets": [{"name": name} for name in secrets],
        },
    }


async def test_whoever_pulls_with_a_secret_is_told(
    connection: ClusterConnection, world: World, namespace: str
) -> None:
    await put_secret(connection, SecretRequest("pull", LOGIN, namespace))
    request = replace(DEMO, namespace=namespace, pod=replace(DEMO.pod, pull_secrets=(SecretName("pull"),)))
    await deploy(connection, build(request))
    world.others_apply(account(namespace, "pull", "absent"), "kubectl")
    look = await look_at(connection, namespace)
    users = {str(user) for user in look.users[(namespace, "pull")]}
    assert users == {"Deployment demo", "ServiceAccount builder"}
    assert [str(user) for user in look.users[(namespace, "absent")]] == ["ServiceAccount builder"]
    seen = look.secrets[(namespace, "pull")]
    assert (seen.role, seen.source, seen.registries) == ("own", "given", (HOST,))
    assert "s3cret" not in repr(look)


@pytest.fixture
def kind() -> str:
    """Rows are tested on both elsewhere."""
    return "sqlite"


def listed(do: Do, cluster: Any, look: Look) -> dict[str, SurveyedSecret]:
    return {one.name: one for one in survey(do(what_was_made, SEALER, cluster), look, "default")}


async def test_what_was_done_to_a_secret_is_seen_and_mended(do: Do) -> None:
    fake, cluster = FakeCluster(), register(do, "prod")
    connection = fake.connect()
    for name in ("same", "changed", "deleted", "taken"):
        request = SecretRequest(name, LOGIN)
        await put_secret(connection, request)
        do(record_secret, SEALER, cluster, request, None, NOW)
    await put_secret(connection, SecretRequest("forgotten", LOGIN))
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "", "namespace": "default"}}
    fake.write(
        made
        | {"metadata": {"name": "changed", "namespace": "default"}, "data": {".dockerconfigjson": "e30="}}
    )
    fake.remove(SECRET, "deleted", "default")
    fake.remove(SECRET, "taken", "default")
    theirs = {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "e30="}}
    fake.write(made | {"metadata": {"name": "taken", "namespace": "default"}} | theirs)
    fake.write(made | {"metadata": {"name": "theirs", "namespace": "default"}} | theirs)
    fake.write(made | {"metadata": {"name": "opaque", "namespace": "default"}, "type": "Opaque"})
    found = listed(do, cluster, await look_at(connection))
    assert {name: (one.role, one.sync) for name, one in found.items()} == {
        "same": ("own", Sync.IN_SYNC),
        "changed": ("own", Sync.DRIFTED),
        "deleted": ("own", Sync.MISSING),
        "taken": ("own", Sync.FOREIGN),
        "forgotten": ("own", Sync.UNKNOWN),
        "theirs": ("foreign", Sync.FOREIGN),
    }
    for name in ("changed", "deleted"):
        made_one = found[name].made
        assert made_one is not None
        await put_secret(connection, do(request_of, SEALER, made_one))
    again = listed(do, cluster, await look_at(connection))
    assert [again[name].sync for name in ("changed", "deleted")] == [Sync.IN_SYNC, Sync.IN_SYNC]


async def test_a_default_secret_of_an_older_key_has_drifted(do: Do, clock: FixedClock) -> None:
    do(create_organization, "acme", None, clock.now())
    fake, cluster = FakeCluster(), register(do, "prod", "acme")
    logins = do(current_logins, SEALER, cluster, HOST, clock.now())
    await reconcile(fake.connect(), await look_and_plan(fake.connect(), logins))
    [one] = listed(do, cluster, await look_at(fake.connect())).values()
    assert (one.role, one.sync, one.expires_at, one.may_rotate) == (
        "default",
        Sync.IN_SYNC,
        logins.expires_at,
        True,
    )
    do(current_logins, SEALER, cluster, HOST, clock.now(), rotate=True)
    [one] = listed(do, cluster, await look_at(fake.connect())).values()
    assert one.sync is Sync.DRIFTED


async def test_a_watch_sees_the_same_without_asking(do: Do, clock: FixedClock) -> None:
    fake, cluster = FakeCluster(), register(do, "prod")
    request = SecretRequest("pull", LOGIN)
    await put_secret(fake.connect(), request)
    do(record_secret, SEALER, cluster, request, None, NOW)
    news = asyncio.Event()
    watch = ClusterWatch(fake.connect(), clock, changed=news.set)
    running = asyncio.create_task(watch.run())

    async def until(wanted: tuple[Sync, list[str]]) -> None:
        async with asyncio.timeout(10):
            while True:
                found = listed(do, cluster, look_by_watch(watch)).get("pull")
                if found and (found.sync, [str(user) for user in found.used_by]) == wanted:
                    return
                news.clear()
                await news.wait()

    await until((Sync.IN_SYNC, []))
    fake.write(pod("default", "pull"))
    await until((Sync.IN_SYNC, ["Pod alone"]))
    fake.write(account("default", "pull"))
    await until((Sync.IN_SYNC, ["Pod alone", "ServiceAccount builder"]))
    fake.remove(SECRET, "pull", "default")
    await until((Sync.MISSING, ["Pod alone", "ServiceAccount builder"]))
    assert look_by_watch(watch) == await look_at(fake.connect())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
