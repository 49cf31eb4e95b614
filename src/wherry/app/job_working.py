"""Durable jobs in each server process: which handlers there are, and what a clock starts."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from wherry.app.event_dispatch import Dispatcher, prepare, reactions_of
from wherry.app.webhook_telling import open_deliver
from wherry.blobs.store import BlobReader
from wherry.db.bell import Bell
from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.events.dispatch import forget_old
from wherry.jobs.history import forget_finished
from wherry.jobs.running import Handler, Running
from wherry.jobs.schedules import Schedule, enqueue_scheduled, next_tick, start_schedules
from wherry.jobs.working import Observer, Worker
from wherry.kit.clock import Clock
from wherry.observability import Metrics
from wherry.settings import Settings
from wherry.triggers.perform import Performer
from wherry.webhooks.deliveries import JOB as DELIVER_WEBHOOK

logger = logging.getLogger(__name__)

LOOK_AT_LEAST_EVERY = timedelta(seconds=60)
AGAIN_AFTER = timedelta(seconds=5)

TIDY = "jobs.tidy"
SCHEDULES: tuple[Schedule, ...] = (Schedule("tidy", "23 * * * *", TIDY),)


def handlers_of(
    settings: Settings, database: Database, clock: Clock, performer: Performer
) -> Mapping[str, Handler]:
    """Who does the work, by kind of job."""
    return {
        **performer.handlers,
        DELIVER_WEBHOOK: open_deliver(settings, database, clock),
        TIDY: Tidying(database, clock, settings.jobs.keep_finished, settings.jobs.keep_events).run,
    }


class Tidying:
    """Forgets what nobody looks at any more."""

    def __init__(
        self, database: Database, clock: Clock, keep_finished: timedelta, keep_events: timedelta
    ) -> None:
        self._database = database
        self._clock = clock
        self._keep_finished = keep_finished
        self._keep_events = keep_events

    async def run(self, _running: Running) -> None:
        jobs_before = self._clock.now() - self._keep_finished
        events_before = self._clock.now() - self._keep_events
        while await self._database.write(lambda tx: forget_finished(tx, jobs_before), durable=False):
            pass
        while await self._database.write(lambda tx: forget_old(tx, events_before), durable=False):
            pass


class Work:
    """All that is done behind the requests' backs: dispatching, jobs, schedules."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        *,
        handlers: Mapping[str, Handler],
        dispatcher: Dispatcher,
        bell: Bell,
        observer: Observer | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._bell = bell
        self._dispatcher = dispatcher
        self._worker = Worker(
            database,
            clock,
            handlers,
            bell,
            lease=settings.jobs.lease,
            room=settings.jobs.room,
            observer=observer,
        )

    async def run(self) -> None:
        """Until cancelled; then running jobs are given back, to go on at the next start."""
        await self._bell.open()
        chores = [
            asyncio.create_task(self._dispatcher.run(), name="dispatch-events"),
            asyncio.create_task(self._worker.run(), name="run-jobs"),
            asyncio.create_task(tick_for_ever(self._database, self._clock, SCHEDULES), name="tick"),
        ]
        try:
            await asyncio.gather(*chores)
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            await self._bell.close()


def open_work(
    settings: Settings,
    database: Database,
    store: BlobReader,
    clock: Clock,
    performer: Performer,
    metrics: Metrics,
) -> Work:
    """Begins once it runs."""
    bell = Bell(database)
    return Work(
        settings,
        database,
        clock,
        handlers=handlers_of(settings, database, clock, performer),
        dispatcher=Dispatcher(
            database,
            clock,
            bell,
            reactions_of(settings, clock),
            metrics.reaction_failed,
            prepare=partial(prepare, database, store),
        ),
        bell=bell,
        observer=metrics,
    )


async def tick_for_ever(database: Database, clock: Clock, schedules: tuple[Schedule, ...]) -> None:
    """Enqueue what is scheduled, until cancelled."""
    is_started = False
    while True:
        pause = LOOK_AT_LEAST_EVERY
        try:
            if not is_started:
                await database.write(lambda tx: start_schedules(tx, schedules, clock.now()), durable=False)
                is_started = True
            moment = await database.read(lambda tx: next_tick(tx, schedules))
            if moment is not None and moment <= clock.now():
                await database.write(lambda tx: enqueue_scheduled(tx, schedules, clock.now()))
            elif moment is not None:
                pause = min(pause, moment - clock.now())
        except (DatabaseError, SQLAlchemyError) as error:
            logger.warning("could not look at the schedules, trying again: %s", error)
            pause = AGAIN_AFTER
        await asyncio.sleep(pause.total_seconds())
