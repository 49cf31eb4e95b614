"""A job while it runs: what its handler sees of it."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from wherry.db.database import Database
from wherry.jobs.job import Job, State
from wherry.jobs.settling import finish, note_progress, require_held
from wherry.kit.clock import Clock

# Progress is for people; more often than this nobody sees a difference.
PROGRESS_EVERY_SECONDS = 0.5


class Running:
    """One attempt at a job. `attempt` counts from 1."""

    def __init__(self, job: Job, database: Database, clock: Clock) -> None:
        self.job = job
        self._database = database
        self._clock = clock
        self._is_cancelled = False
        self._is_finished = False
        self._told_at = 0.0

    @property
    def id(self) -> int:
        return self.job.id

    @property
    def kind(self) -> str:
        return self.job.kind

    @property
    def key(self) -> str:
        return self.job.key

    @property
    def payload(self) -> Mapping[str, Any]:
        return self.job.payload

    @property
    def attempt(self) -> int:
        return self.job.attempts

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody has cancelled the job; its handler then gets an `asyncio.CancelledError`."""
        return self._is_cancelled

    @property
    def is_finished(self) -> bool:
        """Whether the handler has said so itself, with `finish`."""
        return self._is_finished

    async def progress(self, done: int, total: int | None = None, text: str = "") -> None:
        """Let people see how far it is. Call it as often as you like; not every call is written."""
        now = time.monotonic()
        if now - self._told_at < PROGRESS_EVERY_SECONDS and done != total:
            return
        self._told_at = now
        await self._database.write(lambda tx: note_progress(tx, self.job, done, total, text), durable=False)

    def require_held(self, tx: Connection) -> None:
        """In a transaction of the handler: it counts only if the job is still this worker's.

        Raises `LeaseLost`, which undoes it: another worker may have the job, or has finished it.
        """
        require_held(tx, self.job)

    def finish(self, tx: Connection) -> None:
        """The job is done with this transaction: its last change and its end happen together, once.

        Raises `LeaseLost`. The handler then returns.
        """
        finish(tx, self.job, self._clock.now(), State.DONE)
        self._is_finished = True

    def note_cancelled(self) -> None:
        """Of the worker."""
        self._is_cancelled = True


Handler = Callable[[Running], Awaitable[None]]
