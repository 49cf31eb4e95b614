"""Rights on organizations and images, shares, access keys, and what describes a repository."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("repositories", sa.Column("category", sa.String(), nullable=False, server_default="other"))
    op.add_column("repositories", sa.Column("description", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "shares",
        sa.Column("image", Name, nullable=False),
        sa.Column("organization", Name, nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=True),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("created_by", Id, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_shares_created_by_users", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("image", "organization", name="pk_shares"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_shares_organization", "shares", ["organization"])
    op.create_table(
        "grants",
        sa.Column("user_id", Id, nullable=False),
        sa.Column("kind", Name, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("granted_by", Id, nullable=True),
        sa.Column("granted_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_grants_user_id_users", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["granted_by"], ["users.id"], name="fk_grants_granted_by_users", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("user_id", "kind", "name", name="pk_grants"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_grants_kind_name", "grants", ["kind", "name"])
    op.create_table(
        "access_keys",
        sa.Column("id", Name, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sealed_secret", sa.String(), nullable=False),
        sa.Column("login_key_hash", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=True),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("is_temporary", sa.Boolean(), nullable=False),
        sa.Column("made_by", Name, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("last_used_at", Instant, nullable=True),
        sa.Column("last_used_from", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_access_keys_user_id_users", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["access_keys.id"], name="fk_access_keys_made_by_access_keys", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_access_keys"),
    )
    op.create_index("ix_access_keys_made_by", "access_keys", ["made_by"])
    op.create_index("ix_access_keys_user_id", "access_keys", ["user_id"])
