"""Chaining: what is in the journal moves, in order, to the end of the chain, whose head is sealed anew.

The seal takes a key that is not in the database. So nothing is ever chained to a head with a wrong one: that
would turn a forged end into a sealed one.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from wherry.audit.errors import ChainBroken, InvalidHead
from wherry.audit.facts import FIELDS, START, canonical, link, microseconds
from wherry.audit.tables import audit_head, audit_journal, audit_records
from wherry.db.turns import AUDIT_CHAIN, take_turn
from wherry.db.upserts import put_row

# What the key is derived from the master key for.
SEALING = "audit chain head"

# On SQLite a push waits for the batch before it: a few milliseconds.
BATCH = 100

_HEAD_ID = 1
_NULLABLE = frozenset({"key_id", "organization"})
_TEXTS = frozenset(FIELDS) - {"position", "at", "actor_id", "detail"}


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of a chain. Noted elsewhere, it holds fast all that comes before it."""

    position: int
    hash: str

    def __str__(self) -> str:
        return f"{self.position}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """Raises `InvalidHead`."""
        position, _, digest = text.strip().partition(":")
        if not position.isascii() or not position.isdigit() or len(position) > 18 or len(digest) != 64:
            raise InvalidHead(text)
        return cls(int(position), digest.lower())


def chain_new(tx: Connection, key: bytes, size: int = BATCH) -> int:
    """Chain at most `size` records of the journal; tells how many. One caller at a time, over all replicas.

    Raises `ChainBroken`.
    """
    if tx.execute(_ANY).first() is None:
        return 0
    take_turn(tx, AUDIT_CHAIN)
    waiting = tx.execute(_WAITING.limit(size)).all()
    if not waiting:
        return 0
    head = checked_head(tx, key)
    rows = []
    for _, text in waiting:
        facts = {**_read(text), "position": head.position + 1}
        head = Head(head.position + 1, link(head.hash, facts))
        rows.append(_row(facts, head.hash))
    tx.execute(insert(audit_records), rows)
    tx.execute(delete(audit_journal).where(audit_journal.c.id.in_([row[0] for row in waiting])))
    put_row(
        tx,
        audit_head,
        {"id": _HEAD_ID, "position": head.position, "hash": head.hash, "seal": seal_of(head, key)},
    )
    return len(waiting)


def is_waiting(tx: Connection) -> bool:
    """Whether there is anything to chain."""
    return tx.execute(_ANY).first() is not None


def read_head(tx: Connection) -> tuple[Head, str] | None:
    """The head with its seal, unchecked; None for a chain without a record."""
    row = tx.execute(select(audit_head.c.position, audit_head.c.hash, audit_head.c.seal)).first()
    return None if row is None else (Head(row[0], row[1]), str(row[2]))


def checked_head(tx: Connection, key: bytes) -> Head:
    """The head, if it is as this server left it. Raises `ChainBroken`."""
    found = read_head(tx)
    if found is None:
        if tx.execute(select(audit_records.c.position).limit(1)).first() is not None:
            raise ChainBroken("the audit trail has records and no head: the head was removed")
        return Head(0, START)
    head, seal = found
    if not is_sealed(head, seal, key):
        raise ChainBroken(
            "the head of the audit trail was not sealed with this server's master key: somebody has changed"
            " it, or the master key is another one; `wherry audit verify` tells more"
        )
    return head


def seal_of(head: Head, key: bytes) -> str:
    """What only who holds the key can make for `head`."""
    return hmac.digest(key, str(head).encode(), hashlib.sha256).hex()


def is_sealed(head: Head, seal: str, key: bytes) -> bool:
    return hmac.compare_digest(seal_of(head, key).encode(), seal.encode())


def _read(text: str) -> dict[str, Any]:
    """The journal's text as facts; one that we cannot have written stops nothing, and is kept as it is."""
    try:
        facts = json.loads(text)
        if isinstance(facts, dict) and _is_whole(facts):
            datetime.fromisoformat(facts["at"])
            return facts
    except (ValueError, RecursionError):
        pass
    return {
        **dict.fromkeys(_TEXTS, ""),
        **dict.fromkeys(_NULLABLE),
        "at": "1970-01-01T00:00:00.000000+00:00",
        "actor_id": None,
        "action": "audit.unreadable",
        "result": "failed",
        "reason": "the journal held what is no record",
        "detail": {"text": text[:2000]},
    }


def _is_whole(facts: dict[str, Any]) -> bool:
    return (
        facts.keys() == set(FIELDS) - {"position"}
        and all(
            (isinstance(facts[name], str) and "\0" not in facts[name])
            or (facts[name] is None and name in _NULLABLE)
            for name in _TEXTS
        )
        and isinstance(facts["at"], str)
        and isinstance(facts["detail"], dict)
        and (facts["actor_id"] is None or type(facts["actor_id"]) is int)
    )


def _row(facts: dict[str, Any], digest: str) -> dict[str, Any]:
    at = microseconds(datetime.fromisoformat(facts["at"]))
    return {**facts, "at": at, "detail": canonical(facts["detail"]), "hash": digest}


_ANY = select(audit_journal.c.id).limit(1)
_WAITING = select(audit_journal.c.id, audit_journal.c.record).order_by(audit_journal.c.id)
