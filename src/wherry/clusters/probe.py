"""The first look at a cluster, before it is registered: does it answer to this login, and which is it?"""

from dataclasses import dataclass

from wherry.clusters.connection import ClusterConnection, ClusterVersion
from wherry.clusters.errors import ClusterRefused
from wherry.clusters.kinds import NAMESPACE


@dataclass(frozen=True, slots=True)
class Probed:
    """`uid` is the one of the namespace `kube-system`; None where this login may not see it."""

    version: ClusterVersion
    uid: str | None


async def probe(connection: ClusterConnection) -> Probed:
    """Raises `ClusterCallFailed`, above all `ClusterUnreachable` and `ClusterLoginFailed`."""
    version = await connection.version()
    try:
        # Anybody may ask for the version: that the login is good shows here.
        system = await connection.get(NAMESPACE, "kube-system")
    except ClusterRefused:
        return Probed(version, None)
    return Probed(version, str(system["metadata"]["uid"]))
