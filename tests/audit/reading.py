"""What the trail has of one request, wherever it is by now: in the journal or in the chain."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, select

from wherry.audit.facts import facts_of
from wherry.audit.tables import audit_journal, audit_records
from wherry.db.database import Database

Facts = dict[str, Any]


def all_facts(database: Database) -> list[Facts]:
    """Every record, the oldest first."""

    def work(tx: Connection) -> list[Facts]:
        # The journal first: what moves meanwhile is there twice rather than not at all.
        waiting = [json.loads(row[0]) for row in tx.execute(select(audit_journal.c.record)).all()]
        rows = tx.execute(select(audit_records).order_by(audit_records.c.position)).mappings()
        chained = [facts_of(row) for row in rows]
        for facts in chained:
            del facts["position"]
        return chained + [facts for facts in waiting if facts not in chained]

    return database.read_now(work)


def facts_of_request(database: Database, request_id: str) -> list[Facts]:
    """What one request has left."""
    return [facts for facts in all_facts(database) if facts["request_id"] == request_id]
