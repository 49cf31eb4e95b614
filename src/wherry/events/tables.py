"""Table of events: those that wait to be dispatched, and for a while those that were."""

from sqlalchemy import Column, ForeignKey, Index, String, Table, text

from wherry.db.metadata import Id, Instant, Name, metadata

# `body` is JSON. An id is never given twice: others keep it as the name of what happened.
events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Name, nullable=False),
    Column("subject", Name, nullable=False),
    Column("body", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("dispatched_at", Instant, nullable=True),
    sqlite_autoincrement=True,
)
Index(
    "ix_events_waiting",
    events.c.id,
    sqlite_where=text("dispatched_at IS NULL"),
    postgresql_where=text("dispatched_at IS NULL"),
)

# Reactions that failed: the event was dispatched to the others, and this is why not to these.
parked_reactions = Table(
    "parked_reactions",
    metadata,
    Column("event_id", Id, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True),
    Column("reaction", Name, primary_key=True),
    Column("reason", String, nullable=False),
    Column("at", Instant, nullable=False),
)
