"""Giving a manifest a further tag, without a push."""

from datetime import datetime

from sqlalchemy import Connection, select

from wherry.oci.names import RepositoryName, Tag
from wherry.registry.errors import ManifestUnknown, TagExists
from wherry.registry.push import move_tags
from wherry.registry.repositories import get_repository
from wherry.registry.tables import tags


def retag(
    tx: Connection,
    name: RepositoryName,
    source: Tag,
    destination: Tag,
    user_id: int,
    now: datetime,
    *,
    override: bool = False,
) -> None:
    """Point `destination` at what `source` points at.

    Raises `RepositoryUnknown`, `ManifestUnknown`, and, without `override`, `TagExists`.
    """
    repository = get_repository(tx, name)
    digest = _digest_of(tx, repository.id, source)
    if digest is None:
        raise ManifestUnknown(name, source)
    if not override and _digest_of(tx, repository.id, destination) is not None:
        raise TagExists(name, destination)
    move_tags(tx, repository.id, digest, [destination], user_id, now)


def _digest_of(tx: Connection, repository_id: int, tag: Tag) -> str | None:
    return tx.execute(
        select(tags.c.digest).where(tags.c.repository_id == repository_id, tags.c.name == tag.text)
    ).scalar_one_or_none()
