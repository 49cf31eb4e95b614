"""Tables of users, how they sign in, their access keys, and of organizations with teams and robots."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table, false

from wherry.db.metadata import Id, Instant, Name, metadata

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Name, nullable=False, unique=True),
    Column("password_hash", String, nullable=False),
    Column("is_admin", Boolean, nullable=False),
    Column("is_auditor", Boolean, nullable=False, server_default=false()),
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

# A robot is a user without a password, who is never more than its organization lets it be.
robots = Table(
    "robots",
    metadata,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "organization_id", Id, ForeignKey("organizations.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("description", String, nullable=False),
    Column("created_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
)

teams = Table(
    "teams",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, ForeignKey("organizations.id", ondelete="CASCADE"), nullable=False),
    Column("name", Name, nullable=False),
    Column("description", String, nullable=False),
    Column("oidc_group", Name, nullable=True, index=True),
    Column("created_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("created_at", Instant, nullable=False),
    Index("ix_teams_organization_id_name", "organization_id", "name", unique=True),
)

# `from_oidc` marks those that a claim brought and that a claim takes away again.
team_members = Table(
    "team_members",
    metadata,
    Column("team_id", Id, ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("from_oidc", Boolean, nullable=False),
    Column("added_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)

# `id` is the SHA-256 of the cookie's token. Moments are seconds: they are read raw with each request.
sessions = Table(
    "sessions",
    metadata,
    Column("id", Name, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("way", Name, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False, index=True),
    Column("address", String, nullable=False),
    Column("agent", String, nullable=False),
    sqlite_with_rowid=False,
)

# At most one of a kind for each user: a new link ends the former. `token_hash` is a SHA-256.
one_time_links = Table(
    "one_time_links",
    metadata,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("purpose", Name, primary_key=True),
    Column("token_hash", Name, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("made_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("made_at", Instant, nullable=False),
    Index("ix_one_time_links_token_hash", "token_hash", unique=True),
    sqlite_with_rowid=False,
)

# Whom an OIDC provider means: by its own id of a person, never by a name or an address. `made_user` marks
# users who came by it: their role is the provider's to say.
federated_users = Table(
    "federated_users",
    metadata,
    Column("issuer", Name, primary_key=True),
    Column("subject", Name, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("made_user", Boolean, nullable=False),
    Column("linked_at", Instant, nullable=False),
    Column("last_sign_in_at", Instant, nullable=True),
    sqlite_with_rowid=False,
)
