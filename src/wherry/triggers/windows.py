"""Hours in which workloads may be changed, by the clocks of a time zone, over its changes of the hour too."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from wherry.clusters.workloads.forms import at

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to `end` on `days`, such as 09:00 to 17:00; an `end` that is not later is the next day's.

    `zone` is a name of the IANA database. A time that a clock skips counts as when the clock goes on; of one
    that comes twice, a window starts at the first and ends at the second.
    """

    days: tuple[str, ...] = at("days", DAYS)
    start: str = at("from", "00:00")
    end: str = at("to", "24:00")
    zone: str = at("zone", "UTC")

    def problems(self) -> list[str]:
        """What is wrong with it, in sentences."""
        found = []
        if not self.days or not set(self.days) <= set(DAYS):
            found.append(f"the days of a window are some of {', '.join(DAYS)}")
        found += [
            f"{text[:20]!r} is no time of day such as 09:00"
            for text in (self.start, self.end)
            if _minutes(text) is None
        ]
        if _minutes(self.start) == 24 * 60:
            found.append("a window starts before 24:00")
        try:
            zone_of(self.zone)
        except ValueError as error:
            found.append(str(error))
        return found

    def __str__(self) -> str:
        days = "every day" if set(self.days) == set(DAYS) else ", ".join(self.days)
        return f"{self.start} to {self.end} {days} ({self.zone})"


def opens_at(windows: Sequence[Window], now: datetime) -> datetime | None:
    """When a change may be made: `now` within a window, else when the next one opens. None: never."""
    if not windows:
        return now
    openings = [opening for window in windows if (opening := _next(window, now)) is not None]
    return min(openings, default=None)


def zone_of(name: str) -> ZoneInfo:
    """Raises `ValueError` for a name that there is not."""
    try:
        return _zone(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name[:60]!r} is no time zone such as Europe/Berlin") from None


@lru_cache(maxsize=600)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _next(window: Window, now: datetime) -> datetime | None:
    zone = zone_of(window.zone)
    today = now.astimezone(zone).date()
    # Yesterday's may still be open; within nine days every day of the week has come.
    for count in range(-1, 9):
        day = today + count * _DAY
        if DAYS[day.weekday()] not in window.days:
            continue
        begins, ends = _span(window, day, zone)
        if ends > now and ends > begins:
            return max(begins, now)
    return None


def _span(window: Window, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start, end = _minutes(window.start) or 0, _minutes(window.end) or 0
    last = day if end > start else day + _DAY
    return _moment(day, start, zone, fold=0), _moment(last, end, zone, fold=1)


def _moment(day: date, minutes: int, zone: ZoneInfo, fold: int) -> datetime:
    day, minutes = day + minutes // (24 * 60) * _DAY, minutes % (24 * 60)
    local = datetime.combine(day, time(minutes // 60, minutes % 60, fold=fold), zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return moment
    # The clock skips this time: it counts as the moment of the skip.
    return _end_of_gap(moment, zone)


def _end_of_gap(moment: datetime, zone: ZoneInfo) -> datetime:
    """The first minute after the change of the hour that is nearest to `moment`."""
    low, high = moment - timedelta(hours=4), moment + timedelta(hours=4)
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def _minutes(text: str) -> int | None:
    """Since midnight."""
    hours, colon, minutes = text.partition(":")
    if not (colon and len(text) == 5 and hours.isdigit() and minutes.isdigit() and text.isascii()):
        return None
    count = int(hours) * 60 + int(minutes)
    return count if int(minutes) < 60 and count <= 24 * 60 else None
