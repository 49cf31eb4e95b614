"""Schedules: one job a tick over all replicas, in the zone of the clock on the wall."""

from datetime import UTC, datetime

import pytest

from tests.databases import Do, FixedClock
from wherry.jobs.errors import InvalidSchedule
from wherry.jobs.queue import list_jobs
from wherry.jobs.schedules import Schedule, enqueue_scheduled, next_tick, start_schedules

HOURLY = Schedule("tidy", "23 * * * *", "jobs.tidy", payload={"how": "well"})


def test_a_tick_makes_one_job_however_many_look(do: Do, clock: FixedClock) -> None:
    do(start_schedules, [HOURLY], clock.now())
    assert do(enqueue_scheduled, [HOURLY], clock.now()) == 0
    assert do(next_tick, [HOURLY]) == datetime(2026, 3, 14, 15, 23, tzinfo=UTC)
    clock.move(minutes=20)
    assert [do(enqueue_scheduled, [HOURLY], clock.now()) for _ in range(3)] == [1, 0, 0]
    (job,) = do(list_jobs)
    assert (job.kind, job.payload, job.run_at) == ("jobs.tidy", {"how": "well"}, clock.now())


def test_missed_ticks_make_one_job(do: Do, clock: FixedClock) -> None:
    do(start_schedules, [HOURLY], clock.now())
    clock.move(days=3)
    do(start_schedules, [HOURLY], clock.now())  # a start after a long night
    assert do(enqueue_scheduled, [HOURLY], clock.now()) == 1
    assert do(enqueue_scheduled, [HOURLY], clock.now()) == 0


def test_other_times_begin_anew(do: Do, clock: FixedClock) -> None:
    do(start_schedules, [HOURLY], clock.now())
    clock.move(days=3)
    daily = Schedule("tidy", "0 3 * * *", "jobs.tidy")
    do(start_schedules, [daily], clock.now())
    assert do(enqueue_scheduled, [daily], clock.now()) == 0


def test_times_are_those_of_the_zone_also_when_its_clocks_change() -> None:
    early = Schedule("x", "30 2 * * *", "x", zone="Europe/Berlin")
    assert early.next_after(datetime(2026, 3, 28, tzinfo=UTC)) == datetime(2026, 3, 28, 1, 30, tzinfo=UTC)
    # On the 29th of March there is no half past two in Berlin: it runs as soon as the hour is over.
    assert early.next_after(datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("times", "zone"),
    [
        ("* * * *", "UTC"),
        ("61 * * * *", "UTC"),
        ("0 0 30 2 *", "UTC"),
        ("* * * * * *", "UTC"),
        ("0 3 * * *", "Moon"),
    ],
)
def test_what_is_no_schedule_is_refused(times: str, zone: str) -> None:
    with pytest.raises(InvalidSchedule):
        Schedule("x", times, "x", zone=zone).next_after(datetime(2026, 3, 28, tzinfo=UTC))
