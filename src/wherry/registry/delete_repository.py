"""Deleting a whole repository: its tags, manifests, links, uploads, and the rights and shares on it."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from wherry.access.grants import forget_resource
from wherry.access.resources import Kind, Resource
from wherry.access.shares import forget_shares_of
from wherry.blobs.intake import Staged
from wherry.events.outbox import append
from wherry.identity.users import name_of
from wherry.oci.names import RepositoryName
from wherry.registry.delete import drop_unused_contents
from wherry.registry.events import RepositoryDeleted
from wherry.registry.repositories import get_repository
from wherry.registry.tables import (
    manifest_references,
    manifests,
    repositories,
    repository_blobs,
    tags,
)
from wherry.registry.uploads import end_uploads_of


def delete_repository(
    tx: Connection, name: RepositoryName, user_id: int | None, now: datetime
) -> tuple[Staged, ...]:
    """Remove all of it; answers the unfinished uploads, whose bytes the caller discards.

    Raises `RepositoryUnknown`.
    """
    repository_id = get_repository(tx, name).id
    unfinished = end_uploads_of(tx, repository_id)
    mine = [
        row[0]
        for row in tx.execute(select(manifests.c.digest).where(manifests.c.repository_id == repository_id))
    ]
    for table in (tags, manifest_references, manifests, repository_blobs):
        tx.execute(delete(table).where(table.c.repository_id == repository_id))
    for start in range(0, len(mine), 500):
        drop_unused_contents(tx, mine[start : start + 500])
    forget_resource(tx, Resource(Kind.IMAGE, name.text))
    forget_shares_of(tx, name)
    tx.execute(delete(repositories).where(repositories.c.id == repository_id))
    append(tx, RepositoryDeleted(name.text, user_id, name_of(tx, user_id)).to_event(), now)
    return unfinished
