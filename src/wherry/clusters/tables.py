"""Tables of clusters and of what is kept about them.

Deleting an organization ends the registration of its clusters; the clusters themselves do not notice.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table

from wherry.db.metadata import Id, Instant, Name, metadata

# `organization_id` null is a cluster of the site. `uid` is that of its namespace kube-system.
clusters = Table(
    "clusters",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Name, nullable=False, unique=True),
    Column(
        "organization_id", Id, ForeignKey("organizations.id", ondelete="CASCADE"), nullable=True, index=True
    ),
    Column("description", String, nullable=False),
    Column("server", String, nullable=False),
    Column("context", String, nullable=False),
    Column("sealed_login", String, nullable=False),
    Column("uid", String, nullable=True),
    Column("makes_default_secret", Boolean, nullable=False),
    Column("created_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    # What it is: see `ClusterKind`.
    Column("kind", Name, nullable=False, server_default="kubernetes"),
)

# Whose members may use a cluster that is not their organization's: at the most so.
cluster_openings = Table(
    "cluster_openings",
    metadata,
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "organization_id",
        Id,
        ForeignKey("organizations.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    Column("level", Integer, nullable=False),
)

# One row: of all processes of a server and its replicas, one acts on clusters; it says so again and again.
cluster_keepers = Table(
    "cluster_keepers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("holder", String, nullable=False),
    Column("until", BigInteger, nullable=False),
)

# What was last seen of a cluster. `stale_since` null: what is here is what is.
cluster_states = Table(
    "cluster_states",
    metadata,
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True),
    Column("version", String, nullable=True),
    Column("nodes", Integer, nullable=True),
    Column("nodes_ready", Integer, nullable=True),
    Column("architectures", String, nullable=False),
    Column("latency", Float, nullable=True),
    Column("problem", String, nullable=True),
    Column("seen_at", Instant, nullable=True),
    Column("stale_since", Instant, nullable=True),
)

# Credentials that a cluster pulls with; the newest is in the secrets, older ones end after the overlap.
cluster_pull_keys = Table(
    "cluster_pull_keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("organization", Name, nullable=False),
    Column("key_id", Name, nullable=False),
    Column("user_name", String, nullable=False),
    Column("sealed_password", String, nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires", BigInteger, nullable=True),
    Column("retires", BigInteger, nullable=True),
)

# Secrets that Wherry made; `sealed_content` is the whole `.dockerconfigjson`, to tell drift and to mend it.
pull_secrets = Table(
    "pull_secrets",
    metadata,
    Column("id", Id, primary_key=True),
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False),
    Column("namespace", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("description", String, nullable=False),
    Column("registry", String, nullable=False),
    Column("user_name", String, nullable=False),
    Column("source", String, nullable=False),
    Column("labels", String, nullable=False),
    Column("sealed_content", String, nullable=False),
    Column("expires", BigInteger, nullable=True),
    Column("created_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Index("ix_pull_secrets_cluster_id_namespace_name", "cluster_id", "namespace", "name", unique=True),
)

# Keys that were made for one secret of somebody's own. `retires` null and not the one that the secret names:
# the cluster has not got the newer one yet.
pull_secret_keys = Table(
    "pull_secret_keys",
    metadata,
    Column("key_id", Name, primary_key=True),
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False),
    Column("namespace", Name, nullable=False),
    Column("secret", Name, nullable=False),
    Column("organization", Name, nullable=False),
    Column("retires", BigInteger, nullable=True),
    Index("ix_pull_secret_keys_cluster_id_namespace_secret", "cluster_id", "namespace", "secret"),
)

# Which image runs where, as far as it was seen; what is unreachable now is still taken to run.
running_images = Table(
    "running_images",
    metadata,
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True),
    Column("namespace", Name, primary_key=True),
    Column("kind", Name, primary_key=True),
    Column("workload", Name, primary_key=True),
    Column("image", Name, primary_key=True),
    Column("digest", Name, primary_key=True),
    Column("repository", Name, nullable=False, index=True),
    Column("tag", Name, nullable=True),
    Column("pods", Integer, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Index("ix_running_images_digest", "digest"),
    sqlite_with_rowid=False,
)
