"""Registries to talk to."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.databases import FixedClock
from tests.web.running import Registry, registry_of
from wherry.settings import Settings

Serve = Callable[..., Awaitable[Registry]]


@pytest.fixture
async def serve(sqlite_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Serve]:
    """`await serve(sparse_manifests=…)`: a registry with these settings, on SQLite and files."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Registry:
            chosen = Settings(**{"data": tmp_path, "database_url": sqlite_url, **settings})
            return await stack.enter_async_context(registry_of(chosen, clock))

        yield start


@pytest.fixture
async def registry(serve: Serve) -> Registry:
    """With the settings that a user gets."""
    return await serve()


@pytest.fixture
async def registry_on_both(serve: Serve, database_url: str) -> Registry:
    """The same, once on each database."""
    return await serve(database_url=database_url)
