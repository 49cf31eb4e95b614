"""What the cluster tells of a workload and of what it has made: its events, the newest first."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from wherry.clusters.connection import ClusterConnection, Selection, list_all
from wherry.clusters.kinds import EVENT, Kind, Object

MAX_EVENTS = 200
MAX_WORDS = 1000
# What controllers put behind a name: a template's hash, a number, five random characters, or two of them.
_MADE_OF_IT = r"(?:-[a-z0-9]{1,11}){0,3}"
_MADE = frozenset({"Pod", "ReplicaSet", "Job", "PersistentVolumeClaim"})


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """The same thing said `count` times; `first` and `last` are times in RFC 3339, empty where unsaid."""

    kind: str
    name: str
    reason: str
    message: str
    is_warning: bool
    count: int
    first: str
    last: str
    source: str


async def list_events(
    connection: ClusterConnection, kind: Kind, name: str, namespace: str, *, pods: Iterable[str] | None = None
) -> tuple[SeenEvent, ...]:
    """Of the workload, and of what was made for it, by their names; with `pods` of these pods only.

    The newest first, at most `MAX_EVENTS`. Clusters keep events for about an hour.
    """
    known = None if pods is None else frozenset(pods)
    found = await list_all(connection, EVENT, Selection(namespace))
    return gathered(one for one in found if _concerns(one, kind, name, known))


def gathered(events: Iterable[Object]) -> tuple[SeenEvent, ...]:
    """Pure. What is said of one object in the same words is one, with a count."""
    found: dict[tuple[str, str, str, str], SeenEvent] = {}
    for one in events:
        seen = see_event(one)
        key = (seen.kind, seen.name, seen.reason, seen.message)
        known = found.get(key)
        found[key] = seen if known is None else _both(known, seen)
    newest = sorted(found.values(), key=lambda one: (one.last, one.name, one.reason), reverse=True)
    return tuple(newest[:MAX_EVENTS])


def see_event(live: Object) -> SeenEvent:
    """Of a core/v1 Event, written by the old way of telling (`count`) or by the new (`series`)."""
    about = live.get("involvedObject") or {}
    series = live.get("series") or {}
    made = str(live["metadata"].get("creationTimestamp") or "")
    at = str(live.get("eventTime") or "")
    first = str(live.get("firstTimestamp") or at or made)
    last = str(series.get("lastObservedTime") or live.get("lastTimestamp") or at or made)
    source = live.get("reportingComponent") or (live.get("source") or {}).get("component") or ""
    return SeenEvent(
        kind=str(about.get("kind", "")),
        name=str(about.get("name", "")),
        reason=str(live.get("reason") or ""),
        message=str(live.get("message") or "")[:MAX_WORDS],
        is_warning=live.get("type") == "Warning",
        count=int(series.get("count") or live.get("count") or 1),
        first=_whole_seconds(first),
        last=_whole_seconds(last),
        source=str(source),
    )


def _concerns(event: Object, kind: Kind, name: str, pods: frozenset[str] | None) -> bool:
    about = event.get("involvedObject") or {}
    if about.get("kind") == str(kind):
        return about.get("name") == name
    if about.get("kind") not in _MADE:
        return False
    said = str(about.get("name", ""))
    if about.get("kind") == "Pod" and pods is not None:
        return said in pods
    return re.fullmatch(re.escape(name) + _MADE_OF_IT, said) is not None


def _both(one: SeenEvent, other: SeenEvent) -> SeenEvent:
    return SeenEvent(
        one.kind,
        one.name,
        one.reason,
        one.message,
        one.is_warning or other.is_warning,
        one.count + other.count,
        min(one.first, other.first),
        max(one.last, other.last),
        one.source or other.source,
    )


def _whole_seconds(text: str) -> str:
    """`eventTime` has microseconds, the others have none: cut, so that texts compare as times."""
    return re.sub(r"\.\d+", "", text)
