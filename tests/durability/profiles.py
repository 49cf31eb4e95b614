"""The runs that there are: by kill or power cut, on SQLite or PostgreSQL, with one worker or several."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import psycopg

from engines.servers import PostgreSQL, postgresql
from tests.durability.crash import Result, Run, Setup
from tests.durability.kill import Kill, KillWorkers
from tests.durability.power import PowerCut

Say = Callable[[str], None]


class Profile(Protocol):
    def __call__(
        self,
        folder: Path,
        seed: int,
        crashes: int,
        *,
        workers: int | None = None,
        in_postgresql: bool = False,
        say: Say = ...,
    ) -> Coroutine[Any, Any, Result]: ...


def silent(text: str) -> None:
    """Say nothing."""


async def kills(
    folder: Path,
    seed: int,
    crashes: int,
    *,
    workers: int | None = None,
    in_postgresql: bool = False,
    say: Say = silent,
) -> Result:
    """Crash by SIGKILL."""
    if not in_postgresql:
        return await Run(Kill(folder), seed, Setup(workers=workers), say).run(crashes)
    with ExitStack() as stack:
        server = stack.enter_context(postgresql())
        databases: dict[int, str] = {}

        def settings(lifetime: int) -> dict[str, str]:
            if lifetime not in databases:
                databases[lifetime] = server.create_database(f"lifetime{lifetime}")
            return {"WHERRY_DATABASE_URL": databases[lifetime]}

        crash = Kill(folder, settled=lambda: _wait_until_alone(server))
        setup = Setup(workers=workers, settings=settings, database_in_folder=False)
        return await Run(crash, seed, setup, say).run(crashes)


def _wait_until_alone(server: PostgreSQL) -> None:
    """A transaction whose client was killed may still be on its way to its commit."""
    deadline = time.monotonic() + 10
    with psycopg.connect(
        f"postgresql://{server.username}:{server.password}@127.0.0.1:{server.port}/postgres"
    ) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'lifetime%'"
        while connection.execute(query).fetchone() != (0,):
            connection.rollback()
            if time.monotonic() > deadline:
                raise AssertionError("PostgreSQL keeps connections of a server that was killed")
            time.sleep(0.01)


async def worker_kills(
    folder: Path,
    seed: int,
    crashes: int,
    *,
    workers: int | None = None,
    in_postgresql: bool = False,
    say: Say = silent,
) -> Result:
    """Kill the workers and leave the parent alive."""
    return await Run(KillWorkers(folder), seed, Setup(workers=workers), say).run(crashes)


async def power_cuts(
    folder: Path,
    seed: int,
    crashes: int,
    *,
    workers: int | None = None,
    in_postgresql: bool = False,
    say: Say = silent,
) -> Result:
    """Crash by taking the file system away with all that was not synced."""
    with PowerCut(folder) as crash:
        return await Run(crash, seed, Setup(workers=workers), say, per_folder=10).run(crashes)


PROFILES: dict[str, Profile] = {"kills": kills, "worker kills": worker_kills, "power cuts": power_cuts}
