"""Reading the trail page by page, newest first. What still waits in the journal is not listed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select, tuple_

from wherry.audit.facts import microseconds, moment
from wherry.audit.tables import audit_records
from wherry.kit.pages import Page


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One record of the chain; `wherry.audit.entries` says what its fields mean."""

    position: int
    at: datetime
    actor: str
    actor_id: int | None
    means: str
    key_id: str | None
    client: str
    request_id: str
    action: str
    kind: str
    name: str
    organization: str | None
    result: str
    reason: str
    detail: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which records; all that is given has to fit.

    `name` is the whole name of an image, an organization, a user, a key; `prefix` how such a name begins.
    `since` is included, `until` is not.
    """

    actor: str | None = None
    action: str | None = None
    kind: str | None = None
    name: str | None = None
    prefix: str | None = None
    organization: str | None = None
    result: str | None = None
    key_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_records(
    tx: Connection, narrowed: AuditFilter, *, before: int | None = None, size: int
) -> Page[AuditRecord]:
    """The newest records that fit, or, from the position `before` on, those that come next.

    Sorted by time and position; each filter alone is answered by an index in that order.
    """
    query = select(audit_records).where(*conditions(narrowed))
    if before is not None:
        at = select(audit_records.c.at).where(audit_records.c.position == before).scalar_subquery()
        query = query.where(tuple_(_TABLE.at, _TABLE.position) < tuple_(at, before))
    query = query.order_by(_TABLE.at.desc(), _TABLE.position.desc()).limit(size + 1)
    return Page.cut([record_of(row) for row in tx.execute(query).mappings()], size)


def conditions(narrowed: AuditFilter) -> list[ColumnElement[bool]]:
    """The filter as SQL."""
    found = [
        column == wanted
        for column, wanted in (
            (_TABLE.actor, narrowed.actor),
            (_TABLE.action, narrowed.action),
            (_TABLE.kind, narrowed.kind),
            (_TABLE.name, narrowed.name),
            (_TABLE.organization, narrowed.organization),
            (_TABLE.result, narrowed.result),
            (_TABLE.key_id, narrowed.key_id),
        )
        if wanted is not None
    ]
    if narrowed.prefix:
        found += _begins(narrowed.prefix)
    if narrowed.since is not None:
        found.append(_TABLE.at >= microseconds(narrowed.since))
    if narrowed.until is not None:
        found.append(_TABLE.at < microseconds(narrowed.until))
    return found


def in_chain_order(narrowed: AuditFilter, after: int, size: int) -> Select[Any]:
    """Rows that fit behind the position `after`, the oldest first."""
    query = select(audit_records).where(_TABLE.position > after, *conditions(narrowed))
    return query.order_by(_TABLE.position).limit(size)


def record_of(row: Mapping[Any, Any]) -> AuditRecord:
    try:
        detail = json.loads(row["detail"])
    except ValueError:
        detail = {"text": row["detail"]}
    return AuditRecord(**{**row, "at": moment(row["at"]), "detail": detail})


def _begins(prefix: str) -> list[ColumnElement[bool]]:
    found = [_TABLE.name >= prefix, _TABLE.name < prefix + "\U0010ffff"]
    organization, slash, _ = prefix.partition("/")
    if slash:
        # Its index has the records in order: no sorting of all that begin so.
        found.append(_TABLE.organization == organization)
    return found


_TABLE = audit_records.c
