"""Tables of fleets: their clusters, what was deployed to all of them, and what came of it in each."""

from sqlalchemy import Column, ForeignKey, Index, String, Table

from wherry.db.metadata import Id, Instant, Name, metadata

# `organization_id` null is a fleet of the site.
fleets = Table(
    "fleets",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Name, nullable=False, unique=True),
    Column(
        "organization_id", Id, ForeignKey("organizations.id", ondelete="CASCADE"), nullable=True, index=True
    ),
    Column("description", String, nullable=False),
    Column("created_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

fleet_clusters = Table(
    "fleet_clusters",
    metadata,
    Column("fleet_id", Id, ForeignKey("fleets.id", ondelete="CASCADE"), primary_key=True),
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True, index=True),
)

# `sealed_request`: variables of containers may hold what is for nobody else's eyes.
fleet_workloads = Table(
    "fleet_workloads",
    metadata,
    Column("id", Id, primary_key=True),
    Column("fleet_id", Id, ForeignKey("fleets.id", ondelete="CASCADE"), nullable=False),
    Column("namespace", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("sealed_request", String, nullable=False),
    Column("created_by", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Index(
        "ix_fleet_workloads_fleet_id_namespace_kind_name",
        "fleet_id",
        "namespace",
        "kind",
        "name",
        unique=True,
    ),
)

# `problem` null: it was applied there. No row: it was not tried there yet.
fleet_outcomes = Table(
    "fleet_outcomes",
    metadata,
    Column("workload_id", Id, ForeignKey("fleet_workloads.id", ondelete="CASCADE"), primary_key=True),
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("problem", String, nullable=True),
    Column("tried_at", Instant, nullable=False),
)
