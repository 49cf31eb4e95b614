"""Tables of repositories and what they hold.

A blob is a row of `blobs` once, whatever the number of repositories; `repository_blobs` says where it may be
read. Manifests live in the database, so that a push is one transaction and a pull one indexed row.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table, text

from wherry.db.metadata import Id, Instant, Name, metadata

repositories = Table(
    "repositories",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Name, nullable=False, unique=True),
    Column("organization_id", Id, ForeignKey("organizations.id"), nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("category", String, nullable=False, server_default="other"),
    Column("description", String, nullable=False, server_default=""),
    Column("created_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("created_at", Instant, nullable=False),
    Index("ix_repositories_organization_id_name", "organization_id", "name"),
)
# What anybody may see, without a step over what is private.
Index(
    "ix_repositories_public_name",
    repositories.c.name,
    # As SQLAlchemy writes the condition in a query: SQLite compares the words.
    sqlite_where=text("is_public = 1"),
    postgresql_where=text("is_public"),
)

blobs = Table(
    "blobs",
    metadata,
    Column("digest", Name, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("location", String, nullable=False),
    Column("created_at", Instant, nullable=False),
)

# What configs of images say of their platform, as far as somebody wanted to know: `linux/amd64`, or nothing.
# Content does not change, so these are never out of date; they are small, and stay when the blob goes.
config_platforms = Table(
    "config_platforms",
    metadata,
    Column("digest", Name, primary_key=True),
    Column("platform", String, nullable=False),
    sqlite_with_rowid=False,
)

repository_blobs = Table(
    "repository_blobs",
    metadata,
    Column("repository_id", Id, ForeignKey("repositories.id"), primary_key=True),
    Column("digest", Name, ForeignKey("blobs.digest"), primary_key=True, index=True),
    Column("linked_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)

manifest_contents = Table(
    "manifest_contents",
    metadata,
    Column("digest", Name, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

manifests = Table(
    "manifests",
    metadata,
    Column("repository_id", Id, ForeignKey("repositories.id"), primary_key=True),
    Column("digest", Name, ForeignKey("manifest_contents.digest"), primary_key=True, index=True),
    Column("media_type", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("artifact_type", String, nullable=True),
    Column("subject", Name, nullable=True),
    Column("annotations", String, nullable=False),
    Column("pushed_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("pushed_at", Instant, nullable=False),
    Index("ix_manifests_repository_id_subject", "repository_id", "subject", "digest"),
)

# What a manifest needs to be whole: its config, layers and children. A subject is not among them.
manifest_references = Table(
    "manifest_references",
    metadata,
    Column("repository_id", Id, ForeignKey("repositories.id"), primary_key=True),
    Column("manifest", Name, primary_key=True),
    Column("target", Name, primary_key=True),
    Index("ix_manifest_references_repository_id_target", "repository_id", "target"),
    sqlite_with_rowid=False,
)

tags = Table(
    "tags",
    metadata,
    Column("repository_id", Id, ForeignKey("repositories.id"), primary_key=True),
    Column("name", Name, primary_key=True),
    Column("digest", Name, nullable=False),
    Column("moved_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("moved_at", Instant, nullable=False),
    # Where it pointed before it moved last.
    Column("previous_digest", Name, nullable=True),
    Index("ix_tags_repository_id_digest", "repository_id", "digest"),
    Index("ix_tags_repository_id_moved_at", "repository_id", "moved_at"),
    sqlite_with_rowid=False,
)

pull_counts = Table(
    "pull_counts",
    metadata,
    Column("repository_id", Id, ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    # Such as 2026-01-31, in UTC.
    Column("day", Name, primary_key=True),
    Column("pulls", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String, primary_key=True),
    Column("repository_id", Id, ForeignKey("repositories.id"), nullable=False),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("algorithm", String, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("parts", String, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("touched_at", Instant, nullable=False, index=True),
)
