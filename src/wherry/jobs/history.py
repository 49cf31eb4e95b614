"""What is kept of jobs that have ended, for a while, and the figures of those that have not."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from wherry.jobs.job import IS_UNFINISHED
from wherry.jobs.tables import jobs


def forget_finished(tx: Connection, before: datetime, size: int = 1000) -> int:
    """Delete at most `size` of the jobs that ended before; tells how many."""
    old = select(jobs.c.id).where(jobs.c.finished_at < before).order_by(jobs.c.finished_at).limit(size)
    ids = [row[0] for row in tx.execute(old)]
    if ids:
        tx.execute(delete(jobs).where(jobs.c.id.in_(ids)))
    return len(ids)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the unfinished jobs of one kind in one state; `oldest_due` is when the first should have begun."""

    kind: str
    state: str
    count: int
    oldest_due: datetime


def figures(tx: Connection) -> list[Figures]:
    """One for each kind and state that there is."""
    query = select(jobs.c.kind, jobs.c.state, func.count(), func.min(jobs.c.run_at))
    query = query.where(IS_UNFINISHED).group_by(jobs.c.kind, jobs.c.state)
    return [Figures(*row) for row in tx.execute(query)]
