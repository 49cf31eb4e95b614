"""A run while a worker holds its job: what it notes, and how it ends. Without the job none of it counts."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from wherry.db.database import Database
from wherry.jobs.running import Running
from wherry.kit.clock import Clock
from wherry.triggers.gates import said
from wherry.triggers.runs import Run, State, end_run, is_overtaken, note_run, wait_until
from wherry.triggers.workloads import Planned

# A cluster that is away is asked again after pauses that double from the first to the longest.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=1)


class HeldRun:
    """Each method is a transaction; all raise `LeaseLost`, and change nothing, when another worker has it."""

    def __init__(self, database: Database, clock: Clock, running: Running, run: Run) -> None:
        self.run = run
        self._database = database
        self._clock = clock
        self._running = running

    async def intend(self, planned: list[Planned]) -> bool:
        """Write down what will be set; False where a newer push is ready by now, and this run is over."""
        document = {one.plan.key: one.plan.to_json() for one in planned if one.plan.changes}

        def work(tx: Connection) -> bool:
            self._running.require_held(tx)
            now = self._clock.now()
            if is_overtaken(tx, self.run, now):
                detail = "a newer push came before this one was applied"
                end_run(tx, self.run, State.SUPERSEDED, detail, now)
                self._running.finish(tx)
                return False
            note_run(tx, self.run, changes={"workloads": document})
            return True

        return await self._database.write(work)

    async def note(self, *, durable: bool = False, **values: Any) -> None:
        """As `note_run`; the cluster has answered."""

        def work(tx: Connection) -> None:
            self._running.require_held(tx)
            note_run(tx, self.run, unreachable_since=None, **values)

        await self._database.write(work, durable=durable)

    async def end(self, state: State, detail: str) -> None:
        """The run and its job are over."""

        def work(tx: Connection) -> None:
            self._running.require_held(tx)
            end_run(tx, self.run, state, detail, self._clock.now())
            self._running.finish(tx)

        await self._database.write(work)

    async def wait_for_cluster(self, why: str, patience: float) -> None:
        """It is tried again after a pause; it has failed where that went on for `patience` seconds.

        Where a newer push came meanwhile that one goes on, and this is over.
        """
        run, now = self.run, self._clock.now()
        since = run.unreachable_since or now
        if now - since >= timedelta(seconds=patience):
            await self.end(State.FAILED, f"{why}; that since {said(since)}")
            return
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(run.attempts, 10))
        when = now + pause

        def work(tx: Connection) -> None:
            self._running.require_held(tx)
            if is_overtaken(tx, run, now):
                end_run(tx, run, State.SUPERSEDED, f"{why}; a newer push came meanwhile", now)
            else:
                wait_until(tx, run, when, f"{why}; tried again at {said(when)}", now)
            self._running.finish(tx)

        await self._database.write(work)
