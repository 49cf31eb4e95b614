"""Tables of grants to users and teams, of shares, and of the keys that sign registry tokens."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from wherry.db.metadata import Id, Instant, Name, metadata

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String, primary_key=True),
    Column("sealed_private_key", String, nullable=False),
    Column("created_at", Instant, nullable=False),
)

# By name, not by id: a right may be given on an image before its first push.
grants = Table(
    "grants",
    metadata,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Name, primary_key=True),
    Column("name", Name, primary_key=True),
    Column("level", Integer, nullable=False),
    Column("granted_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("granted_at", Instant, nullable=False),
    Index("ix_grants_kind_name", "kind", "name"),
    sqlite_with_rowid=False,
)

team_grants = Table(
    "team_grants",
    metadata,
    Column("team_id", Id, ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Name, primary_key=True),
    Column("name", Name, primary_key=True),
    Column("level", Integer, nullable=False),
    Column("granted_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("granted_at", Instant, nullable=False),
    Index("ix_team_grants_kind_name", "kind", "name"),
    sqlite_with_rowid=False,
)

shares = Table(
    "shares",
    metadata,
    Column("image", Name, primary_key=True),
    Column("organization", Name, primary_key=True, index=True),
    Column("deadline", BigInteger, nullable=True),
    Column("description", String, nullable=False),
    Column("created_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
