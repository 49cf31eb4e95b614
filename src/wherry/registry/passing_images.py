"""Images that Wherry itself holds for some minutes, in a repository of their own: kept whole, dropped whole.

Nobody else pushes there, so that nothing else can need what is dropped.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select

from wherry.blobs.intake import StoredBlob
from wherry.oci.digests import Digest
from wherry.oci.manifests import parse_manifest
from wherry.oci.names import RepositoryName
from wherry.registry.blob_links import link_blob, record_blob
from wherry.registry.delete import drop_unused_contents
from wherry.registry.push import PushedManifest, keep_manifest
from wherry.registry.repositories import ensure_repository, find_repository
from wherry.registry.tables import manifest_references, manifests, repository_blobs


def keep_passing_image(
    tx: Connection,
    name: RepositoryName,
    blobs: Sequence[StoredBlob],
    contents: Iterable[tuple[Digest, bytes]],
    user_id: int,
    now: datetime,
) -> tuple[str, ...]:
    """`contents` are manifests, children before their index. Answers where bytes are that are not needed."""
    repository_id = ensure_repository(tx, name, None, now)
    surplus = [record_blob(tx, blob, now) for blob in blobs]
    for blob in blobs:
        link_blob(tx, repository_id, str(blob.digest), now)
    for digest, content in contents:
        # Nobody is told: webhooks are for what people push.
        pushed = PushedManifest(digest, content, parse_manifest(content, None))
        keep_manifest(tx, name, pushed, user_id, now)
    return tuple(location for location in surplus if location is not None)


def drop_passing_image(tx: Connection, name: RepositoryName, digests: Collection[Digest]) -> None:
    """Manifests and blobs of these digests go; the bytes of blobs are garbage collection's."""
    texts = [str(digest) for digest in digests]
    _drop(tx, name, manifests.c.digest.in_(texts), repository_blobs.c.digest.in_(texts))


def drop_passed_images(tx: Connection, name: RepositoryName, before: datetime) -> None:
    """What is older goes: whoever kept it has not come to drop it."""
    _drop(tx, name, manifests.c.pushed_at < before, repository_blobs.c.linked_at < before)


def _drop(
    tx: Connection, name: RepositoryName, of_manifests: ColumnElement[bool], of_blobs: ColumnElement[bool]
) -> None:
    repository = find_repository(tx, name)
    if repository is None:
        return
    mine = (manifests.c.repository_id == repository.id, of_manifests)
    gone = list(tx.execute(select(manifests.c.digest).where(*mine).with_for_update()).scalars())
    if gone:
        named = (
            manifest_references.c.repository_id == repository.id,
            manifest_references.c.manifest.in_(gone),
        )
        tx.execute(delete(manifest_references).where(*named))
        tx.execute(delete(manifests).where(*mine))
        drop_unused_contents(tx, gone)
    tx.execute(delete(repository_blobs).where(repository_blobs.c.repository_id == repository.id, of_blobs))
