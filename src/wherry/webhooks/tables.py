"""Tables of webhooks: whom to tell, what was told, whom to hear, and what was heard."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from wherry.db.metadata import Id, Instant, Name, metadata

# `organization_id` null is a webhook of the site, which is told of all organizations.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Id, primary_key=True),
    Column(
        "organization_id", Id, ForeignKey("organizations.id", ondelete="CASCADE"), nullable=True, index=True
    ),
    Column("name", Name, nullable=False),
    Column("url", String, nullable=False),
    Column("format", Name, nullable=False),
    Column("sealed_secret", String, nullable=False),
    Column("kinds", String, nullable=False),
    Column("images", String, nullable=False),
    Column("tags", String, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("created_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("organization_id", "name", name="uq_webhooks_organization_id_name"),
)

# What was, or is to be, told. `body` is the CloudEvent as it was made; each format is made from it.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("webhook_id", Id, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event_id", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("subject", Name, nullable=False),
    Column("body", String, nullable=False),
    Column("state", Name, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("status", Integer, nullable=True),
    Column("problem", String, nullable=False),
    Column("milliseconds", Integer, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
    sqlite_autoincrement=True,
)

# Who may tell Wherry of pushes elsewhere. What comes is taken as a push of the organization's `repository`.
webhook_senders = Table(
    "webhook_senders",
    metadata,
    Column("id", Id, primary_key=True),
    Column(
        "organization_id", Id, ForeignKey("organizations.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("name", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("image", Name, nullable=False),
    Column("repository", Name, nullable=False),
    Column("token_hash", Name, nullable=False, unique=True),
    Column("sealed_secret", String, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("created_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("heard_at", Instant, nullable=True),
    Column("last_problem", String, nullable=False),
    UniqueConstraint("organization_id", "name", name="uq_webhook_senders_organization_id_name"),
)

# What senders have told, for as long as they might tell it again. `delivery` is what tells it from others.
webhook_receipts = Table(
    "webhook_receipts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("sender_id", Id, ForeignKey("webhook_senders.id", ondelete="CASCADE"), nullable=False),
    Column("delivery", Name, nullable=False),
    Column("tag", Name, nullable=False),
    Column("digest", Name, nullable=False),
    Column("received_at", Instant, nullable=False),
    Index("ix_webhook_receipts_sender_id_delivery_tag", "sender_id", "delivery", "tag", unique=True),
    Index("ix_webhook_receipts_sender_id_received_at", "sender_id", "received_at"),
    sqlite_autoincrement=True,
)
