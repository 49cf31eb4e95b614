"""The jobs of runs: hand a run to what wakes, begins, deploys or commits it, and end what went wrong.

Every step may be broken off and done again, and counts only while the job is held.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy import Connection

from wherry.clusters.errors import (
    ApplyConflict,
    ClusterError,
    ClusterLoginFailed,
    ClusterUnreachable,
    ObjectUnknown,
)
from wherry.clusters.keeping import Connect, Registry
from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.jobs.errors import JobError
from wherry.jobs.running import Handler, Running
from wherry.kit.clock import Clock
from wherry.kit.secrets import Sealer
from wherry.triggers.at_cluster import AtCluster
from wherry.triggers.begin import Begun, begin
from wherry.triggers.connections import Connections
from wherry.triggers.deploy import deploy
from wherry.triggers.held_run import HeldRun
from wherry.triggers.overtaking import Overtaking
from wherry.triggers.plan import CannotUpdate, NothingToDo
from wherry.triggers.rollout import PACE, Pace
from wherry.triggers.runs import RUN, WAKE, Run, State
from wherry.triggers.trigger import Trigger
from wherry.triggers.wake import wake

logger = logging.getLogger(__name__)

# After so many unexpected failures of ours a run has failed.
MAX_ATTEMPTS = 5

# Commits an image to a Git repository; answers what was done, in words. Raises `NothingToDo` or
# `CannotUpdate` with the reason, and `ClusterUnreachable` where it should be tried again.
Commit = Callable[[Run, Trigger], Awaitable[str]]


class Performer:
    """Handlers for the jobs of runs. Belongs to one event loop; close it at the end."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        clock: Clock,
        connect: Connect,
        registry: Registry,
        *,
        commit: Commit | None = None,
        pace: Pace = PACE,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._registry = registry
        self._commit = commit
        self._pace = pace
        self._connections = Connections(connect)
        self._overtaking = Overtaking(database, clock)

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """By kind of job."""
        return {RUN: self.run, WAKE: self.wake}

    async def close(self) -> None:
        """Ends the connections to clusters."""
        await self._connections.close()

    async def wake(self, running: Running) -> None:
        """What held a run up is over."""

        def work(tx: Connection) -> None:
            running.require_held(tx)
            wake(tx, int(running.payload["run"]), self._clock.now())
            running.finish(tx)

        await self._database.write(work)

    async def run(self, running: Running) -> None:
        """One run, from where it is."""
        begun = await self._database.write(lambda tx: self._begin(tx, running), durable=False)
        if begun is None:
            return
        held = HeldRun(self._database, self._clock, running, begun.run)
        try:
            await self._go(begun, held)
        except (ClusterUnreachable, ClusterLoginFailed) as error:
            await held.wait_for_cluster(str(error), begun.trigger.options.patience)
        except ObjectUnknown as error:
            await held.end(State.FAILED, f"it is not there any more: {error}")
        except ApplyConflict as error:
            await held.end(State.FAILED, f"{error}; takeOver allows to take it")
        except (CannotUpdate, ClusterError) as error:
            await held.end(State.FAILED, str(error))
        except (JobError, DatabaseError):
            raise
        except Exception:
            if running.attempt < MAX_ATTEMPTS:
                raise
            logger.exception("run %d of the trigger %s failed", begun.run.id, begun.trigger.name)
            await held.end(State.FAILED, "the server failed; its log tells more")

    def _begin(self, tx: Connection, running: Running) -> Begun | None:
        running.require_held(tx)
        begun = begin(tx, self._sealer, int(running.payload["run"]), self._clock.now())
        if begun is None:
            running.finish(tx)
        return begun

    async def _go(self, begun: Begun, held: HeldRun) -> None:
        if begun.cluster is None or begun.login is None:
            await self._commit_to_git(begun, held)
            return
        async with self._connections.use(begun.cluster, begun.login) as connection:
            at = AtCluster(begun, held, connection, self._clock, self._overtaking, self._pace)
            await deploy(at, self._registry)

    async def _commit_to_git(self, begun: Begun, held: HeldRun) -> None:
        if self._commit is None:
            raise CannotUpdate("this server does not commit to Git repositories")
        try:
            done = await self._commit(begun.run, begun.trigger)
        except NothingToDo as error:
            await held.end(State.SKIPPED, str(error))
        else:
            await held.end(State.SUCCESS, done)
