"""Tables of keys that sign registry tokens."""

from sqlalchemy import Column, String, Table

from wherry.db.metadata import Instant, metadata

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String, primary_key=True),
    Column("sealed_private_key", String, nullable=False),
    Column("created_at", Instant, nullable=False),
)
