"""A process of its own that runs jobs until it is killed: `python -m tests.jobs.process URL`."""

import asyncio
import sys
from datetime import timedelta

from sqlalchemy import Connection

from wherry.db.bell import Bell
from wherry.db.database import Database
from wherry.events.outbox import Event, append
from wherry.jobs.running import Running
from wherry.jobs.working import Worker
from wherry.kit.clock import SystemClock


async def main(url: str) -> None:
    database, clock = Database(url), SystemClock()
    bell = Bell(database)
    await bell.open()

    async def handle(running: Running) -> None:
        await asyncio.sleep(0.01)

        def work(tx: Connection) -> None:
            append(tx, Event("test.result", running.key, {"job": running.id}), clock.now())
            running.finish(tx)

        await database.write(work)

    worker = Worker(database, clock, {"count": handle}, bell, lease=timedelta(seconds=0.5), room=8)
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
