"""Clusters that an agent joins, federations' members, fleets, and pull secrets of one's own."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    _tell_federations_from_clusters()
    _make_keys_of_own_secrets()
    _make_fleets()
    _make_fleet_workloads()
    _make_agents()


def _tell_federations_from_clusters() -> None:
    op.add_column("clusters", sa.Column("kind", Name, nullable=False, server_default="kubernetes"))


def _make_keys_of_own_secrets() -> None:
    op.create_table(
        "pull_secret_keys",
        sa.Column("key_id", Name, nullable=False),
        sa.Column("cluster_id", Id, nullable=False),
        sa.Column("namespace", Name, nullable=False),
        sa.Column("secret", Name, nullable=False),
        sa.Column("organization", Name, nullable=False),
        sa.Column("retires", sa.BigInteger(), nullable=True),
        _key("pull_secret_keys", "cluster_id", "clusters", "CASCADE"),
        sa.PrimaryKeyConstraint("key_id", name="pk_pull_secret_keys"),
    )
    op.create_index(
        "ix_pull_secret_keys_cluster_id_namespace_secret",
        "pull_secret_keys",
        ["cluster_id", "namespace", "secret"],
    )


def _make_fleets() -> None:
    op.create_table(
        "fleets",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("organization_id", Id, nullable=True),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("created_by", Id, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        _key("fleets", "organization_id", "organizations", "CASCADE"),
        _key("fleets", "created_by", "users", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_fleets"),
        sa.UniqueConstraint("name", name="uq_fleets_name"),
    )
    op.create_index("ix_fleets_organization_id", "fleets", ["organization_id"])
    op.create_table(
        "fleet_clusters",
        sa.Column("fleet_id", Id, nullable=False),
        sa.Column("cluster_id", Id, nullable=False),
        _key("fleet_clusters", "fleet_id", "fleets", "CASCADE"),
        _key("fleet_clusters", "cluster_id", "clusters", "CASCADE"),
        sa.PrimaryKeyConstraint("fleet_id", "cluster_id", name="pk_fleet_clusters"),
    )
    op.create_index("ix_fleet_clusters_cluster_id", "fleet_clusters", ["cluster_id"])


def _make_fleet_workloads() -> None:
    op.create_table(
        "fleet_workloads",
        sa.Column("id", Id, nullable=False),
        sa.Column("fleet_id", Id, nullable=False),
        sa.Column("namespace", Name, nullable=False),
        sa.Column("kind", Name, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("sealed_request", sa.String(), nullable=False),
        sa.Column("created_by", Id, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        _key("fleet_workloads", "fleet_id", "fleets", "CASCADE"),
        _key("fleet_workloads", "created_by", "users", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_fleet_workloads"),
    )
    op.create_index(
        "ix_fleet_workloads_fleet_id_namespace_kind_name",
        "fleet_workloads",
        ["fleet_id", "namespace", "kind", "name"],
        unique=True,
    )
    op.create_table(
        "fleet_outcomes",
        sa.Column("workload_id", Id, nullable=False),
        sa.Column("cluster_id", Id, nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("tried_at", Instant, nullable=False),
        _key("fleet_outcomes", "workload_id", "fleet_workloads", "CASCADE"),
        _key("fleet_outcomes", "cluster_id", "clusters", "CASCADE"),
        sa.PrimaryKeyConstraint("workload_id", "cluster_id", name="pk_fleet_outcomes"),
    )
    op.create_index("ix_fleet_outcomes_cluster_id", "fleet_outcomes", ["cluster_id"])


def _make_agents() -> None:
    op.create_table(
        "cluster_agents",
        sa.Column("cluster_id", Id, nullable=False),
        sa.Column("token_hash", Name, nullable=True),
        sa.Column("token_expires", sa.BigInteger(), nullable=True),
        sa.Column("credential_hash", Name, nullable=True),
        sa.Column("next_hash", Name, nullable=True),
        sa.Column("socket", Name, nullable=False),
        sa.Column("tunnel", sa.String(), nullable=True),
        sa.Column("machine", sa.String(), nullable=True),
        sa.Column("host", sa.String(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("connected_at", Instant, nullable=True),
        sa.Column("left_at", Instant, nullable=True),
        _key("cluster_agents", "cluster_id", "clusters", "CASCADE"),
        sa.PrimaryKeyConstraint("cluster_id", name="pk_cluster_agents"),
        sa.UniqueConstraint("token_hash", name="uq_cluster_agents_token_hash"),
        sa.UniqueConstraint("credential_hash", name="uq_cluster_agents_credential_hash"),
        sa.UniqueConstraint("next_hash", name="uq_cluster_agents_next_hash"),
    )


def _key(table: str, column: str, others: str, on_delete: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{others}"
    return sa.ForeignKeyConstraint([column], [f"{others}.id"], name=name, ondelete=on_delete)
