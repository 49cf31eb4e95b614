"""How much there is: for dashboards and quotas."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from wherry.identity.organizations import LIBRARY
from wherry.identity.tables import organizations
from wherry.registry.tables import blobs, repositories, tags


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts over the whole site; `stored` are bytes, each blob counted once."""

    organizations: int
    repositories: int
    tags: int
    stored: int


def overview(tx: Connection) -> Overview:
    """Counted now."""
    return Overview(
        tx.execute(
            select(func.count()).select_from(organizations).where(organizations.c.name != LIBRARY)
        ).scalar_one(),
        tx.execute(select(func.count()).select_from(repositories)).scalar_one(),
        tx.execute(select(func.count()).select_from(tags)).scalar_one(),
        int(tx.execute(select(func.coalesce(func.sum(blobs.c.size), 0))).scalar_one()),
    )
