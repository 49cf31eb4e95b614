"""What is kept of the agents that join clusters; a cluster without a row is reached by its kubeconfig."""

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table

from wherry.db.metadata import Id, Instant, Name, metadata

# Of secrets only hashes. `next_hash` is that of a credential that was handed out and not used yet; with its
# first use the one before ends. `tunnel` and `machine` say who holds the line; `left_at` null: it still does.
cluster_agents = Table(
    "cluster_agents",
    metadata,
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True),
    Column("token_hash", Name, nullable=True, unique=True),
    Column("token_expires", BigInteger, nullable=True),
    Column("credential_hash", Name, nullable=True, unique=True),
    Column("next_hash", Name, nullable=True, unique=True),
    Column("socket", Name, nullable=False),
    Column("tunnel", String, nullable=True),
    Column("machine", String, nullable=True),
    Column("host", String, nullable=True),
    Column("problem", String, nullable=True),
    Column("connected_at", Instant, nullable=True),
    Column("left_at", Instant, nullable=True),
)
