"""Answers that were given to requests with an Idempotency-Key, kept for a day to be given again.

The answer is written in the transaction of the change that it tells of: a client that lost it and asks again
finds the change done once, whatever crashed in between. No secret is ever kept here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Integer, String, Table, delete, select

from wherry.db.metadata import Id, Instant, Name, metadata
from wherry.db.upserts import insert_new

KEPT = timedelta(hours=24)
MAX_KEY = 128

idempotent_requests = Table(
    "idempotent_requests",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("key", Name, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", String, nullable=False),
    Column("body", String, nullable=False),
    Column("answered_at", Instant, nullable=False, index=True),
    sqlite_with_rowid=False,
)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """`headers` and `body` are JSON texts; `fingerprint` tells one request from another."""

    fingerprint: str
    status: int
    headers: str
    body: str


def find_answer(tx: Connection, user_id: int, key: str, now: datetime) -> KeptAnswer | None:
    """What this user was answered under this key within the last day."""
    columns = idempotent_requests.c
    row = tx.execute(
        select(columns.fingerprint, columns.status, columns.headers, columns.body).where(
            columns.user_id == user_id, columns.key == key, columns.answered_at > now - KEPT
        )
    ).one_or_none()
    return None if row is None else KeptAnswer(*row)


def keep_answer(tx: Connection, user_id: int, key: str, answer: KeptAnswer, now: datetime) -> bool:
    """Keep it; False where another request with that key was faster, and this one must not count."""
    outlived = idempotent_requests.c.answered_at <= now - KEPT
    tx.execute(delete(idempotent_requests).where(outlived))
    row = {
        "user_id": user_id,
        "key": key,
        "fingerprint": answer.fingerprint,
        "status": answer.status,
        "headers": answer.headers,
        "body": answer.body,
        "answered_at": now,
    }
    insert_new(tx, idempotent_requests, row)
    return find_answer(tx, user_id, key, now) == answer
