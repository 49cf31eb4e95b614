"""Registries with a cluster: a fake one that a test looks into, and a real kube-apiserver."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from typing import Any

import pytest

from engines.servers import ControlPlane
from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.kubeconfigs import SERVER, kubeconfig
from tests.web.conftest import Serve
from tests.web.running import Registry
from wherry.clusters.errors import ClusterUnreachable
from wherry.clusters.keeping import Keeper
from wherry.clusters.kubeconfig import ClusterLogin
from wherry.settings.tree import ClusterSettings

CLUSTERS = "/api/v1/clusters"
OF_ACME = "/api/v1/organizations/acme/clusters"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """What answers at `SERVER`; nothing does anywhere else."""
    made = FakeCluster("prod")

    def connect(name: str, login: ClusterLogin, *_: Any) -> Any:
        if login.server != SERVER:
            raise ClusterUnreachable(name, "tcp", "no connection")
        return made.connect()

    monkeypatch.setattr("wherry.clusters.drivers.http.HttpConnection", connect)
    return made


@pytest.fixture
async def acme(registry_on_both: Registry, fake: FakeCluster) -> Registry:
    """With acme and its cluster prod, which is the fake, on each database; nobody watches it."""
    return await with_prod(registry_on_both, kubeconfig())


@pytest.fixture
async def watched(serve: Serve, fake: FakeCluster) -> AsyncIterator[Registry]:
    """The same with its watch, on SQLite."""
    registry = await with_prod(await serve(public_url="https://registry.example.com"), kubeconfig())
    async with watching(registry):
        yield registry


@pytest.fixture
async def real(serve: Serve, kubernetes: ControlPlane) -> AsyncIterator[Registry]:
    """With acme and its cluster prod, which is a real kube-apiserver, and is watched."""
    loopback = ClusterSettings(allowed_networks=(ip_network("127.0.0.0/8"),))
    registry = await serve(clusters=loopback, public_url="https://registry.example.com")
    await with_prod(registry, kubernetes.kubeconfig_of(kubernetes.token))
    async with watching(registry):
        yield registry


async def with_prod(registry: Registry, text: str) -> Registry:
    await registry.http.post("/api/v1/organizations", json={"name": "acme"})
    body = {"name": "prod", "kubeconfig": text, "makes_default_secret": False}
    made = await registry.http.post(OF_ACME, json=body)
    assert (made.status_code, made.headers["location"]) == (201, f"{CLUSTERS}/prod"), made.text
    return registry


@contextlib.asynccontextmanager
async def watching(registry: Registry) -> AsyncIterator[None]:
    """Until all that is watched was seen once."""
    keeper = registry.wired.api.clusters.keeper
    task = asyncio.create_task(keeper.run())
    try:
        await eventually(lambda: _has_seen_all(keeper))
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def eventually(done: Callable[[], bool]) -> None:
    """What others do shows a moment later."""
    async with asyncio.timeout(30):
        while not done():  # noqa: ASYNC110 (nothing tells of it)
            await asyncio.sleep(0.02)


def _has_seen_all(keeper: Keeper) -> bool:
    mirrors = [mirror for watch in keeper.watches.values() for mirror in watch.mirrors]
    return bool(mirrors) and all(mirror.was_synced for mirror in mirrors)
