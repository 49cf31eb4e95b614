"""The keeper of registered clusters, as the settings describe it."""

from urllib.parse import urlsplit

from wherry.app.wiring import open_sealer
from wherry.clusters.addresses import AddressRules
from wherry.clusters.cluster import Cluster
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.keeping import Keeper, Registry
from wherry.clusters.kubeconfig import ClusterLogin
from wherry.db.database import Database
from wherry.kit.clock import Clock
from wherry.settings import Settings

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 (compared with, not bound to)


def open_keeper(settings: Settings, database: Database, clock: Clock) -> Keeper:
    """Watches and acts once it runs."""
    rules = AddressRules(settings.clusters.allowed_networks)

    def connect(cluster: Cluster, login: ClusterLogin) -> ClusterConnection:
        # Loaded with the first cluster: 9 MiB of memory that a registry without any need not pay.
        from wherry.clusters.drivers.http import HttpConnection

        return HttpConnection(cluster.name, login, rules)

    return Keeper(database, open_sealer(settings), clock, connect, registry_of(settings))


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
