"""Listing tags, page by page in ASCII order."""

from sqlalchemy import Connection, select

from wherry.kit.pages import Page
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import get_repository
from wherry.registry.tables import tags


def list_tags(tx: Connection, name: RepositoryName, *, after: str = "", size: int = 100) -> Page[str]:
    """At most `size` tags behind `after`. Raises `RepositoryUnknown`."""
    repository = get_repository(tx, name)
    rows = tx.execute(
        select(tags.c.name)
        .where(tags.c.repository_id == repository.id, tags.c.name > after)
        .order_by(tags.c.name)
        .limit(size + 1)
    )
    return Page.cut([row[0] for row in rows], size)


def newest_tags(tx: Connection, repository_id: int, size: int) -> tuple[str, ...]:
    """At most `size` tags of the repository, those first that moved last."""
    rows = tx.execute(
        select(tags.c.name)
        .where(tags.c.repository_id == repository_id)
        .order_by(tags.c.moved_at.desc(), tags.c.name)
        .limit(size)
    )
    return tuple(row[0] for row in rows)
