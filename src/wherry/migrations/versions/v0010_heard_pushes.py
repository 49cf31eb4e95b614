"""What senders of webhooks have told, and the image held elsewhere that a run is for."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("trigger_runs", sa.Column("image", Name, nullable=True))
    op.create_table(
        "webhook_receipts",
        sa.Column("id", Id, nullable=False),
        sa.Column("sender_id", Id, nullable=False),
        sa.Column("delivery", Name, nullable=False),
        sa.Column("tag", Name, nullable=False),
        sa.Column("digest", Name, nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["sender_id"],
            ["webhook_senders.id"],
            name="fk_webhook_receipts_sender_id_webhook_senders",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_receipts"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_webhook_receipts_sender_id_delivery_tag",
        "webhook_receipts",
        ["sender_id", "delivery", "tag"],
        unique=True,
    )
    op.create_index(
        "ix_webhook_receipts_sender_id_received_at", "webhook_receipts", ["sender_id", "received_at"]
    )
