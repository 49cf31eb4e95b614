"""Answers that were given to requests with an Idempotency-Key, kept for a day to be given again.

The answer is written in the transaction of the change that it tells of: a client that lost it and asks again
finds the change done once, whatever crashed in between. Until then the key is claimed: of two requests at
once one is carried out. No secret is ever kept here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Integer, String, Table, delete, select

from wherry.db.metadata import Id, Instant, Name, metadata
from wherry.db.upserts import insert_new
from wherry.kit.ids import new_id

KEPT = timedelta(hours=24)
MAX_KEY = 128
# Longer than any request takes: who claimed a key and died holds it no longer than this.
CLAIMED = timedelta(minutes=5)
_CLAIM = 0

# A claim has the status 0, and in place of the body what tells it from every other.
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

    @property
    def is_claim(self) -> bool:
        """It is not answered yet: the request is being carried out."""
        return self.status == _CLAIM


@dataclass(frozen=True, slots=True)
class Claim:
    """That this request is the one that is carried out."""

    user_id: int
    key: str
    fingerprint: str
    token: str


def claim(tx: Connection, user_id: int, key: str, fingerprint: str, now: datetime) -> Claim | KeptAnswer:
    """The claim, or what was answered under the key within the last day, or the claim of another request."""
    table = idempotent_requests.c
    lapsed = (table.status == _CLAIM) & (table.answered_at <= now - CLAIMED)
    tx.execute(delete(idempotent_requests).where((table.answered_at <= now - KEPT) | lapsed))
    mine = Claim(user_id, key, fingerprint, new_id())
    # Of two at once the second waits here for the commit of the first.
    insert_new(tx, idempotent_requests, _row(mine, KeptAnswer(fingerprint, _CLAIM, "", mine.token), now))
    row = tx.execute(
        select(table.fingerprint, table.status, table.headers, table.body).where(
            table.user_id == user_id, table.key == key
        )
    ).one()
    found = KeptAnswer(*row)
    return mine if found.is_claim and found.body == mine.token else found


def keep_answer(tx: Connection, mine: Claim, status: int, headers: str, body: str, now: datetime) -> bool:
    """Keep it in place of the claim; False where that had lapsed, and this request must not count."""
    if not release(tx, mine):
        return False
    insert_new(tx, idempotent_requests, _row(mine, KeptAnswer(mine.fingerprint, status, headers, body), now))
    return True


def release(tx: Connection, mine: Claim) -> bool:
    """Give the key free: nothing was done under it. False where it was lost before."""
    table = idempotent_requests.c
    is_mine = (table.user_id == mine.user_id, table.key == mine.key, table.body == mine.token)
    gone = tx.execute(delete(idempotent_requests).where(table.status == _CLAIM, *is_mine))
    return bool(gone.rowcount)


def _row(mine: Claim, kept: KeptAnswer, now: datetime) -> dict[str, object]:
    return {
        "user_id": mine.user_id,
        "key": mine.key,
        "fingerprint": kept.fingerprint,
        "status": kept.status,
        "headers": kept.headers,
        "body": kept.body,
        "answered_at": now,
    }
