"""Jobs: how soon one starts after its commit, and how many that do nothing are done a second.

python -m bench.jobs            # SQLite, and PostgreSQL where it is installed
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from engines.servers.postgresql import postgresql
from wherry.db.bell import Bell
from wherry.db.database import Database
from wherry.jobs.job import State
from wherry.jobs.queue import enqueue, list_jobs
from wherry.jobs.running import Running
from wherry.jobs.working import Worker
from wherry.kit.clock import SystemClock
from wherry.migrations.upgrade import upgrade

SINGLE = 300
MANY = 3000


async def measure(url: str) -> str:
    """One line of figures."""
    upgrade(url)
    database, clock = Database(url), SystemClock()
    bell = Bell(database)
    await bell.open()
    committed: dict[int, float] = {}
    started: dict[int, float] = {}

    async def handle(running: Running) -> None:
        started[running.id] = time.perf_counter()

    working = asyncio.create_task(Worker(database, clock, {"nothing": handle}, bell).run())
    for _ in range(SINGLE):
        job_id = await database.write(lambda tx: enqueue(tx, "nothing", {}, clock.now()))
        committed[job_id] = time.perf_counter()
        await asyncio.sleep(0.02)
    await _until_idle(database)
    waits = sorted(max(0.0, started[job_id] - committed[job_id]) * 1000 for job_id in committed)
    began = time.perf_counter()
    await database.write(lambda tx: [enqueue(tx, "nothing", {}, clock.now()) for _ in range(MANY)])
    await _until_idle(database)
    rate = MANY / (time.perf_counter() - began)
    spent = time.process_time()
    await asyncio.sleep(5)
    idle = (time.process_time() - spent) / 5
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await bell.close()
    database.close()
    return (
        f"commit to start p50 {statistics.median(waits):.1f} ms, p99 {waits[int(len(waits) * 0.99)]:.1f} ms;"
        f" {rate:,.0f} jobs/s; idle {idle:.2%} of a core"
    )


async def _until_idle(database: Database) -> None:
    def unfinished(tx: object) -> bool:
        return bool(list_jobs(tx, states=[State.WAITING, State.RUNNING], size=1))  # type: ignore[arg-type]

    while True:
        if not await database.read(unfinished):
            return
        await asyncio.sleep(0.05)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print("SQLite:    ", asyncio.run(measure(f"sqlite:///{Path(folder) / 'wherry.db'}")))
    with postgresql() as server:
        print("PostgreSQL:", asyncio.run(measure(server.create_database("jobs"))))


if __name__ == "__main__":
    main()
