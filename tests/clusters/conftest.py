"""Clusters to test with: a real control plane, once for all tests, and the fake."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from engines.pytest_plugin import require
from engines.servers.kubernetes import ControlPlane, control_plane
from tests.clusters.fake_api import FakeAPI
from tests.clusters.tunnelled import TunnelThread
from tests.clusters.worlds import FakeWorld, RealWorld, ServedWorld, TunnelWorld, World
from wherry.clusters.connection import ClusterConnection

WORLDS = [
    "fake",
    "fake-over-https",
    pytest.param("real", marks=pytest.mark.engine("kubernetes")),
    pytest.param("tunnel", marks=pytest.mark.engine("kubernetes")),
]


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    """A control plane without nodes, until a test adds some. Tests keep to namespaces of their own."""
    require("kubernetes")
    with control_plane() as running:
        yield running


@pytest.fixture(scope="session")
def tunnel(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TunnelThread]:
    """The agent's tunnel to it."""
    running = TunnelThread(plane, tmp_path_factory.mktemp("tunnel"))
    yield running
    running.end()


@pytest.fixture
async def served() -> AsyncIterator[ServedWorld]:
    """The fake, reached by the driver over HTTPS."""
    world = FakeWorld()
    api = FakeAPI({"world": world.fake})
    async with api.serving():
        yield ServedWorld(world.fake, api)


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    """A test that asks for it runs on each."""
    if request.param == "fake":
        return FakeWorld()
    if request.param == "fake-over-https":
        served: ServedWorld = request.getfixturevalue("served")
        return served
    if request.param == "tunnel":
        return TunnelWorld(request.getfixturevalue("plane"), request.getfixturevalue("tunnel").sockets)
    return RealWorld(request.getfixturevalue("plane"))


@pytest.fixture
async def connection(world: World) -> AsyncIterator[ClusterConnection]:
    made = world.connect()
    yield made
    await made.close()


@pytest.fixture
def namespace(world: World) -> str:
    """One that no other test uses."""
    name = f"t-{uuid.uuid4().hex[:10]}"
    world.add_namespace(name)
    return name
