"""Deleting tags, manifests and blobs. What a manifest that stays still needs is not deleted."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from wherry.events.outbox import append, append_all
from wherry.identity.users import name_of
from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName, Tag
from wherry.registry.errors import BlobUnknown, ManifestUnknown, StillReferenced
from wherry.registry.events import ManifestDeleted, TagDeleted
from wherry.registry.repositories import get_repository
from wherry.registry.tables import manifest_contents, manifest_references, manifests, repository_blobs, tags


def delete_tag(tx: Connection, name: RepositoryName, tag: Tag, user_id: int | None, now: datetime) -> None:
    """The tag goes, its manifest stays. Raises `RepositoryUnknown`, `ManifestUnknown`."""
    repository = get_repository(tx, name)
    digest = tx.execute(
        delete(tags)
        .where(tags.c.repository_id == repository.id, tags.c.name == tag.text)
        .returning(tags.c.digest)
    ).scalar_one_or_none()
    if digest is None:
        raise ManifestUnknown(name, tag)
    append(tx, TagDeleted(name.text, tag.text, digest, user_id, name_of(tx, user_id)).to_event(), now)


def delete_manifest(
    tx: Connection,
    name: RepositoryName,
    digest: Digest,
    user_id: int | None,
    now: datetime,
    *,
    sparse: bool = False,
) -> None:
    """The manifest goes with all tags that point at it.

    Raises `RepositoryUnknown`, `ManifestUnknown`, and, unless `sparse`, `StillReferenced` for a child.
    """
    repository = get_repository(tx, name)
    text = str(digest)
    mine = (manifests.c.repository_id == repository.id, manifests.c.digest == text)
    if tx.execute(select(manifests.c.digest).where(*mine).with_for_update()).first() is None:
        raise ManifestUnknown(name, digest)
    if not sparse:
        _refuse_if_referenced(tx, repository.id, digest)
    untagged = tx.execute(
        delete(tags)
        .where(tags.c.repository_id == repository.id, tags.c.digest == text)
        .returning(tags.c.name)
    ).scalars()
    user = name_of(tx, user_id)
    events = [TagDeleted(name.text, tag, text, user_id, user).to_event() for tag in sorted(untagged)]
    append_all(tx, [*events, ManifestDeleted(name.text, text, user_id, user).to_event()], now)
    tx.execute(
        delete(manifest_references).where(
            manifest_references.c.repository_id == repository.id, manifest_references.c.manifest == text
        )
    )
    tx.execute(delete(manifests).where(*mine))
    drop_unused_contents(tx, [text])


def delete_blob(tx: Connection, name: RepositoryName, digest: Digest, *, sparse: bool = False) -> None:
    """The repository loses the blob; its bytes stay until garbage collection finds that nobody has it.

    Raises `RepositoryUnknown`, `BlobUnknown`, and, unless `sparse`, `StillReferenced` if a manifest names it.
    """
    repository = get_repository(tx, name)
    mine = (repository_blobs.c.repository_id == repository.id, repository_blobs.c.digest == str(digest))
    if tx.execute(select(repository_blobs.c.digest).where(*mine).with_for_update()).first() is None:
        raise BlobUnknown(name, digest)
    if not sparse:
        _refuse_if_referenced(tx, repository.id, digest)
    tx.execute(delete(repository_blobs).where(*mine))


def _refuse_if_referenced(tx: Connection, repository_id: int, digest: Digest) -> None:
    rows = tx.execute(
        select(manifest_references.c.manifest)
        .where(
            manifest_references.c.repository_id == repository_id, manifest_references.c.target == str(digest)
        )
        .limit(3)
    )
    by = tuple(row[0] for row in rows)
    if by:
        raise StillReferenced(digest, by)


def drop_unused_contents(tx: Connection, digests: list[str]) -> None:
    """Manifest bytes live as long as any repository has them; takes as many as one statement's parameters.

    The rows are locked first: a push of the same manifest elsewhere waits, and keeps it or writes it anew.
    """
    these = manifest_contents.c.digest.in_(digests)
    tx.execute(select(manifest_contents.c.digest).where(these).with_for_update()).all()
    kept = select(manifests.c.digest).where(manifests.c.digest.in_(digests))
    tx.execute(delete(manifest_contents).where(these, manifest_contents.c.digest.not_in(kept)))
