"""Which clusters a fleet has, for triggers that name one: asked at the moment of the push."""

from sqlalchemy import Connection, select

from wherry.clusters.federations.tables import fleet_clusters, fleets
from wherry.clusters.tables import clusters


def clusters_of_fleet(tx: Connection, name: str) -> tuple[str, ...] | None:
    """By name; None where there is no such fleet."""
    number = tx.execute(select(fleets.c.id).where(fleets.c.name == name)).scalar_one_or_none()
    if number is None:
        return None
    query = (
        select(clusters.c.name)
        .join(fleet_clusters, fleet_clusters.c.cluster_id == clusters.c.id)
        .where(fleet_clusters.c.fleet_id == number)
        .order_by(clusters.c.name)
    )
    return tuple(tx.execute(query).scalars())
