"""Windows by the clocks of a time zone, over the changes of the hour too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.triggers.windows import DAYS, Window, opens_at

WORK = Window(("mon", "tue", "wed", "thu", "fri"), "09:00", "17:00", "Europe/Berlin")
NIGHT = Window(DAYS, "22:00", "04:00", "Europe/Berlin")
GAP = Window(DAYS, "02:30", "03:30", "Europe/Berlin")


def at(text: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("window", "now", "opens"),
    [
        (WORK, "2026-03-16 10:00", "2026-03-16 10:00"),
        (WORK, "2026-03-16 08:59", "2026-03-16 09:00"),
        (WORK, "2026-03-16 17:00", "2026-03-17 09:00"),
        (WORK, "2026-03-13 18:00", "2026-03-16 09:00"),  # over the weekend
        (NIGHT, "2026-03-16 03:59", "2026-03-16 03:59"),
        (NIGHT, "2026-03-16 04:00", "2026-03-16 22:00"),
        # The clock goes from 02:00 to 03:00 on 2026-03-29.
        (GAP, "2026-03-29 00:00", "2026-03-29 03:00"),
        (GAP, "2026-03-28 00:00", "2026-03-28 02:30"),
        (WORK, "2026-03-27 18:00", "2026-03-30 09:00"),
        (Window(("sun",), "00:00", "24:00", "America/New_York"), "2026-03-16 12:00", "2026-03-22 05:00"),
    ],
)
def test_a_window_opens_by_the_local_clock(window: Window, now: str, opens: str) -> None:
    assert window.problems() == []
    assert opens_at([window], at(now)) == at(opens)


def test_of_an_hour_that_comes_twice_the_window_has_both() -> None:
    window = Window(DAYS, "02:00", "02:30", "Europe/Berlin")
    # On 2026-10-25 02:00 to 03:00 comes twice: in summer time (00:00 UTC), then in winter time (01:00 UTC).
    first = datetime(2026, 10, 25, 0, 10, tzinfo=UTC)
    second = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    assert opens_at([window], first) == first
    assert opens_at([window], second) == second
    assert opens_at([window], second + timedelta(minutes=30)) == datetime(2026, 10, 26, 1, 0, tzinfo=UTC)


def test_the_first_of_several_counts() -> None:
    assert opens_at([WORK, NIGHT], at("2026-03-16 18:00")) == at("2026-03-16 22:00")
    assert opens_at([], at("2026-03-16 18:00")) == at("2026-03-16 18:00")


@pytest.mark.parametrize(
    ("window", "says"),
    [
        (Window((), "09:00", "17:00"), "days"),
        (Window(("monday",), "09:00", "17:00"), "days"),
        (Window(DAYS, "9:00", "17:00"), "no time of day"),
        (Window(DAYS, "09:00", "24:01"), "no time of day"),
        (Window(DAYS, "09:61", "17:00"), "no time of day"),
        (Window(DAYS, "24:00", "17:00"), "before 24:00"),
        (Window(zone="Mars/Olympus"), "no time zone"),
        (Window(zone="../../etc/passwd"), "no time zone"),
    ],
)
def test_what_is_no_window_is_told(window: Window, says: str) -> None:
    assert says in " ".join(window.problems())


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
TIMES = st.builds(lambda hours, minutes: f"{hours:02}:{minutes:02}", st.integers(0, 23), st.integers(0, 59))
WINDOWS = st.builds(Window, st.sets(st.sampled_from(DAYS), min_size=1).map(tuple), TIMES, TIMES, ZONES)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(WINDOWS, MOMENTS)
def test_what_opens_stays_open_for_the_moment_and_never_in_the_past(window: Window, now: datetime) -> None:
    opens = opens_at([window], now)
    assert opens is not None
    assert opens >= now
    assert opens - now <= timedelta(days=9)
    assert opens_at([window], opens) == opens
