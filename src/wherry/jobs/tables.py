"""Tables of jobs and of the schedules that make them."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, text

from wherry.db.metadata import Id, Instant, Name, metadata

# `payload` is JSON. `attempts` counts starts; `failures` those in a row that ended without a word of the
# handler: an exception, or a worker that died. `unique_name` is what `unique` said. `holder` is the worker
# that runs it, until `lease_until` unless it says again that it does.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Name, nullable=False),
    Column("key", Name, nullable=False),
    Column("unique_name", Name, nullable=True),
    Column("state", Name, nullable=False),
    Column("payload", String, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("max_attempts", Integer, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("run_at", Instant, nullable=False),
    Column("started_at", Instant, nullable=True),
    Column("finished_at", Instant, nullable=True),
    Column("holder", Name, nullable=True),
    Column("lease_until", Instant, nullable=True),
    Column("cancel_asked", Boolean, nullable=False, server_default=text("false")),
    Column("done", BigInteger, nullable=True),
    Column("total", BigInteger, nullable=True),
    Column("said", String, nullable=False, server_default=""),
    Column("problem", String, nullable=False, server_default=""),
    sqlite_autoincrement=True,
)
_WAITING = "state = 'waiting'"
_RUNNING = "state = 'running'"
_UNFINISHED = "finished_at IS NULL AND key <> ''"
_FINISHED = "finished_at IS NOT NULL"
Index(
    "ix_jobs_waiting",
    jobs.c.kind,
    jobs.c.run_at,
    jobs.c.id,
    sqlite_where=text(_WAITING),
    postgresql_where=text(_WAITING),
)
Index("ix_jobs_due", jobs.c.run_at, sqlite_where=text(_WAITING), postgresql_where=text(_WAITING))
Index("ix_jobs_running", jobs.c.lease_until, sqlite_where=text(_RUNNING), postgresql_where=text(_RUNNING))
Index(
    "ix_jobs_key", jobs.c.key, jobs.c.id, sqlite_where=text(_UNFINISHED), postgresql_where=text(_UNFINISHED)
)
Index(
    "ix_jobs_unique_name",
    jobs.c.unique_name,
    unique=True,
    sqlite_where=text(_WAITING),
    postgresql_where=text(_WAITING),
)
Index("ix_jobs_finished", jobs.c.finished_at, sqlite_where=text(_FINISHED), postgresql_where=text(_FINISHED))
Index("ix_jobs_kind", jobs.c.kind, jobs.c.id)

job_schedules = Table(
    "job_schedules",
    metadata,
    Column("name", Name, primary_key=True),
    # The times as they were when `next_at` was worked out: other times begin anew.
    Column("times", String, nullable=False),
    Column("next_at", Instant, nullable=False),
)
