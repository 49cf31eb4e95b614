"""A mirror of one kind of object in one cluster: listed once, then followed by a watch while it runs.

It keeps what `project` makes of an object, not the object: a cluster's pods as JSON would fill the memory.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Generic, TypeVar

from wherry.clusters.connection import EVERYTHING, Change, ClusterConnection, Selection
from wherry.clusters.errors import ClusterError, WatchExpired
from wherry.clusters.kinds import Kind, Object, name_of, namespace_of
from wherry.kit.clock import Clock

T = TypeVar("T")
Key = tuple[str, str]
Sleep = Callable[[float], Awaitable[None]]

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


class Mirror(Generic[T]):
    """`changed` is called after each change, with the key, or with None when everything may be different."""

    def __init__(
        self,
        connection: ClusterConnection,
        kind: Kind,
        project: Callable[[Object], T],
        clock: Clock,
        *,
        which: Selection = EVERYTHING,
        changed: Callable[[Key | None], None] = lambda _key: None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.kind = kind
        self._connection = connection
        self._which = which
        self._project = project
        self._clock = clock
        self._changed = changed
        self._sleep = sleep
        self._items: dict[Key, T] = {}
        self._version = ""
        self._stale_since: datetime | None = clock.now()
        self._problem: str | None = None
        self.lists = 0

    @property
    def items(self) -> Mapping[Key, T]:
        """By namespace and name; what was last seen, also while it is stale."""
        return self._items

    @property
    def stale_since(self) -> datetime | None:
        """None while what is here is what is there."""
        return self._stale_since

    @property
    def problem(self) -> str | None:
        """Why it is stale, in words."""
        return self._problem

    @property
    def was_synced(self) -> bool:
        """Whether there ever was a whole list."""
        return self.lists > 0

    async def run(self) -> None:
        """Until cancelled. Whatever fails is tried again, after pauses that grow to half a minute."""
        pause = FIRST_PAUSE
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._follow()
                pause = FIRST_PAUSE
            except WatchExpired:
                # Nothing is known to be wrong: what was missed comes with the next list.
                self._version = ""
                await self._sleep(random.uniform(0, FIRST_PAUSE))  # noqa: S311 (spreads, hides nothing)
            except ClusterError as error:
                self._becomes_stale(str(error))
                # Listed anew afterwards: a watch says nothing of being well again before it has news.
                self._version = ""
                await self._sleep(pause * random.uniform(0.5, 1))  # noqa: S311
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _list(self) -> None:
        found: dict[Key, T] = {}
        version = ""
        async for page in self._connection.list(self.kind, self._which):
            if self.lists == 0 or version:
                await asyncio.sleep(0)  # a large list must not hold up the loop
            version = page.resource_version
            for item in page.items:
                found[_key(item)] = self._project(item)
        self._items = found
        self._version = version
        self.lists += 1
        self._is_fresh()
        self._changed(None)

    async def _follow(self) -> None:
        events = self._connection.watch(self.kind, self._version, self._which)
        async for event in events:
            self._version = event.resource_version
            self._is_fresh()
            if event.change is Change.BOOKMARK:
                continue
            key = _key(event.object)
            if event.change is Change.DELETED:
                self._items.pop(key, None)
            else:
                self._items[key] = self._project(event.object)
            self._changed(key)

    def _is_fresh(self) -> None:
        self._stale_since = self._problem = None

    def _becomes_stale(self, problem: str) -> None:
        self._problem = problem
        if self._stale_since is None:
            self._stale_since = self._clock.now()
            self._changed(None)


def _key(item: Object) -> Key:
    return (namespace_of(item) or "", name_of(item))
