"""Clusters, and what is kept of them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    _make_clusters()
    _make_openings_and_states()
    _make_pull_keys_and_secrets()
    _make_running_images()


def _make_clusters() -> None:
    op.create_table(
        "clusters",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("organization_id", Id, nullable=True),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("server", sa.String(), nullable=False),
        sa.Column("context", sa.String(), nullable=False),
        sa.Column("sealed_login", sa.String(), nullable=False),
        sa.Column("uid", sa.String(), nullable=True),
        sa.Column("makes_default_secret", sa.Boolean(), nullable=False),
        sa.Column("created_by", Id, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="fk_clusters_organization_id_organizations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_clusters_created_by_users", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_clusters"),
        sa.UniqueConstraint("name", name="uq_clusters_name"),
    )
    op.create_index("ix_clusters_organization_id", "clusters", ["organization_id"])


def _make_openings_and_states() -> None:
    op.create_table(
        "cluster_openings",
        sa.Column("cluster_id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"],
            ["clusters.id"],
            name="fk_cluster_openings_cluster_id_clusters",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="fk_cluster_openings_organization_id_organizations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("cluster_id", "organization_id", name="pk_cluster_openings"),
    )
    op.create_index("ix_cluster_openings_organization_id", "cluster_openings", ["organization_id"])
    op.create_table(
        "cluster_states",
        sa.Column("cluster_id", Id, nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("nodes", sa.Integer(), nullable=True),
        sa.Column("nodes_ready", sa.Integer(), nullable=True),
        sa.Column("architectures", sa.String(), nullable=False),
        sa.Column("latency", sa.Float(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("seen_at", Instant, nullable=True),
        sa.Column("stale_since", Instant, nullable=True),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name="fk_cluster_states_cluster_id_clusters", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cluster_id", name="pk_cluster_states"),
    )


def _make_pull_keys_and_secrets() -> None:
    op.create_table(
        "cluster_keepers",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cluster_keepers"),
    )
    op.create_table(
        "cluster_pull_keys",
        sa.Column("id", Id, nullable=False),
        sa.Column("cluster_id", Id, nullable=False),
        sa.Column("organization", Name, nullable=False),
        sa.Column("key_id", Name, nullable=False),
        sa.Column("user_name", sa.String(), nullable=False),
        sa.Column("sealed_password", sa.String(), nullable=False),
        sa.Column("issued_at", Instant, nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("retires", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["cluster_id"],
            ["clusters.id"],
            name="fk_cluster_pull_keys_cluster_id_clusters",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_cluster_pull_keys"),
    )
    op.create_index("ix_cluster_pull_keys_cluster_id", "cluster_pull_keys", ["cluster_id"])
    op.create_table(
        "pull_secrets",
        sa.Column("id", Id, nullable=False),
        sa.Column("cluster_id", Id, nullable=False),
        sa.Column("namespace", Name, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("registry", sa.String(), nullable=False),
        sa.Column("user_name", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("labels", sa.String(), nullable=False),
        sa.Column("sealed_content", sa.String(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("created_by", Id, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name="fk_pull_secrets_cluster_id_clusters", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_pull_secrets_created_by_users", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_pull_secrets"),
    )
    op.create_index(
        "ix_pull_secrets_cluster_id_namespace_name",
        "pull_secrets",
        ["cluster_id", "namespace", "name"],
        unique=True,
    )


def _make_running_images() -> None:
    op.create_table(
        "running_images",
        sa.Column("cluster_id", Id, nullable=False),
        sa.Column("namespace", Name, nullable=False),
        sa.Column("kind", Name, nullable=False),
        sa.Column("workload", Name, nullable=False),
        sa.Column("image", Name, nullable=False),
        sa.Column("digest", Name, nullable=False),
        sa.Column("repository", Name, nullable=False),
        sa.Column("tag", Name, nullable=True),
        sa.Column("pods", sa.Integer(), nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name="fk_running_images_cluster_id_clusters", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "cluster_id", "namespace", "kind", "workload", "image", "digest", name="pk_running_images"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_running_images_repository", "running_images", ["repository"])
    op.create_index("ix_running_images_digest", "running_images", ["digest"])
