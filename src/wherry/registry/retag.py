"""Giving a manifest a further tag, without a push."""

from datetime import datetime

from sqlalchemy import Connection, select

from wherry.oci.digests import Digest
from wherry.oci.names import Reference, RepositoryName, Tag
from wherry.registry.errors import ManifestUnknown, TagExists
from wherry.registry.push import TagTarget, move_tags
from wherry.registry.repositories import get_repository
from wherry.registry.tables import manifests, tags


def retag(
    tx: Connection,
    name: RepositoryName,
    source: Reference,
    destination: Tag,
    user_id: int,
    now: datetime,
    *,
    override: bool = False,
) -> None:
    """Point `destination` at the manifest `source`, or at what that tag points at.

    Raises `RepositoryUnknown`, `ManifestUnknown`, and, without `override`, `TagExists`.
    """
    repository = get_repository(tx, name)
    digest = _digest_of(tx, repository.id, source)
    if digest is None:
        raise ManifestUnknown(name, source)
    if not override and _digest_of(tx, repository.id, destination) is not None:
        raise TagExists(name, destination)
    media_type = tx.execute(
        select(manifests.c.media_type).where(
            manifests.c.repository_id == repository.id, manifests.c.digest == digest
        )
    ).scalar_one()
    target = TagTarget(repository.id, name, digest, media_type)
    move_tags(tx, target, [destination], user_id, now, is_retag=True)


def _digest_of(tx: Connection, repository_id: int, reference: Reference) -> str | None:
    if isinstance(reference, Digest):
        # Locked, so that no delete of the manifest comes between this and the tag.
        query = select(manifests.c.digest).where(
            manifests.c.repository_id == repository_id, manifests.c.digest == str(reference)
        )
        return tx.execute(query.with_for_update()).scalar_one_or_none()
    return tx.execute(
        select(tags.c.digest).where(tags.c.repository_id == repository_id, tags.c.name == reference.text)
    ).scalar_one_or_none()
