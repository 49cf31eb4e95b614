"""The first look at a cluster, before it is registered: does it answer to this login, and which is it?"""

from dataclasses import dataclass

from wherry.clusters.cluster import ClusterKind
from wherry.clusters.connection import ClusterConnection, ClusterVersion, Selection, list_all
from wherry.clusters.errors import ClusterRefused, ObjectUnknown
from wherry.clusters.kinds import NAMESPACE, PROPAGATION_POLICY


@dataclass(frozen=True, slots=True)
class Probed:
    """`uid` is the one of the namespace `kube-system`; None where this login may not see it."""

    version: ClusterVersion
    uid: str | None
    kind: ClusterKind = ClusterKind.KUBERNETES


async def probe(connection: ClusterConnection) -> Probed:
    """Raises `ClusterCallFailed`, above all `ClusterUnreachable` and `ClusterLoginFailed`."""
    version = await connection.version()
    try:
        # Anybody may ask for the version: that the login is good shows here.
        system = await connection.get(NAMESPACE, "kube-system")
    except ClusterRefused:
        return Probed(version, None, await _kind(connection))
    return Probed(version, str(system["metadata"]["uid"]), await _kind(connection))


async def _kind(connection: ClusterConnection) -> ClusterKind:
    """A Karmada is known by its policies. Where the login may not see any, it could not use them either."""
    try:
        await list_all(connection, PROPAGATION_POLICY, Selection("kube-system"))
    except (ClusterRefused, ObjectUnknown):
        return ClusterKind.KUBERNETES
    return ClusterKind.KARMADA
