"""Paused triggers are counted without reading the others."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_triggers_paused",
        "triggers",
        ["id"],
        sqlite_where=sa.text("paused_because IS NOT NULL"),
        postgresql_where=sa.text("paused_because IS NOT NULL"),
    )
