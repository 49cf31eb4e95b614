"""Triggers and what became of them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    _make_triggers()
    _make_trigger_clusters()
    _make_trigger_runs()


def _make_triggers() -> None:
    op.create_table(
        "triggers",
        sa.Column("id", Id, nullable=False),
        sa.Column("repository_id", Id, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("condition_kind", sa.String(), nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("paused_because", sa.String(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("fleet", Name, nullable=True),
        sa.Column("namespace", Name, nullable=False),
        sa.Column("kind", Name, nullable=False),
        sa.Column("workload", Name, nullable=True),
        sa.Column("selector", sa.String(), nullable=True),
        sa.Column("containers", sa.String(), nullable=False),
        sa.Column("with_init", sa.Boolean(), nullable=False),
        sa.Column("git", sa.String(), nullable=True),
        sa.Column("options", sa.String(), nullable=False),
        sa.Column("owner_id", Id, nullable=True),
        sa.Column("owner", Name, nullable=False),
        sa.Column("created_by", Name, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name="fk_triggers_repository_id_repositories",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name="fk_triggers_owner_id_users", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_triggers"),
    )
    op.create_index("ix_triggers_repository_id_name", "triggers", ["repository_id", "name"], unique=True)
    op.create_index("ix_triggers_owner_id", "triggers", ["owner_id"])


def _make_trigger_clusters() -> None:
    op.create_table(
        "trigger_clusters",
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("cluster_id", Id, nullable=True),
        sa.Column("name", Name, nullable=False),
        sa.ForeignKeyConstraint(
            ["trigger_id"],
            ["triggers.id"],
            name="fk_trigger_clusters_trigger_id_triggers",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["cluster_id"],
            ["clusters.id"],
            name="fk_trigger_clusters_cluster_id_clusters",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("trigger_id", "position", name="pk_trigger_clusters"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_trigger_clusters_cluster_id", "trigger_clusters", ["cluster_id"])


def _make_trigger_runs() -> None:
    op.create_table(
        "trigger_runs",
        sa.Column("id", Id, nullable=False),
        sa.Column("trigger_id", Id, nullable=True),
        sa.Column("trigger_name", Name, nullable=False),
        sa.Column("repository", Name, nullable=False),
        sa.Column("push", Name, nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("tag", Name, nullable=False),
        sa.Column("digest", Name, nullable=False),
        sa.Column("pushed_by", Name, nullable=False),
        sa.Column("pushed_at", Instant, nullable=False),
        sa.Column("cluster_id", Id, nullable=True),
        sa.Column("cluster", Name, nullable=False),
        sa.Column("namespace", Name, nullable=False),
        sa.Column("kind", Name, nullable=False),
        sa.Column("workload", Name, nullable=False),
        sa.Column("containers", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("state", Name, nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("due_at", Instant, nullable=True),
        sa.Column("approve_until", Instant, nullable=True),
        sa.Column("approved_by", Name, nullable=True),
        sa.Column("changes", sa.String(), nullable=True),
        sa.Column("applied_at", Instant, nullable=True),
        sa.Column("unreachable_since", Instant, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("owner", Name, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("started_at", Instant, nullable=True),
        sa.Column("ended_at", Instant, nullable=True),
        sa.ForeignKeyConstraint(
            ["trigger_id"], ["triggers.id"], name="fk_trigger_runs_trigger_id_triggers", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name="fk_trigger_runs_cluster_id_clusters", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_trigger_runs"),
    )
    op.create_index(
        "ix_trigger_runs_trigger_id_push_cluster",
        "trigger_runs",
        ["trigger_id", "push", "cluster"],
        unique=True,
    )
    op.create_index("ix_trigger_runs_trigger_id_state", "trigger_runs", ["trigger_id", "state"])
    op.create_index("ix_trigger_runs_trigger_id_id", "trigger_runs", ["trigger_id", "id"])
    op.create_index("ix_trigger_runs_repository_id", "trigger_runs", ["repository", "id"])
    op.create_index("ix_trigger_runs_cluster_id", "trigger_runs", ["cluster_id"])
    op.create_index("ix_trigger_runs_state_due_at", "trigger_runs", ["state", "due_at"])
