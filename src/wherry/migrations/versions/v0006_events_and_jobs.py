"""What happened and is to be reacted to, and durable jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    _make_events()
    _make_jobs()
    # What the tag pointed at before: whoever moves it learns that in the same statement.
    op.add_column("tags", sa.Column("previous_digest", Name, nullable=True))


def _make_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", Name, nullable=False),
        sa.Column("subject", Name, nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("dispatched_at", Instant, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sqlite_autoincrement=True,
    )
    _make_index("ix_events_waiting", "events", ["id"], "dispatched_at IS NULL")
    op.create_table(
        "parked_reactions",
        sa.Column("event_id", Id, nullable=False),
        sa.Column("reaction", Name, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name="fk_parked_reactions_event_id_events", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", "reaction", name="pk_parked_reactions"),
    )


def _make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", Name, nullable=False),
        sa.Column("key", Name, nullable=False),
        sa.Column("unique_name", Name, nullable=True),
        sa.Column("state", Name, nullable=False),
        sa.Column("payload", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("max_attempts", sa.Integer(), nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("run_at", Instant, nullable=False),
        sa.Column("started_at", Instant, nullable=True),
        sa.Column("finished_at", Instant, nullable=True),
        sa.Column("holder", Name, nullable=True),
        sa.Column("lease_until", Instant, nullable=True),
        sa.Column("cancel_asked", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("done", sa.BigInteger(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("said", sa.String(), nullable=False, server_default=""),
        sa.Column("problem", sa.String(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sqlite_autoincrement=True,
    )
    _make_index("ix_jobs_waiting", "jobs", ["kind", "run_at", "id"], "state = 'waiting'")
    _make_index("ix_jobs_due", "jobs", ["run_at"], "state = 'waiting'")
    _make_index("ix_jobs_running", "jobs", ["lease_until"], "state = 'running'")
    _make_index("ix_jobs_key", "jobs", ["key", "id"], "finished_at IS NULL AND key <> ''")
    _make_index("ix_jobs_unique_name", "jobs", ["unique_name"], "state = 'waiting'", unique=True)
    _make_index("ix_jobs_finished", "jobs", ["finished_at"], "finished_at IS NOT NULL")
    op.create_index("ix_jobs_kind", "jobs", ["kind", "id"])
    op.create_table(
        "job_schedules",
        sa.Column("name", Name, nullable=False),
        sa.Column("times", sa.String(), nullable=False),
        sa.Column("next_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_job_schedules"),
    )


def _make_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    """Of some rows only: as SQLAlchemy writes the condition in a query, for SQLite compares the words."""
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )
