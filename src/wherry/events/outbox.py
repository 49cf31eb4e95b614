"""`append`: say what happened, in the transaction in which it happens."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from wherry.db.bell import ring
from wherry.events.tables import events


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` such as `tag.moved`, `subject` such as `acme/web`; `body` holds plain JSON values only."""

    kind: str
    subject: str
    body: Mapping[str, Any]


def append(tx: Connection, event: Event, now: datetime) -> None:
    """Leave `event` for those who react to it. Where the transaction is undone, nothing happened."""
    tx.execute(_INSERT, _row(event, now))
    ring(tx)


def append_all(tx: Connection, many: Iterable[Event], now: datetime) -> None:
    """`append` for several, in this order."""
    rows = [_row(event, now) for event in many]
    if rows:
        tx.execute(_INSERT, rows)
        ring(tx)


def _row(event: Event, now: datetime) -> dict[str, Any]:
    return {"kind": event.kind, "subject": event.subject, "body": json.dumps(dict(event.body)), "at": now}


# Without asking for the row's id, which nobody wants.
_INSERT = insert(events).inline()
