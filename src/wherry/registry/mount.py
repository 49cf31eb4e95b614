"""Mounting: a blob of one repository becomes one of another, without its bytes travelling again."""

from datetime import datetime

from sqlalchemy import Connection, select

from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName
from wherry.registry.blob_links import link_blob
from wherry.registry.repositories import ensure_repository
from wherry.registry.tables import repositories, repository_blobs

# Where no source is named, this many repositories that have the blob are looked at.
MAX_SOURCES = 100


def repositories_with(tx: Connection, digest: Digest) -> tuple[tuple[RepositoryName, bool], ...]:
    """Repositories that have the blob, and whether each is public; the caller picks one it may read."""
    rows = tx.execute(
        select(repositories.c.name, repositories.c.is_public)
        .join(repository_blobs)
        .where(repository_blobs.c.digest == str(digest))
        .limit(MAX_SOURCES)
    )
    return tuple((RepositoryName(name), is_public) for name, is_public in rows)


def mount_blob(
    tx: Connection,
    target: RepositoryName,
    source: RepositoryName,
    digest: Digest,
    user_id: int,
    now: datetime,
) -> bool:
    """Link the blob to `target` if `source` has it; False where it does not.

    The caller has made sure that its actor may pull from `source` and push to `target`. Raises
    `OrganizationReserved`, `InvalidOrganizationName`.
    """
    link = (
        select(repository_blobs.c.digest)
        .join(repositories)
        .where(repositories.c.name == source.text, repository_blobs.c.digest == str(digest))
        .with_for_update(read=True, of=repository_blobs)
    )
    if tx.execute(link).first() is None:
        return False
    link_blob(tx, ensure_repository(tx, target, user_id, now), str(digest), now)
    return True
