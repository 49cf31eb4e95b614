"""How faces reach registered clusters: what this process has seen of them, and calls to them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from wherry.clusters.addresses import AddressRules
from wherry.clusters.cluster import Cluster, open_login
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.keeping import Keeper, Registry
from wherry.clusters.kubeconfig import ClusterLogin
from wherry.clusters.watching.cluster_watch import ClusterWatch
from wherry.db.database import Database
from wherry.kit.secrets import Sealer


@dataclass(frozen=True, slots=True)
class Clusters:
    """Belongs to one event loop. `registry` is by which names clusters know this one."""

    database: Database
    sealer: Sealer
    keeper: Keeper
    rules: AddressRules
    connect: Callable[[str, ClusterLogin], ClusterConnection]

    @property
    def registry(self) -> Registry:
        return self.keeper.registry

    def watch_of(self, cluster: Cluster) -> ClusterWatch | None:
        """What this process has seen of it; None for a cluster that was registered a moment ago."""
        return self.keeper.watch_of(cluster)

    @asynccontextmanager
    async def connected(self, cluster: Cluster) -> AsyncIterator[ClusterConnection]:
        """A connection by the login that is kept; the one of the watch where there is one.

        Raises `ClusterUnknown`, `UnreadableSecret`, `ClusterCallFailed`.
        """
        known = self.keeper.connection_of(cluster)
        if known is not None:
            yield known
            return
        login = await self.database.read(lambda tx: open_login(tx, self.sealer, cluster.name))
        async with self.connected_by(cluster.name, login) as connection:
            yield connection

    @asynccontextmanager
    async def connected_by(self, name: str, login: ClusterLogin) -> AsyncIterator[ClusterConnection]:
        """A connection by a login that somebody has just sent. Raises `ClusterCallFailed`."""
        connection = self.connect(name, login)
        try:
            yield connection
        finally:
            await connection.close()
