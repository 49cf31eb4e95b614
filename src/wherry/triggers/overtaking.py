"""Tells runs that follow a roll-out that a newer push has come; one question for all of them."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from functools import partial

from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.kit.clock import Clock
from wherry.triggers.runs import overtaken

logger = logging.getLogger(__name__)

EVERY = 0.1


class Overtaking:
    """Asks while there is somebody who wants to know. Belongs to one event loop."""

    def __init__(self, database: Database, clock: Clock, every: float = EVERY) -> None:
        self._database = database
        self._clock = clock
        self._every = every
        self._watched: dict[int, bool] = {}
        self._asking: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def watching(self, run: int) -> Iterator[Callable[[], bool]]:
        """Answers a function that tells whether the run is overtaken by now."""
        self._watched.setdefault(run, False)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="overtaken-runs")
        try:
            yield lambda: self._watched.get(run, False)
        finally:
            self._watched.pop(run, None)

    async def _ask(self) -> None:
        while self._watched:
            ids, now = tuple(self._watched), self._clock.now()
            try:
                for run in await self._database.read(partial(overtaken, run_ids=ids, now=now)):
                    if run in self._watched:
                        self._watched[run] = True
            except DatabaseError as error:
                logger.warning("cannot ask for newer runs: %s", error)
            await asyncio.sleep(self._every)
