"""The keeper of registered clusters, and the way to them, as the settings describe it."""

from urllib.parse import urlsplit

from wherry.clusters.addresses import AddressRules
from wherry.clusters.cluster import Cluster
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.drivers.tunnel_sockets import TunnelSockets
from wherry.clusters.keeping import Keeper, Registry
from wherry.clusters.kubeconfig import ClusterLogin
from wherry.db.database import Database
from wherry.kit.clock import Clock
from wherry.kit.secrets import Sealer
from wherry.settings import Settings
from wherry.web.clusters import Clusters

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 (compared with, not bound to)


def open_clusters(
    settings: Settings, database: Database, sealer: Sealer, clock: Clock, sockets: TunnelSockets
) -> Clusters:
    """Its keeper watches and acts once it runs."""
    rules = AddressRules(settings.clusters.allowed_networks)

    def connect(name: str, login: ClusterLogin) -> ClusterConnection:
        # Loaded with the first cluster: 9 MiB of memory that a registry without any need not pay.
        from wherry.clusters.drivers.http import HttpConnection

        return HttpConnection(name, login, rules, sockets)

    def watched(cluster: Cluster, login: ClusterLogin) -> ClusterConnection:
        return connect(cluster.name, login)

    keeper = Keeper(database, sealer, clock, watched, registry_of(settings))
    return Clusters(database, sealer, keeper, rules, connect)


def registry_of(settings: Settings) -> Registry:
    """By which name nodes know this registry: the public one, else the one that it listens on."""
    if settings.public_url is not None:
        host = urlsplit(settings.public_url).netloc
    elif settings.host in _EVERYWHERE:
        return Registry("", ())
    else:
        shown = f"[{settings.host}]" if ":" in settings.host else settings.host
        host = f"{shown}:{settings.port}"
    return Registry(host, (host,))
