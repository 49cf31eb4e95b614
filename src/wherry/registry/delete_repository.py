"""Deleting a whole repository: its tags, manifests, links, uploads, and the rights and shares on it."""

import json

from sqlalchemy import Connection, delete, select

from wherry.access.grants import forget_resource
from wherry.access.resources import Kind, Resource
from wherry.access.shares import forget_shares_of
from wherry.blobs.intake import Staged
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import get_repository
from wherry.registry.tables import (
    manifest_contents,
    manifest_references,
    manifests,
    repositories,
    repository_blobs,
    tags,
    uploads,
)


def delete_repository(tx: Connection, name: RepositoryName) -> tuple[Staged, ...]:
    """Remove all of it; answers the unfinished uploads, whose bytes the caller discards.

    Raises `RepositoryUnknown`.
    """
    repository_id = get_repository(tx, name).id
    rows = tx.execute(
        select(uploads.c.id, uploads.c.received, uploads.c.parts).where(
            uploads.c.repository_id == repository_id
        )
    )
    unfinished = tuple(Staged(row[0], row[1], tuple(json.loads(row[2]))) for row in rows)
    mine = [
        row[0]
        for row in tx.execute(select(manifests.c.digest).where(manifests.c.repository_id == repository_id))
    ]
    for table in (uploads, tags, manifest_references, manifests, repository_blobs):
        tx.execute(delete(table).where(table.c.repository_id == repository_id))
    for start in range(0, len(mine), 500):
        _drop_contents(tx, mine[start : start + 500])
    forget_resource(tx, Resource(Kind.IMAGE, name.text))
    forget_shares_of(tx, name)
    tx.execute(delete(repositories).where(repositories.c.id == repository_id))
    return unfinished


def _drop_contents(tx: Connection, digests: list[str]) -> None:
    """Bytes of manifests that no other repository has; locked first, as a push elsewhere may want them."""
    these = manifest_contents.c.digest.in_(digests)
    tx.execute(select(manifest_contents.c.digest).where(these).with_for_update())
    elsewhere = select(manifests.c.digest).where(manifests.c.digest.in_(digests))
    tx.execute(delete(manifest_contents).where(these, manifest_contents.c.digest.not_in(elsewhere)))
