"""Users of a test, and what the hot path knows of them: the readers that a running server has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.databases import Do, FixedClock
from wherry.access.grants import grant
from wherry.access.levels import Level
from wherry.access.resources import Resource
from wherry.db.database import Database
from wherry.db.fresh_rows import FreshRows
from wherry.db.pull_reader import open_pull_reader
from wherry.identity.users import create_user

Later = Callable[..., Any]


def add_user(do: Do, clock: FixedClock, name: str, *, is_admin: bool = False) -> int:
    """The id of a new user."""
    return int(do(create_user, name, "hash", clock.now(), is_admin=is_admin).id)


def give(do: Do, clock: FixedClock, user_id: int, level: str, on: str) -> None:
    """`give(do, clock, ann, "write", "acme/web")`."""
    do(grant, user_id, Resource.parse(on), Level.parse(level), None, clock.now())


@asynccontextmanager
async def fresh_rows(database: Database) -> AsyncIterator[FreshRows]:
    """What a server reads on the hot path; of this event loop."""
    reader = await open_pull_reader(database)
    try:
        yield FreshRows(reader)
    finally:
        await reader.close()
