"""Deliveries: one for each webhook that an event concerns, kept with what became of it."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from wherry.db.outcomes import tell_outcome
from wherry.jobs.queue import enqueue
from wherry.kit.pages import Page
from wherry.webhooks.cloud_event import written
from wherry.webhooks.errors import DeliveryUnknown
from wherry.webhooks.tables import webhook_deliveries
from wherry.webhooks.webhook import Format, Webhook

JOB = "webhook.deliver"
# Of each webhook so many are kept.
KEPT = 1000
MAX_PROBLEM = 500


class DeliveryState(StrEnum):
    """`DEAD` was tried until its time was up; it can be delivered again by hand."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Delivery:
    """`status` is the last answer's; `problem` says why it is not delivered, empty where it is."""

    id: int
    webhook_id: int
    event_id: str
    kind: str
    subject: str
    state: DeliveryState
    attempts: int
    status: int | None
    problem: str
    milliseconds: int | None
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Attempted:
    """An outcome (`wherry.db.outcomes`): an attempt at a delivery, and the delivery's state since."""

    format: Format
    state: DeliveryState


def deliver_later(tx: Connection, webhook: Webhook, event: dict[str, Any], kind: str, now: datetime) -> int:
    """Keep the CloudEvent for the webhook and leave a job that delivers it; answers the delivery's id."""
    row = {
        "webhook_id": webhook.id,
        "event_id": event["id"],
        "kind": kind,
        "subject": event["subject"],
        "body": written(event),
        "state": DeliveryState.WAITING.value,
        "attempts": 0,
        "problem": "",
        "created_at": now,
        "changed_at": now,
    }
    made = tx.execute(insert(webhook_deliveries).returning(webhook_deliveries.c.id), row).scalar_one()
    enqueue(tx, JOB, {"delivery": made}, now)
    return int(made)


def list_deliveries(
    tx: Connection,
    webhook: Webhook,
    *,
    before: int | None = None,
    state: DeliveryState | None = None,
    size: int = 50,
) -> Page[Delivery]:
    """The newest first; `before` is the id of the last one of the page before."""
    columns = webhook_deliveries.c
    query = _DELIVERIES.where(columns.webhook_id == webhook.id).order_by(columns.id.desc())
    if before is not None:
        query = query.where(columns.id < before)
    if state is not None:
        query = query.where(columns.state == state.value)
    return Page.cut([_delivery(row) for row in tx.execute(query.limit(size + 1))], size)


def get_delivery(tx: Connection, webhook: Webhook, delivery: int) -> tuple[Delivery, dict[str, Any]]:
    """With its CloudEvent. Raises `DeliveryUnknown`, also for another webhook's."""
    found = find_delivery(tx, delivery)
    if found is None or found[0].webhook_id != webhook.id:
        raise DeliveryUnknown(delivery)
    return found


def find_delivery(tx: Connection, delivery: int) -> tuple[Delivery, dict[str, Any]] | None:
    """None where it, or its webhook, was removed."""
    row = tx.execute(_WITH_BODY.where(webhook_deliveries.c.id == delivery)).first()
    return None if row is None else (_delivery(row), json.loads(row.body))


def redeliver(tx: Connection, webhook: Webhook, delivery: int, now: datetime) -> Delivery:
    """Deliver it once more, whatever became of it. Raises `DeliveryUnknown`."""
    found, _ = get_delivery(tx, webhook, delivery)
    changed = {"state": DeliveryState.WAITING.value, "problem": "", "changed_at": now}
    tx.execute(update(webhook_deliveries).where(webhook_deliveries.c.id == delivery).values(changed))
    enqueue(tx, JOB, {"delivery": delivery}, now, unique=f"{JOB}/{delivery}")
    return get_delivery(tx, webhook, found.id)[0]


def note_attempt(
    tx: Connection,
    webhook: Webhook,
    delivery: int,
    state: DeliveryState,
    status: int | None,
    problem: str,
    milliseconds: int,
    now: datetime,
) -> None:
    """What became of one attempt."""
    columns = webhook_deliveries.c
    tx.execute(
        update(webhook_deliveries)
        .where(columns.id == delivery)
        .values(
            state=state.value,
            attempts=columns.attempts + 1,
            status=status,
            problem=problem[:MAX_PROBLEM],
            milliseconds=milliseconds,
            changed_at=now,
        )
    )
    tell_outcome(tx, Attempted(webhook.wanted.format, state))


def forget_old_deliveries(tx: Connection, webhook_id: int) -> int:
    """All but the newest `KEPT`; tells how many."""
    columns = webhook_deliveries.c
    newest = select(columns.id).where(columns.webhook_id == webhook_id).order_by(columns.id.desc())
    oldest_kept = tx.execute(newest.offset(KEPT - 1).limit(1)).scalar_one_or_none()
    if oldest_kept is None:
        return 0
    old = (columns.webhook_id == webhook_id, columns.id < oldest_kept)
    return tx.execute(
        delete(webhook_deliveries).where(*old, columns.state != DeliveryState.WAITING.value)
    ).rowcount


def _delivery(row: Any) -> Delivery:
    return Delivery(
        row.id,
        row.webhook_id,
        row.event_id,
        row.kind,
        row.subject,
        DeliveryState(row.state),
        row.attempts,
        row.status,
        row.problem,
        row.milliseconds,
        row.created_at,
        row.changed_at,
    )


_COLUMNS = (
    webhook_deliveries.c.id,
    webhook_deliveries.c.webhook_id,
    webhook_deliveries.c.event_id,
    webhook_deliveries.c.kind,
    webhook_deliveries.c.subject,
    webhook_deliveries.c.state,
    webhook_deliveries.c.attempts,
    webhook_deliveries.c.status,
    webhook_deliveries.c.problem,
    webhook_deliveries.c.milliseconds,
    webhook_deliveries.c.created_at,
    webhook_deliveries.c.changed_at,
)
_DELIVERIES = select(*_COLUMNS)
_WITH_BODY = select(*_COLUMNS, webhook_deliveries.c.body)
