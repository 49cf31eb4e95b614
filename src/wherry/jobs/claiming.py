"""How workers come to jobs: look what is due, claim it for a while, go on holding it, give it back.

One worker claims at a time, over all replicas, so that jobs of one key never start side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, or_, select, union_all, update

from wherry.db.bell import ring
from wherry.db.turns import JOB_CLAIMS, take_turn
from wherry.jobs.job import COLUMNS, IS_RUNNING, IS_WAITING, Job, State
from wherry.jobs.tables import jobs

# Unexpected failures in a row after which a job without a limit of its own has failed.
MAX_FAILURES = 10


@dataclass(frozen=True, slots=True)
class Look:
    """What a worker sees: is there anything to claim, and when is the next thing due if nothing is new?"""

    is_due: bool
    next_at: datetime | None


def look(tx: Connection, holder: str, free: Mapping[str, int], now: datetime) -> Look:
    """`free` says how many jobs of which kinds the worker has room for."""
    expired = select(jobs.c.id).where(IS_RUNNING, jobs.c.lease_until <= now).limit(1)
    is_due = tx.execute(expired).first() is not None or bool(_due(tx, free, now, size=1))
    next_run = select(func.min(jobs.c.run_at)).where(IS_WAITING, jobs.c.run_at > now)
    next_end = select(func.min(jobs.c.lease_until)).where(IS_RUNNING, jobs.c.holder != holder)
    moments = [tx.execute(query).scalar_one_or_none() for query in (next_run, next_end)]
    return Look(is_due, min((moment for moment in moments if moment is not None), default=None))


def claim(tx: Connection, holder: str, free: Mapping[str, int], now: datetime, lease: timedelta) -> list[Job]:
    """Take what is due, of each kind as many as there is room for, for as long as the lease lasts."""
    take_turn(tx, JOB_CLAIMS)
    _take_from_the_dead(tx, now)
    ids = _due(tx, free, now)
    if not ids:
        return []
    taken = {
        "state": State.RUNNING.value,
        "holder": holder,
        "lease_until": now + lease,
        "started_at": now,
        "attempts": jobs.c.attempts + 1,
        # Until the handler says otherwise: a worker that dies cannot count any more.
        "failures": jobs.c.failures + 1,
        "done": None,
        "total": None,
        "said": "",
    }
    tx.execute(update(jobs).where(jobs.c.id.in_(ids)).values(**taken))
    return [Job.of(row) for row in tx.execute(COLUMNS.where(jobs.c.id.in_(ids)).order_by(jobs.c.id))]


@dataclass(frozen=True, slots=True)
class Held:
    """The jobs that a worker holds still, and those among them that somebody wants cancelled."""

    ids: frozenset[int]
    cancelled: frozenset[int]


def renew(tx: Connection, holder: str, ids: Sequence[int], now: datetime, lease: timedelta) -> Held:
    """Hold for another lease those of `ids` that this worker holds still."""
    mine = and_(jobs.c.id.in_(ids), IS_RUNNING, jobs.c.holder == holder, jobs.c.lease_until > now)
    held = tx.execute(
        update(jobs).where(mine).values(lease_until=now + lease).returning(jobs.c.id, jobs.c.cancel_asked)
    ).all()
    return Held(frozenset(row[0] for row in held), frozenset(row[0] for row in held if row[1]))


def held_by(tx: Connection, holder: str, now: datetime) -> Held:
    """`renew` without renewing."""
    query = select(jobs.c.id, jobs.c.cancel_asked)
    held = tx.execute(query.where(IS_RUNNING, jobs.c.holder == holder, jobs.c.lease_until > now)).all()
    return Held(frozenset(row[0] for row in held), frozenset(row[0] for row in held if row[1]))


def give_back(tx: Connection, holder: str, now: datetime) -> int:
    """The worker stops: what it holds can be started at once, and the attempt does not count."""
    given = tx.execute(
        update(jobs)
        .where(IS_RUNNING, jobs.c.holder == holder)
        .values(**_released(now), attempts=jobs.c.attempts - 1, failures=jobs.c.failures - 1)
    ).rowcount
    if given:
        ring(tx)
    return given


def _take_from_the_dead(tx: Connection, now: datetime) -> None:
    """Whose worker says nothing any more waits again; who has brought down worker after worker has failed."""
    dead = and_(IS_RUNNING, jobs.c.lease_until <= now)
    limit = func.coalesce(jobs.c.max_attempts, MAX_FAILURES)
    problem = "its worker ended without a word"
    tx.execute(
        update(jobs)
        .where(dead, jobs.c.cancel_asked)
        .values(state=State.CANCELLED.value, finished_at=now, holder=None, lease_until=None)
    )
    tx.execute(
        update(jobs)
        .where(dead, jobs.c.failures >= limit)
        .values(state=State.FAILED.value, finished_at=now, holder=None, lease_until=None, problem=problem)
    )
    tx.execute(update(jobs).where(dead).values(**_released(now), problem=problem))


def _released(run_at: datetime) -> dict[str, Any]:
    # Another one with its unique name may wait by now.
    return {
        "state": State.WAITING.value,
        "holder": None,
        "lease_until": None,
        "run_at": run_at,
        "unique_name": None,
    }


def _due(tx: Connection, free: Mapping[str, int], now: datetime, size: int | None = None) -> list[int]:
    queries = [_due_of(kind, now, size or room) for kind, room in free.items() if room > 0]
    if not queries:
        return []
    found: list[int] = [row.id for row in tx.execute(union_all(*queries))]
    return found


def _due_of(kind: str, now: datetime, size: int) -> Select[tuple[int]]:
    """The first of their key, or without one. Each kind has a room of its own, so none starves another."""
    other = jobs.alias("other")
    same_key = exists().where(
        other.c.key == jobs.c.key,
        other.c.key != "",
        other.c.finished_at.is_(None),
        other.c.id != jobs.c.id,
        or_(other.c.id < jobs.c.id, other.c.state == State.RUNNING.value),
    )
    due = (
        select(jobs.c.id)
        .where(IS_WAITING, jobs.c.kind == kind, jobs.c.run_at <= now, or_(jobs.c.key == "", ~same_key))
        .order_by(jobs.c.run_at, jobs.c.id)
        .limit(size)
    )
    return select(due.subquery().c.id)
