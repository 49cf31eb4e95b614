"""Registries to talk to."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.databases import FixedClock
from tests.web.running import Registry, make_users, registry_of
from wherry.settings import Settings

Serve = Callable[..., Awaitable[Registry]]


@pytest.fixture(scope="session")
def _filled(_migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as the first start leaves it; copied for each test, which is quicker than made anew."""
    data = tmp_path_factory.mktemp("filled")
    shutil.copy(_migrated_sqlite, data / "wherry.db")
    make_users(Settings(data=data), FixedClock())
    return data


@pytest.fixture
async def serve(_filled: Path, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Serve]:
    """`await serve(sparse_manifests=…)`: a registry with these settings, on SQLite and files."""
    shutil.copytree(_filled, tmp_path, dirs_exist_ok=True)
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Registry:
            chosen = Settings(**{"data": tmp_path, **settings})
            if chosen.database_url is not None:
                make_users(chosen, clock)
            return await stack.enter_async_context(registry_of(chosen, clock))

        yield start


@pytest.fixture
async def registry(serve: Serve) -> Registry:
    """With the settings that a user gets."""
    return await serve()


@pytest.fixture
async def registry_on_both(serve: Serve, other_database: dict[str, str]) -> Registry:
    """The same, once on each database."""
    return await serve(**other_database)


@pytest.fixture
def other_database(kind: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """The setting that names the database, once for each kind."""
    return {} if kind == "sqlite" else {"database_url": request.getfixturevalue("postgresql_url")}
