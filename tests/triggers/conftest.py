"""The world of a trigger's test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.databases import Do, FixedClock
from tests.triggers.world import World, world
from wherry.db.database import Database


@pytest.fixture
async def site(database: Database, do: Do, clock: FixedClock) -> AsyncIterator[World]:
    async with world(database, do, clock) as made:
        yield made
