"""Blobs and where they may be read: a blob is one row, and a link for each repository that has it."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from wherry.blobs.intake import StoredBlob
from wherry.db.upserts import insert_new
from wherry.registry.tables import blobs, repository_blobs


def record_blob(tx: Connection, blob: StoredBlob, now: datetime) -> str | None:
    """Make a stored blob known.

    Answers the location of surplus bytes, where the same blob was known already at another one.
    """
    digest = str(blob.digest)
    insert_new(tx, blobs, {"digest": digest, "size": blob.size, "location": blob.location, "created_at": now})
    kept = tx.execute(_LOCATION, {"digest": digest}).scalar_one()
    return None if kept == blob.location else blob.location


def link_blob(tx: Connection, repository_id: int, digest: str, now: datetime) -> None:
    """Let the repository read the blob."""
    insert_new(tx, repository_blobs, {"repository_id": repository_id, "digest": digest, "linked_at": now})


_LOCATION = select(blobs.c.location).where(blobs.c.digest == bindparam("digest"))
