"""The queue as others use it: enqueue in the transaction of the change, cancel, retry, look."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, Insert, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from wherry.db.bell import ring
from wherry.db.turns import JOB_CLAIMS, take_turn
from wherry.jobs.errors import JobNotWaiting, JobUnknown
from wherry.jobs.job import COLUMNS, FINISHED, IS_RUNNING, IS_WAITING, Job, State
from wherry.jobs.tables import jobs


def enqueue(
    tx: Connection,
    kind: str,
    payload: Mapping[str, object],
    now: datetime,
    *,
    key: str = "",
    run_at: datetime | None = None,
    unique: str | None = None,
    max_attempts: int | None = None,
) -> int:
    """Leave a job for the handler of `kind`, as soon as this transaction is committed; answers its id.

    Jobs of the same `key` run one at a time, in the order of their ids: one that waits to be tried again
    holds up the later ones. While a job with the same `unique` waits, its id is answered and none is made.
    Without `max_attempts` a handler may ask for as many as it likes, and unexpected failures in a row are
    limited.
    """
    if key:
        _take_turn_of_key(tx, key)
    row = {
        "kind": kind,
        "key": key,
        "unique_name": unique,
        "state": State.WAITING.value,
        "payload": json.dumps(dict(payload)),
        "max_attempts": max_attempts,
        "created_at": now,
        "run_at": now if run_at is None else run_at,
    }
    statement = _INSERT if unique is None else _INSERT_UNLESS_WAITING[tx.dialect.name]
    made = tx.execute(statement, row).scalar_one_or_none()
    if made is None:
        query = select(jobs.c.id).where(jobs.c.unique_name == unique, IS_WAITING)
        waiting = tx.execute(query).scalar_one_or_none()
        if waiting is not None:
            return int(waiting)
        # It was started just now by another transaction, and does not know what this one changes.
        return enqueue(
            tx, kind, payload, now, key=key, run_at=run_at, unique=unique, max_attempts=max_attempts
        )
    ring(tx)
    return int(made)


def cancel(tx: Connection, job_id: int, now: datetime) -> Job:
    """A waiting job ends at once; a running one as soon as its worker hears of it. Ended ones stay ended.

    Raises `JobUnknown`.
    """
    mine = (jobs.c.id == job_id, IS_WAITING)
    ended = {"state": State.CANCELLED.value, "finished_at": now, "cancel_asked": True}
    if tx.execute(update(jobs).where(*mine).values(**ended)).rowcount == 0:
        running = (jobs.c.id == job_id, IS_RUNNING)
        tx.execute(update(jobs).where(*running).values(cancel_asked=True))
    ring(tx)
    return show(tx, job_id)


def retry(tx: Connection, job_id: int, now: datetime) -> Job:
    """Run the job now: one that failed or was cancelled anew, one that waits for its next attempt at once.

    Raises `JobUnknown`, and `JobNotWaiting` for one that runs or is done.
    """
    take_turn(tx, JOB_CLAIMS)
    job = show(tx, job_id)
    if job.state in (State.RUNNING, State.DONE):
        raise JobNotWaiting(
            job_id, job.state, "only one that failed, was cancelled or waits can be run again"
        )
    again = {"run_at": now, "state": State.WAITING.value, "finished_at": None, "cancel_asked": False}
    if job.state in FINISHED:
        again |= {"failures": 0, "attempts": 0, "unique_name": None}
    tx.execute(update(jobs).where(jobs.c.id == job_id).values(**again))
    ring(tx)
    return show(tx, job_id)


def show(tx: Connection, job_id: int) -> Job:
    """Raises `JobUnknown`."""
    row = tx.execute(COLUMNS.where(jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise JobUnknown(job_id)
    return Job.of(row)


def list_jobs(
    tx: Connection,
    *,
    kind: str | None = None,
    key: str | None = None,
    states: Collection[State] = (),
    before: int | None = None,
    size: int = 100,
) -> list[Job]:
    """At most `size`, the newest first, those with smaller ids than `before`."""
    query = COLUMNS.order_by(jobs.c.id.desc()).limit(size)
    if kind is not None:
        query = query.where(jobs.c.kind == kind)
    if key is not None:
        query = query.where(jobs.c.key == key)
    if states:
        query = query.where(jobs.c.state.in_([state.value for state in states]))
    if before is not None:
        query = query.where(jobs.c.id < before)
    return [Job.of(row) for row in tx.execute(query)]


def _take_turn_of_key(tx: Connection, key: str) -> None:
    """Ids of one key are drawn in the order of commits, so that none with a smaller id appears later."""
    if tx.dialect.name == "postgresql":
        tx.execute(_KEY_TURN, {"turn": JOB_CLAIMS, "key": key})


_KEY_TURN = text("SELECT pg_advisory_xact_lock(:turn, hashtext(:key))")
_INSERT = insert(jobs).returning(jobs.c.id)
_WHERE_WAITING = text("state = 'waiting'")


def _unless_waiting(statement: "sqlite.Insert | postgresql.Insert") -> Insert:
    made = statement.on_conflict_do_nothing(index_elements=[jobs.c.unique_name], index_where=_WHERE_WAITING)
    return made.returning(jobs.c.id)


_INSERT_UNLESS_WAITING: dict[str, Insert] = {
    "sqlite": _unless_waiting(sqlite.insert(jobs)),
    "postgresql": _unless_waiting(postgresql.insert(jobs)),
}
