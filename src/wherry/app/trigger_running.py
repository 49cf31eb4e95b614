"""What does the work of triggers, as the settings describe it."""

import asyncio

from wherry.app.wiring import open_blob_store
from wherry.clusters.cluster import Cluster
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.kubeconfig import ClusterLogin
from wherry.db.database import Database
from wherry.kit.clock import Clock
from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName
from wherry.registry.config_platforms import read_platforms
from wherry.settings import Settings
from wherry.triggers.gitops.committing import CommitRuns
from wherry.triggers.perform import Performer
from wherry.web.clusters import Clusters


def read_platform_now(
    settings: Settings, database: Database, repository: RepositoryName, digest: str
) -> None:
    """What commands need before they ask whether an image is for a trigger's platform. Raises `BlobError`."""

    async def read() -> None:
        store = open_blob_store(settings)
        try:
            await read_platforms(database, store, [(repository, Digest.parse(digest))])
        finally:
            await store.close()

    asyncio.run(read())


def open_performer(clusters: Clusters, database: Database, clock: Clock) -> Performer:
    """Connects to clusters as everybody here does. Close it at the end."""

    def connect(cluster: Cluster, login: ClusterLogin) -> ClusterConnection:
        return clusters.connect(cluster.name, login)

    commit = CommitRuns(clusters.sealer, clock, clusters.rules, clusters.registry.host)
    return Performer(database, clusters.sealer, clock, connect, clusters.registry, commit=commit)
