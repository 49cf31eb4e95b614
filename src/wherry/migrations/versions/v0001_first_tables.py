"""The first tables: users and organizations, signing keys, repositories and what they hold."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# As they were when this version was written; later changes of the column types do not change it.
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("digest", Name, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("location", sa.String(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_blobs")),
    )
    op.create_table(
        "manifest_contents",
        sa.Column("digest", Name, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_manifest_contents")),
    )
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("sealed_private_key", sa.String(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_keys")),
    )
    op.create_table(
        "users",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
    )
    op.create_table(
        "organizations",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("created_by", Id, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_organizations_created_by_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sa.UniqueConstraint("name", name=op.f("uq_organizations_name")),
    )
    op.create_table(
        "repositories",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("created_by", Id, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_repositories_created_by_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_repositories_organization_id_organizations"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repositories")),
        sa.UniqueConstraint("name", name=op.f("uq_repositories_name")),
    )
    op.create_index("ix_repositories_organization_id", "repositories", ["organization_id"])

    op.create_table(
        "manifest_references",
        sa.Column("repository_id", Id, nullable=False),
        sa.Column("manifest", Name, nullable=False),
        sa.Column("target", Name, nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_manifest_references_repository_id_repositories"),
        ),
        sa.PrimaryKeyConstraint("repository_id", "manifest", "target", name=op.f("pk_manifest_references")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_manifest_references_repository_id_target", "manifest_references", ["repository_id", "target"]
    )

    op.create_table(
        "manifests",
        sa.Column("repository_id", Id, nullable=False),
        sa.Column("digest", Name, nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("artifact_type", sa.String(), nullable=True),
        sa.Column("subject", Name, nullable=True),
        sa.Column("annotations", sa.String(), nullable=False),
        sa.Column("pushed_by", Id, nullable=True),
        sa.Column("pushed_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["digest"], ["manifest_contents.digest"], name=op.f("fk_manifests_digest_manifest_contents")
        ),
        sa.ForeignKeyConstraint(
            ["pushed_by"], ["users.id"], name=op.f("fk_manifests_pushed_by_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_manifests_repository_id_repositories")
        ),
        sa.PrimaryKeyConstraint("repository_id", "digest", name=op.f("pk_manifests")),
    )
    op.create_index("ix_manifests_digest", "manifests", ["digest"])
    op.create_index("ix_manifests_repository_id_subject", "manifests", ["repository_id", "subject", "digest"])

    op.create_table(
        "repository_blobs",
        sa.Column("repository_id", Id, nullable=False),
        sa.Column("digest", Name, nullable=False),
        sa.Column("linked_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["blobs.digest"], name=op.f("fk_repository_blobs_digest_blobs")),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_repository_blobs_repository_id_repositories"),
        ),
        sa.PrimaryKeyConstraint("repository_id", "digest", name=op.f("pk_repository_blobs")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_repository_blobs_digest", "repository_blobs", ["digest"])

    op.create_table(
        "tags",
        sa.Column("repository_id", Id, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("digest", Name, nullable=False),
        sa.Column("moved_by", Id, nullable=True),
        sa.Column("moved_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["moved_by"], ["users.id"], name=op.f("fk_tags_moved_by_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_tags_repository_id_repositories")
        ),
        sa.PrimaryKeyConstraint("repository_id", "name", name=op.f("pk_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tags_repository_id_digest", "tags", ["repository_id", "digest"])

    op.create_table(
        "uploads",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("repository_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("algorithm", sa.String(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.String(), nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("touched_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_uploads_repository_id_repositories")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_uploads_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index("ix_uploads_touched_at", "uploads", ["touched_at"])
