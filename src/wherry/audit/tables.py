"""Tables of the audit trail: a journal that changes write to, and the chain that its entries move into.

Two, so that a change pays for one insert into a table without an index, and pushes do not wait for one
another: all that has an order is made later, in batches.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from wherry.db.metadata import Id, Name, metadata

# `record` is JSON, as `wherry.audit.facts` names its fields.
audit_journal = Table(
    "audit_journal",
    metadata,
    Column("id", Id, primary_key=True),
    Column("record", String, nullable=False),
)

# No foreign keys: a record outlives what it speaks of. `at` counts microseconds since 1970; `detail` is JSON.
audit_records = Table(
    "audit_records",
    metadata,
    Column("position", Id, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", Name, nullable=False),
    Column("actor_id", BigInteger, nullable=True),
    Column("means", Name, nullable=False),
    Column("key_id", Name, nullable=True),
    Column("client", String, nullable=False),
    Column("request_id", String, nullable=False),
    Column("action", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("organization", Name, nullable=True),
    Column("result", Name, nullable=False),
    Column("reason", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("hash", String, nullable=False),
    Index("ix_audit_records_at", "at", "position"),
    Index("ix_audit_records_actor", "actor", "at", "position"),
    Index("ix_audit_records_action", "action", "at", "position"),
    Index("ix_audit_records_name", "name", "at", "position"),
    Index("ix_audit_records_organization", "organization", "at", "position"),
    Index("ix_audit_records_key_id", "key_id", "at", "position"),
    Index("ix_audit_records_result", "result", "at", "position"),
)

# One row, `id` 1: the last record of the chain, under a seal that takes the master key to make.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("hash", String, nullable=False),
    Column("seal", String, nullable=False),
)
