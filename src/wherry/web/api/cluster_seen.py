"""Lists of what a watch has seen: no call to the cluster, and since when they may be old."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import Field
from starlette.responses import Response

from wherry.clusters.watching.cluster_watch import ClusterWatch
from wherry.clusters.watching.mirror import Mirror
from wherry.web.api.call import Call
from wherry.web.api.documents import PageDocument, cursor_after, key_of
from wherry.web.api.problems import Problem

T = TypeVar("T")
D = TypeVar("D")

# `cluster_not_seen`: registered a moment ago, or never reached.
NOT_SEEN = (503,)


class SeenPageDocument(PageDocument[T], Generic[T]):
    """A page of what was last seen of a cluster."""

    stale_since: datetime | None = Field(description="Since when it may be old; null: this is how it is.")
    problem: str | None = Field(description="Why it may be old, in words.")


@dataclass(frozen=True, slots=True)
class Freshness:
    """Of what is shown; `problem` is the cluster's own word."""

    stale_since: datetime | None
    problem: str | None


def seen(call: Call, *mirrors: Callable[[ClusterWatch], Sequence[Mirror[Any]]]) -> ClusterWatch:
    """The watch of the cluster of the path, once it has a list. Raises `Problem`."""
    watch = call.services.clusters.watch_of(call.cluster)
    wanted = [] if watch is None else [mirror for of in mirrors for mirror in of(watch)]
    if watch is None or not any(mirror.was_synced for mirror in wanted):
        why = freshness(wanted).problem or "it was registered a moment ago"
        since = "" if watch is None else f" since {_written(freshness(wanted).stale_since)}"
        message = f"nothing was seen of the cluster {call.cluster.name} yet{since}: {why}"
        raise Problem(503, "cluster_not_seen", message, headers={"retry-after": "5"})
    return watch


def freshness(mirrors: Sequence[Mirror[Any]]) -> Freshness:
    """The longest time, and the first reason."""
    since = [mirror.stale_since for mirror in mirrors if mirror.stale_since is not None]
    problems = [mirror.problem for mirror in mirrors if mirror.problem is not None]
    return Freshness(min(since, default=None), next(iter(problems), None))


def seen_page(
    call: Call,
    mirrors: Sequence[Mirror[Any]],
    items: Sequence[T],
    show: Callable[[T], D],
    key: Callable[[T], str],
    limit: int,
    cursor: str | None,
) -> Response:
    """The page behind `cursor` of `items`, which are in the order of their keys."""
    after = key_of(cursor)
    found = [one for one in items if key(one) > after]
    how = freshness(mirrors)
    page = SeenPageDocument(
        items=[show(one) for one in found[:limit]],
        next=cursor_after(key(found[limit - 1])) if len(found) > limit else None,
        stale_since=how.stale_since,
        problem=how.problem,
    )
    return call.page(page)


def _written(moment: datetime | None) -> str:
    return "a moment ago" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")
