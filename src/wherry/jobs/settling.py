"""How a job ends, or waits for its next attempt. Only by the worker that holds it: any other is refused."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, select, update
from sqlalchemy.exc import IntegrityError

from wherry.jobs.claiming import MAX_FAILURES
from wherry.jobs.errors import LeaseLost
from wherry.jobs.job import IS_RUNNING, Job, State
from wherry.jobs.tables import jobs

MAX_PROBLEM = 2000


def require_held(tx: Connection, job: Job) -> None:
    """Raises `LeaseLost` unless this attempt still has the job; then nobody takes it before the commit."""
    query = select(jobs.c.id).where(_mine(job)).with_for_update()
    if tx.execute(query).first() is None:
        raise LeaseLost(job.id)


def finish(tx: Connection, job: Job, now: datetime, state: State = State.DONE, problem: str = "") -> None:
    """Raises `LeaseLost`."""
    _settle(
        tx,
        job,
        {"state": state.value, "finished_at": now, "problem": problem[:MAX_PROBLEM], **_UNHELD},
    )


def run_again(tx: Connection, job: Job, run_at: datetime, now: datetime, problem: str) -> State:
    """The handler asked for another attempt; without one left the job has failed. Raises `LeaseLost`."""
    limit = tx.execute(select(jobs.c.max_attempts).where(jobs.c.id == job.id)).scalar_one_or_none()
    if limit is not None and job.attempts >= limit:
        finish(tx, job, now, State.FAILED, problem)
        return State.FAILED
    _wait_again(tx, job, run_at, {"problem": problem[:MAX_PROBLEM], "failures": 0})
    return State.WAITING


def run_again_after_failure(tx: Connection, job: Job, run_at: datetime, now: datetime, problem: str) -> State:
    """The handler failed unexpectedly; after too many of these the job has failed. Raises `LeaseLost`."""
    row = tx.execute(select(jobs.c.max_attempts, jobs.c.failures).where(jobs.c.id == job.id)).one_or_none()
    if row is None:
        raise LeaseLost(job.id)
    limit, failures = row
    if job.attempts >= limit if limit is not None else failures >= MAX_FAILURES:
        finish(tx, job, now, State.FAILED, problem)
        return State.FAILED
    _wait_again(tx, job, run_at, {"problem": problem[:MAX_PROBLEM]})
    return State.WAITING


def note_progress(tx: Connection, job: Job, done: int, total: int | None, said: str) -> None:
    """Nothing where the job is no longer held."""
    tx.execute(update(jobs).where(_mine(job)).values(done=done, total=total, said=said[:MAX_PROBLEM]))


def pause_after(failures: int, luck: float) -> timedelta:
    """Doubling from a second to ten minutes; `luck`, from 0 to 1, spreads those that failed together."""
    longest = min(600.0, 2.0 ** min(failures - 1, 20))
    return timedelta(seconds=longest * (0.5 + luck / 2))


def _wait_again(tx: Connection, job: Job, run_at: datetime, values: dict[str, Any]) -> None:
    values = {"state": State.WAITING.value, "run_at": run_at, **_UNHELD, **values}
    try:
        with tx.begin_nested():
            _settle(tx, job, values)
    except IntegrityError:
        # Another one of the same unique name waits by now; both have their reason.
        _settle(tx, job, {**values, "unique_name": None})


def _settle(tx: Connection, job: Job, values: dict[str, Any]) -> None:
    if tx.execute(update(jobs).where(_mine(job)).values(**values)).rowcount == 0:
        raise LeaseLost(job.id)


def _mine(job: Job) -> Any:
    return and_(jobs.c.id == job.id, IS_RUNNING, jobs.c.holder == job.holder, jobs.c.attempts == job.attempts)


_UNHELD: dict[str, Any] = {"holder": None, "lease_until": None}
