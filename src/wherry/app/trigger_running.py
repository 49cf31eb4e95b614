"""What does the work of triggers, as the settings describe it."""

from wherry.clusters.cluster import Cluster
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.kubeconfig import ClusterLogin
from wherry.db.database import Database
from wherry.kit.clock import Clock
from wherry.triggers.gitops.committing import CommitRuns
from wherry.triggers.perform import Performer
from wherry.web.clusters import Clusters


def open_performer(clusters: Clusters, database: Database, clock: Clock) -> Performer:
    """Connects to clusters as everybody here does. Close it at the end."""

    def connect(cluster: Cluster, login: ClusterLogin) -> ClusterConnection:
        return clusters.connect(cluster.name, login)

    commit = CommitRuns(clusters.sealer, clock, clusters.rules, clusters.registry.host)
    return Performer(database, clusters.sealer, clock, connect, clusters.registry, commit=commit)
