"""Real clusters that a keeper watches: registered by their kubeconfig, reached over HTTPS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from engines.servers.kubernetes import ControlPlane
from tests.clusters.registered import NOW, SEALER
from tests.clusters.test_keeping import keeping
from tests.clusters.worlds import LOOPBACK
from tests.databases import Do
from wherry.clusters.cluster import Cluster
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.drivers.http import HttpConnection
from wherry.clusters.keeping import Keeper
from wherry.clusters.kubeconfig import ClusterLogin, read_kubeconfig
from wherry.clusters.register import Registration, register_cluster
from wherry.db.database import Database


def register_real(
    do: Do, plane: ControlPlane, name: str, organization: str | None = None, *, token: str | None = None
) -> Cluster:
    """As its administrator, or with a token."""
    asked = Registration(
        name, read_kubeconfig(plane.kubeconfig_of(token or plane.token), NOW), organization=organization
    )
    made: Cluster = do(register_cluster, SEALER, LOOPBACK, asked, uid=None, created_by=None, now=NOW)
    return made


def connect(cluster: Cluster, login: ClusterLogin) -> ClusterConnection:
    """With the login that is registered."""
    return HttpConnection(cluster.name, login, LOOPBACK)


@asynccontextmanager
async def really_keeping(database: Database, **more: Any) -> AsyncIterator[Keeper]:
    """A keeper of all that is registered, while the block runs."""
    async with keeping(database, connect, **more) as keeper:
        yield keeper
