"""A worker of a test, with its bell, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.databases import FixedClock
from wherry.db.bell import Bell
from wherry.db.database import Database
from wherry.jobs.running import Handler
from wherry.jobs.working import Worker

MakeWorker = Callable[..., Worker]


@pytest.fixture
async def bell(database: Database) -> AsyncIterator[Bell]:
    opened = Bell(database)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def make_worker(database: Database, clock: FixedClock, bell: Bell) -> MakeWorker:
    """`make_worker(kind=handler, …)`: a worker whose pauses after failures are the shortest."""

    def make(options: dict[str, Any] | None = None, **handlers: Handler) -> Worker:
        return Worker(database, clock, handlers, bell, luck=lambda: 0.0, **(options or {}))

    return make
