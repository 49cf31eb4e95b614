"""Fixtures of real Kubernetes clusters; each is started by the first test that asks, and serves all."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import pytest

from engines.pytest_plugin import require
from engines.servers import ControlPlane, Karmada, RealCluster, control_plane, karmada, real_cluster

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def kubernetes() -> Iterator[ControlPlane]:
    """A cluster of two amd64 nodes and one arm64 node, played by kwok. Tests share it: take a `namespace`."""
    with _cluster() as plane:
        plane.add_nodes(2)
        plane.add_nodes(1, architecture="arm64")
        yield plane


@pytest.fixture(scope="session")
def other_kubernetes() -> Iterator[ControlPlane]:
    """A second cluster beside the first, with one amd64 node."""
    with _cluster() as plane:
        plane.add_nodes(1)
        yield plane


@pytest.fixture
def own_kubernetes() -> Iterator[ControlPlane]:
    """A cluster of this test alone, without nodes: for what would disturb the others."""
    with _cluster() as plane:
        yield plane


@pytest.fixture(scope="session")
def nodes() -> Iterator[RealCluster]:
    """A cluster of two real nodes, kubelet on containerd, that pull from whom a test has them `trust`."""
    for engine in ("kubernetes", "kubectl", "containerd-2", "cni-plugins", "catatonit", "runc", "iproute2"):
        require(engine, root=True)
    with real_cluster(nodes=2) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def federation(kubernetes: ControlPlane, other_kubernetes: ControlPlane) -> Iterator[Karmada]:
    """A Karmada with the members `one` (the cluster `kubernetes`) and `two` (`other_kubernetes`)."""
    with karmada() as running:
        running.join("one", kubernetes)
        running.join("two", other_kubernetes)
        yield running


@pytest.fixture
def namespace(kubernetes: ControlPlane) -> Iterator[str]:
    """A new namespace of `kubernetes`, whose deletion has begun when the test is over."""
    yield from _namespace(kubernetes)


@pytest.fixture
def nodes_namespace(nodes: RealCluster) -> Iterator[str]:
    """A new namespace of `nodes`, whose deletion has begun when the test is over."""
    yield from _namespace(nodes.plane)


def _namespace(plane: ControlPlane) -> Iterator[str]:
    name = f"test-{next(_numbers)}"
    plane.kubectl("create", "namespace", name)
    yield name
    plane.kubectl("delete", "namespace", name, "--wait=false")


def _cluster() -> contextlib.AbstractContextManager[ControlPlane]:
    require("kubernetes")
    require("kubectl")
    return control_plane()
