"""Teams, robots, roles, sessions, one-time links and idempotent requests."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("users", sa.Column("is_auditor", sa.Boolean(), nullable=False, server_default=sa.false()))
    _robots()
    _teams()
    _idempotent_requests()
    _sessions()
    _one_time_links()
    _federated_users()
    _lists()
    _pull_counts()


def _robots() -> None:
    op.create_table(
        "robots",
        sa.Column("user_id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("created_by", Id, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_robots_user_id_users", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="fk_robots_organization_id_organizations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_robots_created_by_users", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("user_id", name="pk_robots"),
    )
    op.create_index("ix_robots_organization_id", "robots", ["organization_id"])


def _teams() -> None:
    op.create_table(
        "teams",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("oidc_group", Name, nullable=True),
        sa.Column("created_by", Id, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="fk_teams_organization_id_organizations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_teams_created_by_users", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_teams"),
    )
    op.create_index("ix_teams_organization_id_name", "teams", ["organization_id", "name"], unique=True)
    op.create_index("ix_teams_oidc_group", "teams", ["oidc_group"])
    op.create_table(
        "team_members",
        sa.Column("team_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("from_oidc", sa.Boolean(), nullable=False),
        sa.Column("added_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name="fk_team_members_team_id_teams", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_team_members_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("team_id", "user_id", name="pk_team_members"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_team_members_user_id", "team_members", ["user_id"])
    op.create_table(
        "team_grants",
        sa.Column("team_id", Id, nullable=False),
        sa.Column("kind", Name, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("granted_by", Id, nullable=True),
        sa.Column("granted_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name="fk_team_grants_team_id_teams", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["granted_by"], ["users.id"], name="fk_team_grants_granted_by_users", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("team_id", "kind", "name", name="pk_team_grants"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_team_grants_kind_name", "team_grants", ["kind", "name"])


def _idempotent_requests() -> None:
    op.create_table(
        "idempotent_requests",
        sa.Column("user_id", Id, nullable=False),
        sa.Column("key", Name, nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("answered_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key", name="pk_idempotent_requests"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_idempotent_requests_answered_at", "idempotent_requests", ["answered_at"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", Name, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("way", Name, nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_sessions_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_ends", "sessions", ["ends"])


def _one_time_links() -> None:
    op.create_table(
        "one_time_links",
        sa.Column("user_id", Id, nullable=False),
        sa.Column("purpose", Name, nullable=False),
        sa.Column("token_hash", Name, nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("made_by", Id, nullable=True),
        sa.Column("made_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_one_time_links_user_id_users", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["users.id"], name="fk_one_time_links_made_by_users", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("user_id", "purpose", name="pk_one_time_links"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_one_time_links_token_hash", "one_time_links", ["token_hash"], unique=True)


def _federated_users() -> None:
    op.create_table(
        "federated_users",
        sa.Column("issuer", Name, nullable=False),
        sa.Column("subject", Name, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("made_user", sa.Boolean(), nullable=False),
        sa.Column("linked_at", Instant, nullable=False),
        sa.Column("last_sign_in_at", Instant, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_federated_users_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_federated_users"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_federated_users_user_id", "federated_users", ["user_id"])


def _lists() -> None:
    op.create_index("ix_repositories_organization_id_name", "repositories", ["organization_id", "name"])
    op.drop_index("ix_repositories_organization_id", "repositories")
    op.create_index(
        "ix_repositories_public_name",
        "repositories",
        ["name"],
        sqlite_where=sa.text("is_public = 1"),
        postgresql_where=sa.text("is_public"),
    )
    op.create_index("ix_tags_repository_id_moved_at", "tags", ["repository_id", "moved_at"])


def _pull_counts() -> None:
    op.create_table(
        "pull_counts",
        sa.Column("repository_id", Id, nullable=False),
        sa.Column("day", Name, nullable=False),
        sa.Column("pulls", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name="fk_pull_counts_repository_id_repositories",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("repository_id", "day", name="pk_pull_counts"),
        sqlite_with_rowid=False,
    )
