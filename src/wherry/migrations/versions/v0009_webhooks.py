"""Webhooks, out and in, with their deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    _make_webhooks()
    _make_deliveries()
    _make_senders()


def _make_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=True),
        sa.Column("name", Name, nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("format", Name, nullable=False),
        sa.Column("sealed_secret", sa.String(), nullable=False),
        sa.Column("kinds", sa.String(), nullable=False),
        sa.Column("images", sa.String(), nullable=False),
        sa.Column("tags", sa.String(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("created_by", Id, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="fk_webhooks_organization_id_organizations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_webhooks_created_by_users", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.UniqueConstraint("organization_id", "name", name="uq_webhooks_organization_id_name"),
    )
    op.create_index("ix_webhooks_organization_id", "webhooks", ["organization_id"])


def _make_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", Id, nullable=False),
        sa.Column("webhook_id", Id, nullable=False),
        sa.Column("event_id", Name, nullable=False),
        sa.Column("kind", Name, nullable=False),
        sa.Column("subject", Name, nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("state", Name, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name="fk_webhook_deliveries_webhook_id_webhooks",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_webhook_deliveries_webhook_id_id", "webhook_deliveries", ["webhook_id", "id"])


def _make_senders() -> None:
    op.create_table(
        "webhook_senders",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("kind", Name, nullable=False),
        sa.Column("image", Name, nullable=False),
        sa.Column("repository", Name, nullable=False),
        sa.Column("token_hash", Name, nullable=False),
        sa.Column("sealed_secret", sa.String(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("created_by", Id, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("heard_at", Instant, nullable=True),
        sa.Column("last_problem", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="fk_webhook_senders_organization_id_organizations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_webhook_senders_created_by_users", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_senders"),
        sa.UniqueConstraint("organization_id", "name", name="uq_webhook_senders_organization_id_name"),
        sa.UniqueConstraint("token_hash", name="uq_webhook_senders_token_hash"),
    )
    op.create_index("ix_webhook_senders_organization_id", "webhook_senders", ["organization_id"])
