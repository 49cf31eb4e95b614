"""Upload sessions: begun, written to by one request at a time, finished into a blob, cancelled, expired.

A session belongs to its repository and its user; to everybody else it does not exist. The row keeps what is
durable of it; the bytes are the blob store's. A writer holds a lease, so that two requests never write at
once, on any replica.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Update, delete, insert, or_, select, update

from wherry.blobs.intake import Staged, StoredBlob
from wherry.oci.digests import Algorithm
from wherry.oci.names import RepositoryName
from wherry.registry.blob_links import link_blob, record_blob
from wherry.registry.errors import UploadBusy, UploadUnknown
from wherry.registry.repositories import ensure_repository
from wherry.registry.tables import repositories, uploads

# A writer renews its lease while bytes come in; one that died frees the session after this long.
LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Upload:
    """A session as it stands: `staged` is what may be continued."""

    repository_id: int
    algorithm: Algorithm
    staged: Staged

    @property
    def id(self) -> str:
        return self.staged.upload


def start_upload(
    tx: Connection, name: RepositoryName, user_id: int, upload: str, algorithm: Algorithm, now: datetime
) -> None:
    """Begin a session, and the repository on its first push. Raises `OrganizationReserved`."""
    repository_id = ensure_repository(tx, name, user_id, now)
    tx.execute(
        insert(uploads).values(
            id=upload,
            repository_id=repository_id,
            user_id=user_id,
            algorithm=algorithm.value,
            received=0,
            parts="[]",
            started_at=now,
            touched_at=now,
        )
    )


def find_upload(tx: Connection, name: RepositoryName, user_id: int, upload: str) -> Upload:
    """Raises `UploadUnknown`."""
    row = tx.execute(
        select(uploads.c.repository_id, uploads.c.algorithm, uploads.c.received, uploads.c.parts)
        .join(repositories)
        .where(uploads.c.id == upload, uploads.c.user_id == user_id, repositories.c.name == name.text)
    ).one_or_none()
    if row is None:
        raise UploadUnknown(upload)
    return Upload(row[0], Algorithm(row[1]), Staged(upload, row[2], tuple(json.loads(row[3]))))


def claim_upload(
    tx: Connection, name: RepositoryName, user_id: int, upload: str, writer: str, now: datetime
) -> Upload:
    """Take the session for writing. Raises `UploadUnknown`, `UploadBusy`."""
    found = find_upload(tx, name, user_id, upload)
    taken = tx.execute(
        update(uploads)
        .where(uploads.c.id == upload, or_(uploads.c.writer.is_(None), uploads.c.writer_until < now))
        .values(writer=writer, writer_until=now + LEASE)
    )
    if taken.rowcount == 0:
        raise UploadBusy(upload)
    # Read again under the lock: on PostgreSQL another writer may have finished a chunk in between.
    return find_upload(tx, name, user_id, upload) if tx.dialect.name != "sqlite" else found


def renew_claim(tx: Connection, upload: str, writer: str, now: datetime) -> None:
    """Keep the session while bytes come in. Raises `UploadUnknown` if it was cancelled or taken over."""
    kept = tx.execute(_mine(upload, writer).values(writer_until=now + LEASE, touched_at=now))
    if kept.rowcount == 0:
        raise UploadUnknown(upload)


def release_upload(tx: Connection, staged: Staged, writer: str, now: datetime) -> None:
    """Record what is durable and let the next request write. Raises `UploadUnknown` as `renew_claim` does."""
    kept = tx.execute(
        _mine(staged.upload, writer).values(
            received=staged.received,
            parts=json.dumps(staged.parts),
            writer=None,
            writer_until=None,
            touched_at=now,
        )
    )
    if kept.rowcount == 0:
        raise UploadUnknown(staged.upload)


def finish_upload(tx: Connection, upload: Upload, writer: str, blob: StoredBlob, now: datetime) -> str | None:
    """End the session: the blob is now one of its repository.

    Answers the location of bytes that are not needed, where the same blob was there already at another one.
    Raises `UploadUnknown` as `renew_claim` does.
    """
    if tx.execute(delete(uploads).where(uploads.c.id == upload.id, uploads.c.writer == writer)).rowcount == 0:
        raise UploadUnknown(upload.id)
    surplus = record_blob(tx, blob, now)
    link_blob(tx, upload.repository_id, str(blob.digest), now)
    return surplus


def end_upload(tx: Connection, name: RepositoryName, user_id: int, upload: str) -> Staged:
    """Cancel a session and answer what to discard. Raises `UploadUnknown`."""
    found = find_upload(tx, name, user_id, upload)
    tx.execute(delete(uploads).where(uploads.c.id == upload))
    return found.staged


def expired_uploads(tx: Connection, before: datetime, limit: int = 100) -> tuple[Staged, ...]:
    """Sessions that nobody has written to since `before`, the oldest first."""
    rows = tx.execute(
        select(uploads.c.id, uploads.c.received, uploads.c.parts)
        .where(
            uploads.c.touched_at < before, or_(uploads.c.writer.is_(None), uploads.c.writer_until < before)
        )
        .order_by(uploads.c.touched_at)
        .limit(limit)
    )
    return tuple(Staged(row[0], row[1], tuple(json.loads(row[2]))) for row in rows)


def forget_upload(tx: Connection, upload: str) -> None:
    """Remove the row of an expired session."""
    tx.execute(delete(uploads).where(uploads.c.id == upload))


def free_all_claims(tx: Connection) -> None:
    """After a crash no writer is left; for a server that is the only one on its database."""
    tx.execute(update(uploads).where(uploads.c.writer.is_not(None)).values(writer=None, writer_until=None))


def _mine(upload: str, writer: str) -> Update:
    return update(uploads).where(uploads.c.id == upload, uploads.c.writer == writer)
