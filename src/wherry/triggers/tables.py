"""Tables of triggers and of their runs, which are their history too.

A run outlives its trigger, its image and its cluster: it keeps their names as they were.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, text

from wherry.db.metadata import Id, Instant, Name, metadata

# `containers`, `options` and `git` are JSON; `git` is a target in a Git repository, in place of clusters.
# With `paused_because` the trigger has stopped itself. `owner_id` null: whose rights counted is gone.
triggers = Table(
    "triggers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("repository_id", Id, ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False),
    Column("name", Name, nullable=False),
    Column("condition_kind", String, nullable=False),
    Column("condition", String, nullable=False),
    Column("platform", String, nullable=True),
    Column("is_enabled", Boolean, nullable=False),
    Column("paused_because", String, nullable=True),
    Column("failures", Integer, nullable=False),
    Column("fleet", Name, nullable=True),
    Column("namespace", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("workload", Name, nullable=True),
    Column("selector", String, nullable=True),
    Column("containers", String, nullable=False),
    Column("with_init", Boolean, nullable=False),
    Column("git", String, nullable=True),
    Column("options", String, nullable=False),
    Column("owner_id", Id, ForeignKey("users.id", ondelete="SET NULL"), nullable=True, index=True),
    Column("owner", Name, nullable=False),
    Column("created_by", Name, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Index("ix_triggers_repository_id_name", "repository_id", "name", unique=True),
)
Index(
    "ix_triggers_paused",
    triggers.c.id,
    sqlite_where=text("paused_because IS NOT NULL"),
    postgresql_where=text("paused_because IS NOT NULL"),
)

# The clusters of a trigger, wave by wave; `cluster_id` null: it is no longer registered.
trigger_clusters = Table(
    "trigger_clusters",
    metadata,
    Column("trigger_id", Id, ForeignKey("triggers.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("wave", Integer, nullable=False),
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="SET NULL"), nullable=True, index=True),
    Column("name", Name, nullable=False),
    sqlite_with_rowid=False,
)

# `push` says what the runs of one push have in common: `event:12`, or `replay:34`. `image` is the name of one
# held elsewhere, such as `docker.io/acme/web`, that `repository` stands in for; `digest` may then be empty.
# `changes` is JSON: what was set, and what stood there before. `unreachable_since`: the cluster is away, and
# the run waits for it.
trigger_runs = Table(
    "trigger_runs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("trigger_id", Id, ForeignKey("triggers.id", ondelete="SET NULL"), nullable=True),
    Column("trigger_name", Name, nullable=False),
    Column("repository", Name, nullable=False),
    Column("push", Name, nullable=False),
    Column("condition", String, nullable=False),
    Column("tag", Name, nullable=False),
    Column("digest", Name, nullable=False),
    Column("image", Name, nullable=True),
    Column("pushed_by", Name, nullable=False),
    Column("pushed_at", Instant, nullable=False),
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="SET NULL"), nullable=True, index=True),
    Column("cluster", Name, nullable=False),
    Column("namespace", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("workload", Name, nullable=False),
    Column("containers", String, nullable=False),
    Column("wave", Integer, nullable=False),
    Column("state", Name, nullable=False),
    Column("detail", String, nullable=False),
    Column("due_at", Instant, nullable=True),
    Column("approve_until", Instant, nullable=True),
    Column("approved_by", Name, nullable=True),
    Column("changes", String, nullable=True),
    Column("applied_at", Instant, nullable=True),
    Column("unreachable_since", Instant, nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("owner", Name, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant, nullable=True),
    Column("ended_at", Instant, nullable=True),
    Index("ix_trigger_runs_trigger_id_push_cluster", "trigger_id", "push", "cluster", unique=True),
    Index("ix_trigger_runs_trigger_id_state", "trigger_id", "state"),
    Index("ix_trigger_runs_trigger_id_id", "trigger_id", "id"),
    Index("ix_trigger_runs_repository_id", "repository", "id"),
    Index("ix_trigger_runs_state_due_at", "state", "due_at"),
)
