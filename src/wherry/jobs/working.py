"""The worker: starts due jobs within milliseconds, a bounded number at once, and holds them while they run.

A handler is run at least once: it may be cut off at any point and run anew, here or in another process.
"""

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from wherry.db.bell import Bell
from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.jobs.claiming import Held, claim, give_back, held_by, look, renew
from wherry.jobs.errors import GiveUp, LeaseLost, Retry
from wherry.jobs.job import Job, State
from wherry.jobs.running import Handler, Running
from wherry.jobs.settling import finish, pause_after, run_again, run_again_after_failure
from wherry.kit.clock import Clock
from wherry.kit.ids import new_id

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=10)
# Of each kind; a kind whose jobs are slow takes no room from another.
ROOM = 32
# Without a ring, in case one was not heard.
LOOK_AT_LEAST_EVERY = timedelta(seconds=5)
# How long a handler may take to end after it was cut off.
PATIENCE = timedelta(seconds=5)

_TROUBLE = (DatabaseError, SQLAlchemyError)


class Observer(Protocol):
    """Told of each attempt, for the metrics."""

    def job_started(self, kind: str, waited: float) -> None:
        """`waited`: seconds from when it was due."""
        ...

    def job_ended(self, kind: str, result: str, seconds: float) -> None:
        """`result`: a `State`; `waiting` for one that will be tried again."""
        ...


@dataclass(slots=True, eq=False)
class _Attempt:
    """`work` is the handler, which can be cut off; `whole` also writes down what came of it, and cannot."""

    running: Running
    work: "asyncio.Task[None]"
    whole: "asyncio.Task[None]"


class Worker:
    """Runs jobs of the kinds that there are handlers for. Belongs to one event loop."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        handlers: Mapping[str, Handler],
        bell: Bell,
        *,
        lease: timedelta = LEASE,
        room: int = ROOM,
        rooms: Mapping[str, int] | None = None,
        observer: Observer | None = None,
        luck: Callable[[], float] = random.random,
    ) -> None:
        """`room`: how many jobs of one kind run at once here; `rooms` says it for single kinds."""
        self._database = database
        self._clock = clock
        self._handlers = dict(handlers)
        self._bell = bell
        self._ear = bell.ear()
        self._lease = lease
        self._rooms = {kind: (rooms or {}).get(kind, room) for kind in handlers}
        self._observer = observer
        self._luck = luck
        self._attempts: list[_Attempt] = []
        self._renewed_at = time.monotonic()
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{new_id()}"

    async def run(self) -> None:
        """Work until cancelled; then cut off what runs, and give it back so that it can go on elsewhere."""
        renewing = asyncio.create_task(self._renew_for_ever(), name="renew-job-leases")
        try:
            while True:
                self._ear.clear()
                pause = await self._turn()
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._ear.wait()
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await self._stop()

    async def run_due(self) -> int:
        """Run all that is due until nothing is, and wait for it; tells how many attempts that were."""
        count = 0
        while True:
            started = await self._start_due()
            count += started
            if not started and not self._attempts:
                return count
            await asyncio.gather(*[attempt.whole for attempt in self._attempts])

    async def _turn(self) -> float:
        """One look; how many seconds to wait for a ring."""
        longest = LOOK_AT_LEAST_EVERY.total_seconds()
        try:
            await self._look_after_running()
            if not self._handlers:
                return longest
            free = self._free()
            seen = await self._database.read(lambda tx: look(tx, self.holder, free, self._clock.now()))
            if seen.is_due:
                await self._start_due()
            if seen.next_at is None:
                return longest
            return min(longest, max(0.0, (seen.next_at - self._clock.now()).total_seconds()))
        except _TROUBLE as error:
            logger.warning("cannot look for jobs, trying again: %s", error)
            return 1.0

    def _free(self) -> dict[str, int]:
        free = dict(self._rooms)
        for attempt in self._attempts:
            free[attempt.running.kind] -= 1
        return free

    async def _start_due(self) -> int:
        if not self._attempts:
            self._renewed_at = time.monotonic()
        free = self._free()
        claimed = await self._database.write(
            lambda tx: claim(tx, self.holder, free, self._clock.now(), self._lease)
        )
        for job in claimed:
            # Its lease ran out before it could be renewed, and this same worker was the first to come by.
            former = [attempt for attempt in self._attempts if attempt.running.id == job.id]
            running = Running(job, self._database, self._clock)
            work = asyncio.create_task(self._handle(running, former), name=f"job-{job.id}-{job.kind}")
            whole = asyncio.create_task(self._attempt(running, work), name=f"attempt-{job.id}")
            self._attempts.append(_Attempt(running, work, whole))
        return len(claimed)

    async def _handle(self, running: Running, former: "list[_Attempt]") -> None:
        for attempt in former:
            attempt.work.cancel()
        if former:
            await asyncio.wait([attempt.whole for attempt in former])
        if running.job.cancel_asked:
            running.note_cancelled()
            raise asyncio.CancelledError
        await self._handlers[running.kind](running)

    async def _attempt(self, running: Running, work: "asyncio.Task[None]") -> None:
        job, began = running.job, time.monotonic()
        if self._observer is not None:
            self._observer.job_started(job.kind, max(0.0, (self._clock.now() - job.run_at).total_seconds()))
        try:
            settle = await self._outcome(running, work)
            if settle is None:
                return
            state = await self._database.write(settle)
            if self._observer is not None:
                self._observer.job_ended(job.kind, state.value, time.monotonic() - began)
        except LeaseLost as error:
            logger.warning("%s; its result does not count", error)
        except _TROUBLE as error:
            logger.warning("the result of job %d is not kept, it will run again: %s", job.id, error)
        finally:
            self._attempts = [attempt for attempt in self._attempts if attempt.running is not running]
            self._ear.set()

    async def _outcome(self, running: Running, work: "asyncio.Task[None]") -> "_Settle | None":
        """What the handler's end means for the job; nothing where it was cut off, and has not ended."""
        job, clock = running.job, self._clock
        try:
            await work
        except asyncio.CancelledError:
            if not running.is_cancelled:
                return None
            return lambda tx: _end(tx, job, clock, State.CANCELLED, "cancelled")
        except GiveUp as error:
            reason = error.reason
            logger.info("job %d (%s) failed for good: %s", job.id, job.kind, reason)
            return lambda tx: _end(tx, job, clock, State.FAILED, reason)
        except Retry as error:
            reason = error.reason
            pause = error.after if error.after is not None else pause_after(job.attempts, self._luck())
            return lambda tx: run_again(tx, job, clock.now() + pause, clock.now(), reason)
        except LeaseLost:
            raise
        except Exception as error:
            logger.exception("job %d (%s), attempt %d", job.id, job.kind, job.attempts)
            problem = f"{type(error).__name__}: {error}"
            pause = pause_after(job.attempts, self._luck())
            return lambda tx: run_again_after_failure(tx, job, clock.now() + pause, clock.now(), problem)
        # With `Running.finish` it is written already; if that was undone, the lease runs out.
        return (
            (lambda _tx: State.DONE)
            if running.is_finished
            else (lambda tx: _end(tx, job, clock, State.DONE, ""))
        )

    async def _renew_for_ever(self) -> None:
        """Hold what runs; where that fails for a whole lease, others may have it, and it is cut off here."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 4)
            if not self._attempts:
                continue
            asked_at = time.monotonic()
            try:
                await self._renew()
                self._renewed_at = asked_at
            except _TROUBLE as error:
                logger.warning("cannot renew the leases of running jobs: %s", error)
                if time.monotonic() - self._renewed_at >= self._lease.total_seconds():
                    for attempt in self._attempts:
                        attempt.work.cancel()

    async def _renew(self) -> None:
        asked = list(self._attempts)
        ids = [attempt.running.id for attempt in asked]
        held = await self._database.write(
            lambda tx: renew(tx, self.holder, ids, self._clock.now(), self._lease), durable=False
        )
        self._heed(asked, held)

    async def _look_after_running(self) -> None:
        asked = list(self._attempts)
        if asked:
            held = await self._database.read(lambda tx: held_by(tx, self.holder, self._clock.now()))
            self._heed(asked, held)

    def _heed(self, asked: "list[_Attempt]", held: Held) -> None:
        """Cut off what somebody has cancelled, and what is not this worker's any more."""
        for attempt in asked:
            job_id = attempt.running.id
            if job_id in held.cancelled:
                attempt.running.note_cancelled()
            if job_id in held.cancelled or job_id not in held.ids:
                attempt.work.cancel()

    async def _stop(self) -> None:
        attempts = self._attempts
        for attempt in attempts:
            attempt.work.cancel()
        if attempts:
            await asyncio.wait([attempt.whole for attempt in attempts], timeout=PATIENCE.total_seconds())
        with suppress(*_TROUBLE):
            await self._database.write(lambda tx: give_back(tx, self.holder, self._clock.now()))


_Settle = Callable[[Connection], State]


def _end(tx: Connection, job: Job, clock: Clock, state: State, problem: str) -> State:
    finish(tx, job, clock.now(), state, problem)
    return state
