"""Upload sessions: begun, continued, finished into a blob, cancelled, expired.

A session belongs to its repository and its user; to everybody else it does not exist. The row keeps what is
durable of it; the bytes are the blob store's. Two requests may write to one session: the row changes only for
the one that started from what it says (compare and swap), the other one is refused, and nothing is mixed.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from wherry.blobs.intake import Staged, StoredBlob
from wherry.db.pull_reader import Prepared, PullReader
from wherry.identity.tables import users
from wherry.oci.digests import Algorithm
from wherry.oci.names import RepositoryName
from wherry.registry.blob_links import link_blob, record_blob
from wherry.registry.errors import UploadBusy, UploadUnknown
from wherry.registry.repositories import ensure_repository
from wherry.registry.tables import repositories, uploads


@dataclass(frozen=True, slots=True)
class Upload:
    """A session as its row says it: `staged` is what may be continued. Without a row nothing is staged."""

    repository_id: int
    algorithm: Algorithm
    staged: Staged
    is_recorded: bool = True

    @property
    def id(self) -> str:
        return self.staged.upload


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """A session as an operator looks at it."""

    id: str
    repository: RepositoryName
    user: str
    received: int
    touched_at: datetime


class UploadReader:
    """Finds sessions by the narrow reader: every chunk begins with it."""

    def __init__(self, reader: PullReader) -> None:
        self._reader = reader
        self._find = Prepared(
            select(uploads.c.repository_id, uploads.c.algorithm, uploads.c.received, uploads.c.parts)
            .join(repositories)
            .where(
                uploads.c.id == bindparam("upload"),
                uploads.c.user_id == bindparam("user_id"),
                repositories.c.name == bindparam("repository"),
            )
        )

    async def find(self, name: RepositoryName, user_id: int, upload: str) -> Upload:
        """Raises `UploadUnknown`, `DatabaseUnavailable`."""
        if not (upload.isascii() and upload.isalnum()):
            raise UploadUnknown(upload)  # never an id of ours; PostgreSQL would fail on a zero byte
        row = await self._reader.row(
            self._find, {"upload": upload, "user_id": user_id, "repository": name.text}
        )
        if row is None:
            raise UploadUnknown(upload)
        return Upload(row[0], Algorithm(row[1]), Staged(upload, row[2], tuple(json.loads(row[3]))))


def start_upload(
    tx: Connection, name: RepositoryName, user_id: int, upload: str, algorithm: Algorithm, now: datetime
) -> Upload:
    """Begin a session, and the repository on its first push.

    Raises `OrganizationReserved`, `InvalidOrganizationName`.
    """
    begun = Upload(ensure_repository(tx, name, user_id, now), algorithm, Staged(upload))
    _insert(tx, begun, user_id, now)
    return begun


def record_upload(tx: Connection, upload: Upload, user_id: int, now: datetime) -> Upload:
    """Give a session that has no row its own, before anything is staged: whatever is, is a row's to discard.

    Raises `UploadUnknown`: its repository is gone.
    """
    _require_repository(tx, upload)
    _insert(tx, upload, user_id, now)
    return replace(upload, is_recorded=True)


def record_progress(tx: Connection, before: Staged, after: Staged, now: datetime) -> None:
    """Continue the session from `before` to `after`. Raises `UploadBusy`, `UploadUnknown`."""
    changed = {"to_received": after.received, "to_parts": json.dumps(after.parts), "now": now}
    if tx.execute(_RECORD, _as_it_was(before) | changed).rowcount == 0:
        raise _moved_on(tx, before.upload)


def finish_upload(tx: Connection, upload: Upload, blob: StoredBlob, now: datetime) -> str | None:
    """End the session: the blob is now one of its repository.

    Answers the location of bytes that are not needed, where the same blob was there already at another one.
    Raises `UploadBusy`, `UploadUnknown`.
    """
    if not upload.is_recorded:
        _require_repository(tx, upload)
    elif tx.execute(_FINISH, _as_it_was(upload.staged)).rowcount == 0:
        raise _moved_on(tx, upload.id)
    surplus = record_blob(tx, blob, now)
    link_blob(tx, upload.repository_id, str(blob.digest), now)
    return surplus


def end_upload(tx: Connection, upload: str) -> Staged:
    """Forget a session; answers what may now be discarded.

    Raises `UploadUnknown` where it has ended already: its bytes may be a blob's by then, and must stay.
    """
    ended = tx.execute(delete(uploads).where(uploads.c.id == upload).returning(*_STAGED)).one_or_none()
    if ended is None:
        raise UploadUnknown(upload)
    return _staged(*ended)


def end_expired_uploads(tx: Connection, before: datetime, limit: int = 100) -> tuple[Staged, ...]:
    """Forget sessions that nobody has continued since `before`; answers what may now be discarded."""
    oldest = select(uploads.c.id).where(uploads.c.touched_at < before).order_by(uploads.c.touched_at)
    ended = tx.execute(
        delete(uploads)
        # Asked a second time under the row's lock: somebody may have continued it in between.
        .where(uploads.c.id.in_(oldest.limit(limit)), uploads.c.touched_at < before)
        .returning(*_STAGED)
    )
    return tuple(_staged(*row) for row in ended)


def end_uploads_of(tx: Connection, repository_id: int) -> tuple[Staged, ...]:
    """Forget all sessions of a repository; answers what may now be discarded."""
    ended = tx.execute(delete(uploads).where(uploads.c.repository_id == repository_id).returning(*_STAGED))
    return tuple(_staged(*row) for row in ended)


def list_uploads(tx: Connection, limit: int = 1000) -> tuple[OpenUpload, ...]:
    """Sessions that are open, the ones longest untouched first."""
    rows = tx.execute(
        select(uploads.c.id, repositories.c.name, users.c.name, uploads.c.received, uploads.c.touched_at)
        .select_from(uploads)
        .join(repositories)
        .join(users, users.c.id == uploads.c.user_id)
        .order_by(uploads.c.touched_at)
        .limit(limit)
    )
    return tuple(OpenUpload(row[0], RepositoryName(row[1]), row[2], row[3], row[4]) for row in rows)


def expired_uploads(tx: Connection, before: datetime, limit: int = 100) -> tuple[Staged, ...]:
    """Sessions that nobody has continued since `before`, the oldest first."""
    rows = tx.execute(
        select(*_STAGED).where(uploads.c.touched_at < before).order_by(uploads.c.touched_at).limit(limit)
    )
    return tuple(_staged(*row) for row in rows)


def _staged(upload: str, received: int, parts: str) -> Staged:
    return Staged(upload, received, tuple(json.loads(parts)))


def _insert(tx: Connection, upload: Upload, user_id: int, now: datetime) -> None:
    row = {
        "id": upload.id,
        "repository_id": upload.repository_id,
        "user_id": user_id,
        "algorithm": upload.algorithm.value,
        "received": 0,
        "parts": "[]",
        "started_at": now,
        "touched_at": now,
    }
    tx.execute(_START, row)


def _require_repository(tx: Connection, upload: Upload) -> None:
    if tx.execute(_REPOSITORY, {"repository_id": upload.repository_id}).first() is None:
        raise UploadUnknown(upload.id)


def _as_it_was(staged: Staged) -> dict[str, object]:
    return {
        "was_id": staged.upload,
        "was_received": staged.received,
        "was_parts": json.dumps(staged.parts),
    }


def _moved_on(tx: Connection, upload: str) -> Exception:
    """Another request was first: it has continued the session, or has ended it."""
    still_there = tx.execute(select(uploads.c.id).where(uploads.c.id == upload)).first()
    return UploadBusy(upload) if still_there else UploadUnknown(upload)


_STAGED = (uploads.c.id, uploads.c.received, uploads.c.parts)
_UNCHANGED = (
    uploads.c.id == bindparam("was_id"),
    uploads.c.received == bindparam("was_received"),
    uploads.c.parts == bindparam("was_parts"),
)
_START = insert(uploads)
_REPOSITORY = select(repositories.c.id).where(repositories.c.id == bindparam("repository_id"))
_RECORD = (
    update(uploads)
    .where(*_UNCHANGED)
    .values(received=bindparam("to_received"), parts=bindparam("to_parts"), touched_at=bindparam("now"))
)
_FINISH = delete(uploads).where(*_UNCHANGED)
