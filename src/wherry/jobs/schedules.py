"""Jobs that a clock makes: times as cron writes them, in a time zone. One job a tick, over all replicas.

Ticks that were missed, because nothing ran, make one job together. Days with a change of the clocks are as in
Debian's cron: what would fall into the lost hour runs right after it, what falls into the doubled one once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, delete, func, select, update

from wherry.db.upserts import insert_new
from wherry.jobs.errors import InvalidSchedule
from wherry.jobs.queue import enqueue
from wherry.jobs.tables import job_schedules


@dataclass(frozen=True, slots=True)
class Schedule:
    """`times` are cron's five fields, such as `17 3 * * *`; `zone` such as `Europe/Berlin`.

    The job is of `kind`; while the one before waits or runs, the next waits for it.
    """

    name: str
    times: str
    kind: str
    zone: str = "UTC"
    payload: Mapping[str, object] = field(default_factory=dict)

    def next_after(self, moment: datetime) -> datetime:
        """The first tick later than `moment`. Raises `InvalidSchedule`."""
        from cronsim import CronSim, CronSimError

        if len(self.times.split()) != 5:
            raise InvalidSchedule(self.times, "five fields are needed: minute, hour, day, month, weekday")
        try:
            found = next(CronSim(self.times, moment.astimezone(ZoneInfo(self.zone))), None)
        except CronSimError as error:
            raise InvalidSchedule(self.times, str(error)) from error
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidSchedule(self.zone, "there is no such time zone") from error
        if found is None:
            raise InvalidSchedule(self.times, "no day fits it")
        return found.astimezone(UTC)

    @property
    def signature(self) -> str:
        """What has to stay the same for the next tick to stay the same."""
        return f"{self.times} {self.zone}"


def start_schedules(tx: Connection, schedules: Iterable[Schedule], now: datetime) -> None:
    """Note when each ticks next; one whose times have changed begins anew. Raises `InvalidSchedule`."""
    known = {row[0]: row[1] for row in tx.execute(select(job_schedules.c.name, job_schedules.c.times))}
    for schedule in schedules:
        if known.get(schedule.name) == schedule.signature:
            continue
        tx.execute(delete(job_schedules).where(job_schedules.c.name == schedule.name))
        row = {"name": schedule.name, "times": schedule.signature, "next_at": schedule.next_after(now)}
        insert_new(tx, job_schedules, row)


def next_tick(tx: Connection, schedules: Iterable[Schedule]) -> datetime | None:
    """When the first of them ticks."""
    names = [schedule.name for schedule in schedules]
    query = select(func.min(job_schedules.c.next_at)).where(job_schedules.c.name.in_(names))
    found: datetime | None = tx.execute(query).scalar_one_or_none()
    return found


def enqueue_scheduled(tx: Connection, schedules: Iterable[Schedule], now: datetime) -> int:
    """A job for each schedule that has ticked since it was looked at last; tells how many."""
    made = 0
    for schedule in schedules:
        ticked = tx.execute(
            update(job_schedules)
            .where(job_schedules.c.name == schedule.name, job_schedules.c.next_at <= now)
            .values(next_at=schedule.next_after(now))
        )
        if ticked.rowcount:
            name = f"schedule:{schedule.name}"
            enqueue(tx, schedule.kind, schedule.payload, now, key=name, unique=name)
            made += 1
    return made
