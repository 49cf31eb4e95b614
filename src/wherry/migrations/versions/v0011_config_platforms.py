"""For which platform an image is, as its config says."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

Name = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "config_platforms",
        sa.Column("digest", Name, nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_config_platforms"),
        sqlite_with_rowid=False,
    )
