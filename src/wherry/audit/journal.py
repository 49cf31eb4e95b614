"""`record`: say what was changed, in the transaction that changes it."""

from datetime import datetime

from sqlalchemy import Connection, insert

from wherry.audit.entries import Entry
from wherry.audit.facts import canonical, written_moment
from wherry.audit.tables import audit_journal
from wherry.observability.redaction import STARS, is_secret_name, redact

MAX_NAME = 300
MAX_REASON = 500
MAX_RECORD = 128 * 1024


def record(tx: Connection, entry: Entry, now: datetime) -> None:
    """Keep `entry`. It goes with the transaction: where that is undone, nothing is recorded."""
    tx.execute(_INSERT, {"record": _text(entry, now)})


def _text(entry: Entry, now: datetime) -> str:
    source, target = entry.source, entry.target
    facts = {
        "at": written_moment(now),
        "actor": plain(source.actor),
        "actor_id": source.actor_id,
        "means": source.means.value,
        "key_id": None if source.key_id is None else plain(source.key_id),
        "client": plain(source.client),
        "request_id": plain(source.request_id),
        "action": str(entry.action),
        "kind": target.kind.value,
        "name": plain(target.name),
        "organization": None if target.organization is None else plain(target.organization),
        "result": entry.result.value,
        "reason": plain(redact(entry.reason[: 4 * MAX_REASON]), MAX_REASON) if entry.reason else "",
        "detail": {name: STARS if is_secret_name(name) else value for name, value in entry.detail.items()},
    }
    text = canonical(facts)
    if len(text) > MAX_RECORD:
        text = canonical({**facts, "detail": {"left_out": "too long to be kept"}})
    return text


def plain(text: str, limit: int = MAX_NAME) -> str:
    """At most `limit` characters that every database keeps and every terminal can show."""
    short = text[:limit]
    return short if short.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in short)


# Without asking for the row's id, which nobody wants.
_INSERT = insert(audit_journal).inline()
