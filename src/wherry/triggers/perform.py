"""The jobs of runs: begin, apply, follow, undo, end; each step so that it may be broken off and done again.

What a run is about to set is written down before it is set, and the workload carries the run's number: a
worker that takes over knows what was done, and does it once. Every step counts only while the job is held.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from wherry.clusters.cluster import Cluster, ClusterKind, open_login
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import (
    ApplyConflict,
    ClusterError,
    ClusterLoginFailed,
    ClusterUnreachable,
    ObjectUnknown,
)
from wherry.clusters.federations.own_images import members_with_own_images
from wherry.clusters.keeping import Connect, Registry
from wherry.clusters.kubeconfig import ClusterLogin
from wherry.clusters.tables import clusters
from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.jobs.errors import JobError
from wherry.jobs.running import Handler, Running
from wherry.kit.clock import Clock
from wherry.kit.secrets import Sealer, UnreadableSecret
from wherry.triggers.connections import Connections
from wherry.triggers.errors import RunUnknown, TriggerForbidden
from wherry.triggers.find import find_trigger
from wherry.triggers.gates import gate_of, said
from wherry.triggers.overtaking import Overtaking
from wherry.triggers.owners import owner_of, require_cluster, require_write
from wherry.triggers.plan import CannotUpdate, Image, Manner, NothingToDo, Plan
from wherry.triggers.rollout import PACE, Ended, Pace, images_of, not_followed, watch_rollout
from wherry.triggers.runs import (
    RUN,
    WAKE,
    Run,
    State,
    begin_run,
    end_run,
    get_run,
    is_overtaken,
    let_go,
    note_run,
    wait_until,
)
from wherry.triggers.trigger import Trigger
from wherry.triggers.workloads import Planned, apply_plan, look, plan_all, undo_plan

logger = logging.getLogger(__name__)

# A cluster that is away is asked again after pauses that double from the first to the longest.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=1)
# After so many unexpected failures of ours a run has failed.
MAX_ATTEMPTS = 5
# So long a roll-back is watched, to tell how it went.
WATCH_ROLL_BACK = 300.0

# Commits an image to a Git repository; answers what was done, in words. Raises `NothingToDo` or
# `CannotUpdate` with the reason, and `ClusterUnreachable` where it should be tried again.
Commit = Callable[[Run, Trigger], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class _Begun:
    """`connection` is of the cluster; None for a target in Git."""

    run: Run
    trigger: Trigger
    cluster: Cluster | None
    login: ClusterLogin | None

    @property
    def is_federation(self) -> bool:
        return self.cluster is not None and self.cluster.kind is ClusterKind.KARMADA


@dataclass(slots=True)
class _Done:
    """What was set, in words, and from whom it was taken."""

    plans: list[Plan] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @property
    def detail(self) -> str:
        return "; ".join(self.words)


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
        """What held a run up is over: it goes on, waits for the next thing, or has waited too long."""

        def work(tx: Connection) -> None:
            running.require_held(tx)
            self._wake(tx, int(running.payload["run"]))
            running.finish(tx)

        await self._database.write(work)

    def _wake(self, tx: Connection, number: int) -> None:
        now = self._clock.now()
        try:
            run = get_run(tx, number)
        except RunUnknown:
            return
        if run.state not in (State.WAITING, State.WAITING_FOR_APPROVAL):
            return
        if run.due_at is None or run.due_at > now:
            return  # another of these will come when it is time
        trigger = None if run.trigger_id is None else find_trigger(tx, run.trigger_id)
        if trigger is None:
            end_run(tx, run, State.SKIPPED, "the trigger was deleted", now)
        elif run.state is State.WAITING_FOR_APPROVAL:
            limit = said(run.due_at)
            end_run(tx, run, State.SKIPPED, f"nobody approved it until {limit}", now, stops_waves=True)
        else:
            let_go(tx, run, trigger, now)

    async def run(self, running: Running) -> None:
        """One run, from where it is."""
        begun = await self._database.write(lambda tx: self._begin(tx, running), durable=False)
        if begun is None:
            return
        try:
            if begun.cluster is None or begun.login is None:
                await self._commit_to_git(running, begun)
                return
            async with self._connections.use(begun.cluster, begun.login) as connection:
                await self._go(running, begun, connection)
        except (ClusterUnreachable, ClusterLoginFailed) as error:
            await self._wait_for_cluster(running, begun, str(error))
        except ObjectUnknown as error:
            await self._end(running, begun.run, State.FAILED, f"it is not there any more: {error}")
        except ApplyConflict as error:
            await self._end(running, begun.run, State.FAILED, f"{error}; takeOver allows to take it")
        except (CannotUpdate, ClusterError) as error:
            await self._end(running, begun.run, State.FAILED, str(error))
        except (JobError, DatabaseError):
            raise
        except Exception:
            if running.attempt < MAX_ATTEMPTS:
                raise
            logger.exception("run %d of the trigger %s failed", begun.run.id, begun.trigger.name)
            await self._end(running, begun.run, State.FAILED, "the server failed; its log tells more")

    def _begin(self, tx: Connection, running: Running) -> _Begun | None:
        """None where there is nothing (more) to do; then the job is done."""
        running.require_held(tx)
        now = self._clock.now()
        try:
            run = get_run(tx, int(running.payload["run"]))
        except RunUnknown:
            running.finish(tx)
            return None
        begun = self._checked(tx, run, now) if run.state.is_open else None
        if begun is None:
            running.finish(tx)
            return None
        begin_run(tx, run, now)
        return begun

    def _checked(self, tx: Connection, run: Run, now: datetime) -> _Begun | None:
        trigger = None if run.trigger_id is None else find_trigger(tx, run.trigger_id)
        if trigger is None:
            end_run(tx, run, State.SKIPPED, "the trigger was deleted", now)
            return None
        if run.applied_at is None and not self._may_begin(tx, run, trigger, now):
            return None
        try:
            owner = owner_of(tx, trigger.owner_id, trigger.owner)
            require_write(tx, owner, run.repository, now)
            if trigger.target.git is not None:
                return _Begun(run, trigger, None, None)
            cluster = require_cluster(tx, owner, _name_now(tx, run))
            return _Begun(run, trigger, cluster, open_login(tx, self._sealer, cluster.name))
        except (TriggerForbidden, ClusterError, UnreadableSecret, CannotUpdate) as error:
            end_run(tx, run, State.FAILED, str(error), now)
            return None

    def _may_begin(self, tx: Connection, run: Run, trigger: Trigger, now: datetime) -> bool:
        if trigger.why_not is not None:
            end_run(tx, run, State.SKIPPED, trigger.why_not, now, stops_waves=True)
            return False
        if is_overtaken(tx, run, now):
            end_run(tx, run, State.SUPERSEDED, "a newer push came before this one began", now)
            return False
        approved = run.approved_by is not None
        gate = gate_of(trigger.options, run.created_at, now, is_approved=approved, waits_for_wave=False)
        if not gate.is_open:  # a window closed or a freeze began while it waited for a worker
            let_go(tx, run, trigger, now)
        return gate.is_open

    async def _go(self, running: Running, begun: _Begun, connection: ClusterConnection) -> None:
        run = begun.run
        known: Mapping[str, Any] = run.changes or {}
        if known.get("failed"):
            await self._roll_back(running, begun, connection, known)
            return
        if run.image is None:
            image = Image(run.repository, run.tag, run.digest, self._registry.names)
        else:
            image = Image.held_elsewhere(run.image, run.tag, run.digest)
        workloads = await look(connection, begun.trigger.target)
        now = self._clock.now()
        planned = plan_all(
            workloads, image, Manner.of(begun.trigger), run.id, known.get("workloads") or {}, now
        )
        if not any(one.plan.changes for one in planned):
            detail = "; ".join(one.plan.reason for one in planned)
            await self._end(running, run, State.SKIPPED, detail)
            return
        is_new = any(one.plan.changes and not one.is_ours for one in planned)
        if is_new and not await self._intend(running, run, planned):
            return
        done = _Done()
        applied = []
        for one in planned:
            if not one.plan.changes:
                continue
            applied.append(await self._apply(begun, connection, one, image, done))
        await self._note(running, run, applied_at=run.applied_at or self._clock.now(), detail=done.detail)
        await self._follow(running, begun, connection, applied, done)

    async def _intend(self, running: Running, run: Run, planned: list[Planned]) -> bool:
        """Write down what will be set, unless a newer push is ready by now."""
        document = {one.plan.key: one.plan.to_json() for one in planned if one.plan.changes}

        def work(tx: Connection) -> bool:
            running.require_held(tx)
            now = self._clock.now()
            if is_overtaken(tx, run, now):
                end_run(tx, run, State.SUPERSEDED, "a newer push came before this one was applied", now)
                running.finish(tx)
                return False
            note_run(tx, run, changes={"workloads": document})
            return True

        return await self._database.write(work)

    async def _apply(
        self, begun: _Begun, connection: ClusterConnection, one: Planned, image: Image, done: _Done
    ) -> dict[str, Any]:
        words, workload = one.plan.words, one.workload
        if not one.is_ours:
            take_over = begun.trigger.options.take_over
            workload, owners = await apply_plan(
                connection, one, image, Manner.of(begun.trigger), begun.run.id, take_over=take_over
            )
            if owners:
                words += f" (the image was managed by {', '.join(owners)})"
        if begun.is_federation:
            changed = {change.container for change in one.plan.changes}
            for member in await members_with_own_images(connection, workload, changed):
                words += f"; {member} keeps an image of its own (OverridePolicy)"
        done.plans.append(one.plan)
        done.words.append(words)
        return workload

    async def _follow(
        self,
        running: Running,
        begun: _Begun,
        connection: ClusterConnection,
        applied: list[dict[str, Any]],
        done: _Done,
    ) -> None:
        """All of them, one after the other: they go on side by side meanwhile."""
        run, options = begun.run, begun.trigger.options
        if not options.follow:
            await self._end(running, run, State.SUCCESS, f"{done.detail}; the roll-out is not followed")
            return
        began = run.applied_at or self._clock.now()
        with self._overtaking.watching(run.id) as overtaken:
            for workload, planned in zip(applied, done.plans, strict=True):
                unfollowed = not_followed(workload)
                if unfollowed is not None:
                    done.words.append(unfollowed)
                    continue
                left = max(1.0, options.deadline - (self._clock.now() - began).total_seconds())
                ended = await self._watch(begun, connection, workload, planned, left, overtaken)
                if ended.is_overtaken and not ended.is_well:
                    detail = f"{done.detail}; a newer push came before the roll-out was over"
                    await self._end(running, run, State.SUPERSEDED, detail)
                    return
                if not ended.is_well:
                    await self._failed(running, begun, connection, done, ended.words)
                    return
                done.words.append(ended.words)
        await self._end(running, run, State.SUCCESS, done.detail)

    async def _watch(
        self,
        begun: _Begun,
        connection: ClusterConnection,
        workload: dict[str, Any],
        planned: Plan,
        seconds: float,
        overtaken: Callable[[], bool],
        *,
        before: bool = False,
    ) -> Ended:
        return await watch_rollout(
            connection,
            workload,
            images_of(planned, before=before),
            self._clock,
            seconds,
            overtaken,
            pace=self._pace,
            in_members=begun.is_federation,
        )

    async def _failed(
        self,
        running: Running,
        begun: _Begun,
        connection: ClusterConnection,
        done: _Done,
        why: str,
    ) -> None:
        if not begun.trigger.options.roll_back:
            await self._end(running, begun.run, State.FAILED, f"{why}. Set before: {done.detail}")
            return
        changes = {"workloads": {one.key: one.to_json() for one in done.plans}, "failed": why}
        await self._note(running, begun.run, durable=True, changes=changes, detail=f"{why}; rolls back")
        await self._roll_back(running, begun, connection, changes)

    async def _roll_back(
        self, running: Running, begun: _Begun, connection: ClusterConnection, changes: Mapping[str, Any]
    ) -> None:
        run, target = begun.run, begun.trigger.target
        words = [str(changes["failed"])]
        with self._overtaking.watching(run.id) as overtaken:
            for key, document in changes["workloads"].items():
                name = key.partition("/")[2]
                planned = Plan.from_json(target.kind.kind, run.namespace, name, document)
                workload = await undo_plan(connection, planned, run.id)
                if workload is None:
                    words.append(f"{key} was changed by somebody else meanwhile, and is left as it is")
                    continue
                words.append(f"rolled back to {', '.join(one.before for one in planned.changes)}")
                if not_followed(workload) is None:
                    ended = await self._watch(
                        begun, connection, workload, planned, WATCH_ROLL_BACK, overtaken, before=True
                    )
                    words.append(ended.words if ended.is_well else f"which is not well either: {ended.words}")
        await self._end(running, run, State.ROLLED_BACK, "; ".join(words))

    async def _commit_to_git(self, running: Running, begun: _Begun) -> None:
        if self._commit is None:
            raise CannotUpdate("this server does not commit to Git repositories")
        try:
            done = await self._commit(begun.run, begun.trigger)
        except NothingToDo as error:
            await self._end(running, begun.run, State.SKIPPED, str(error))
        else:
            await self._end(running, begun.run, State.SUCCESS, done)

    async def _wait_for_cluster(self, running: Running, begun: _Begun, why: str) -> None:
        run, options = begun.run, begun.trigger.options
        now = self._clock.now()
        since = run.unreachable_since or now
        if now - since >= timedelta(seconds=options.patience):
            await self._end(running, run, State.FAILED, f"{why}; that since {said(since)}")
            return
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(run.attempts, 10))
        when = now + pause

        def work(tx: Connection) -> None:
            running.require_held(tx)
            wait_until(tx, run, when, f"{why}; tried again at {said(when)}", now)
            running.finish(tx)

        await self._database.write(work)

    async def _note(self, running: Running, run: Run, *, durable: bool = False, **values: Any) -> None:
        def work(tx: Connection) -> None:
            running.require_held(tx)
            # Whoever was away is here again.
            note_run(tx, run, unreachable_since=None, **values)

        await self._database.write(work, durable=durable)

    async def _end(self, running: Running, run: Run, state: State, detail: str) -> None:
        def work(tx: Connection) -> None:
            running.require_held(tx)
            end_run(tx, run, state, detail, self._clock.now())
            running.finish(tx)

        await self._database.write(work)


def _name_now(tx: Connection, run: Run) -> str:
    """The cluster may have another name by now. Raises `CannotUpdate`."""
    found = tx.execute(select(clusters.c.name).where(clusters.c.id == run.cluster_id)).scalar_one_or_none()
    if found is None:
        raise CannotUpdate(f"the cluster {run.cluster} is no longer registered")
    return str(found)
