"""Tables of users, their access keys, and organizations."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, String, Table

from wherry.db.metadata import Id, Instant, Name, metadata

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Name, nullable=False, unique=True),
    Column("password_hash", String, nullable=False),
    Column("is_admin", Boolean, nullable=False),
    Column("is_disabled", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
)

organizations = Table(
    "organizations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Name, nullable=False, unique=True),
    Column("created_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("created_at", Instant, nullable=False),
)

# `scope` is JSON, null for all that the owner may; `last_used_from` an address.
access_keys = Table(
    "access_keys",
    metadata,
    Column("id", Name, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("sealed_secret", String, nullable=False),
    Column("login_key_hash", String, nullable=False),
    Column("scope", String, nullable=True),
    Column("expires", BigInteger, nullable=True),
    Column("is_disabled", Boolean, nullable=False),
    Column("is_temporary", Boolean, nullable=False),
    Column("made_by", Name, ForeignKey("access_keys.id", ondelete="CASCADE"), nullable=True, index=True),
    Column("created_at", Instant, nullable=False),
    Column("last_used_at", Instant, nullable=True),
    Column("last_used_from", String, nullable=True),
)
