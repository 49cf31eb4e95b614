"""Who acts on the clusters: one process of all, for as long as it says so in time."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, update

from wherry.clusters.tables import cluster_keepers
from wherry.db.upserts import insert_new

LEASE = timedelta(seconds=30)


def take_lease(tx: Connection, holder: str, now: datetime, lease: timedelta = LEASE) -> bool:
    """Become the one that acts, or go on being it; False while another one is."""
    ends = int((now + lease).timestamp())
    insert_new(tx, cluster_keepers, {"id": 1, "holder": holder, "until": ends})
    taken = tx.execute(
        update(cluster_keepers)
        .where(
            cluster_keepers.c.id == 1,
            or_(cluster_keepers.c.holder == holder, cluster_keepers.c.until <= int(now.timestamp())),
        )
        .values(holder=holder, until=ends)
    )
    return taken.rowcount > 0


def give_lease_back(tx: Connection, holder: str) -> None:
    """Another one may act at once."""
    tx.execute(update(cluster_keepers).where(cluster_keepers.c.holder == holder).values(until=0))
