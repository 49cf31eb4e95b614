"""Dispatching: each event goes once to every reaction, which changes the database in the same transaction.

One process dispatches at a time, over all replicas. Ids are not the order of commits, so events are taken
one by one from those that wait, never from behind a mark; those of one tag are in order all the same, because
whoever moves a tag holds its row from before it draws the id.
"""

import json
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update
from sqlalchemy.exc import DBAPIError

from wherry.db.errors import is_passing
from wherry.db.turns import EVENT_DISPATCH, take_turn
from wherry.db.upserts import put_row
from wherry.events.tables import events, parked_reactions

logger = logging.getLogger(__name__)

# On SQLite a push waits for the batch before it: a few milliseconds.
BATCH = 50
MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event as it was appended. `id` is never given to another."""

    id: int
    kind: str
    subject: str
    body: Mapping[str, Any]
    at: datetime


# Takes the transaction of the dispatch: what it inserts happens once, or is undone with the dispatch.
Reaction = Callable[[Connection, RecordedEvent], None]
# Told the name of a reaction that failed.
Failed = Callable[[str], None]


def waiting(tx: Connection, size: int = BATCH) -> list[RecordedEvent]:
    """The oldest events that wait to be dispatched."""
    return [_recorded(row) for row in tx.execute(_WAITING.limit(size))]


def dispatch_new(
    tx: Connection,
    reactions: Mapping[str, Reaction],
    now: datetime,
    *,
    size: int = BATCH,
    among: Collection[int] | None = None,
    failed: Failed = lambda _name: None,
) -> int:
    """Hand at most `size` of the oldest waiting events to every reaction; tells how many.

    `among` are the ids of those that the reactions are ready for; the others go on waiting.

    A reaction that raises is undone and parked with its reason: the others have the event, and the queue
    goes on. Only what passes by itself (a deadlock, a lost connection) undoes the whole.
    """
    take_turn(tx, EVENT_DISPATCH)
    query = _WAITING if among is None else _WAITING.where(events.c.id.in_(among))
    taken = [_recorded(row) for row in tx.execute(query.limit(size))]
    for event in taken:
        for name, reaction in reactions.items():
            _react(tx, name, reaction, event, now, failed)
    if taken:
        tx.execute(_TAKE, {"ids": [event.id for event in taken], "now": now})
    return len(taken)


def _react(
    tx: Connection, name: str, reaction: Reaction, event: RecordedEvent, now: datetime, failed: Failed
) -> None:
    try:
        with tx.begin_nested():
            reaction(tx, event)
    except Exception as error:
        if isinstance(error, DBAPIError) and is_passing(error):
            raise
        logger.exception("event %d (%s of %s): %s failed", event.id, event.kind, event.subject, name)
        failed(name)
        reason = f"{type(error).__name__}: {error}"[:MAX_REASON]
        put_row(tx, parked_reactions, {"event_id": event.id, "reaction": name, "reason": reason, "at": now})


def forget_old(tx: Connection, before: datetime, size: int = 1000) -> int:
    """Delete the oldest of those dispatched events that happened before; at most `size`. Tells how many."""
    oldest = tx.execute(
        select(events.c.id, events.c.at, events.c.dispatched_at).order_by(events.c.id).limit(size)
    )
    old = [row[0] for row in oldest if row[1] < before and row[2] is not None]
    if old:
        tx.execute(delete(events).where(events.c.id.in_(old)))
    return len(old)


def count_waiting(tx: Connection) -> int:
    """How many wait to be dispatched."""
    return int(tx.execute(select(func.count()).where(_IS_WAITING)).scalar_one())


@dataclass(frozen=True, slots=True)
class Parked:
    """A reaction that failed, and why."""

    event_id: int
    reaction: str
    reason: str
    at: datetime


def list_parked(tx: Connection, size: int = 100) -> list[Parked]:
    """The newest first."""
    columns = parked_reactions.c
    query = select(columns.event_id, columns.reaction, columns.reason, columns.at)
    return [Parked(*row) for row in tx.execute(query.order_by(columns.event_id.desc()).limit(size))]


class NotParked(Exception):
    """The event has no such reaction that failed. The text is fit for a person."""


def react_again(
    tx: Connection, reactions: Mapping[str, Reaction], event_id: int, name: str, now: datetime
) -> str | None:
    """Hand a parked event to its reaction once more; None where it went well, else why it is parked again.

    Raises `NotParked`.
    """
    mine = (parked_reactions.c.event_id == event_id, parked_reactions.c.reaction == name)
    gone = tx.execute(delete(parked_reactions).where(*mine)).rowcount
    row = tx.execute(_EVENTS.where(events.c.id == event_id)).first()
    if not gone or row is None or name not in reactions:
        raise NotParked(f"event {event_id} has no parked reaction {name!r}")
    _react(tx, name, reactions[name], _recorded(row), now, lambda _name: None)
    return tx.execute(select(parked_reactions.c.reason).where(*mine)).scalar_one_or_none()


def _recorded(row: Any) -> RecordedEvent:
    return RecordedEvent(row[0], row[1], row[2], json.loads(row[3]), row[4])


_IS_WAITING = events.c.dispatched_at.is_(None)
_EVENTS = select(events.c.id, events.c.kind, events.c.subject, events.c.body, events.c.at)
_WAITING = _EVENTS.where(_IS_WAITING).order_by(events.c.id)
_TAKE = (
    update(events)
    .where(events.c.id.in_(bindparam("ids", expanding=True)))
    .values(dispatched_at=bindparam("now"))
)
