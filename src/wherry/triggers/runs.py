"""Runs: what a push sets going for one trigger in one cluster, from its reaction to its end.

Whatever changes a run is here: made, held up or let go, ended. Each end is told in the outbox and in the
audit trail, counts for the trigger's failures, and lets the next wave go or stops it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from wherry.audit.entries import Entry, Result, Source, Target
from wherry.audit.journal import record
from wherry.db.outcomes import tell_outcome
from wherry.events.outbox import Event, append
from wherry.jobs.queue import enqueue
from wherry.oci.names import RepositoryName
from wherry.triggers.errors import RunUnknown
from wherry.triggers.events import TRIGGER_FINISHED
from wherry.triggers.find import find_trigger
from wherry.triggers.gates import NEVER, gate_of
from wherry.triggers.tables import trigger_runs, triggers
from wherry.triggers.trigger import Trigger

# Kinds of jobs. A `RUN` has the key of its target: one at a time, in order. A `WAKE` looks whether a run that
# was held up may begin now.
RUN = "trigger.run"
WAKE = "trigger.wake"

MAX_DETAIL = 2000

# What the `push` of a run begins with that somebody has made anew.
REPLAY = "replay:"


class State(StrEnum):
    """As people read it in a history."""

    WAITING = "waiting"
    WAITING_FOR_APPROVAL = "waiting for approval"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    ROLLED_BACK = "rolled back"
    SUPERSEDED = "superseded"
    SKIPPED = "skipped"

    @property
    def is_open(self) -> bool:
        return self in OPEN


OPEN = (State.WAITING, State.WAITING_FOR_APPROVAL, State.RUNNING)
NOT_BEGUN = (State.WAITING, State.WAITING_FOR_APPROVAL)
BAD = (State.FAILED, State.ROLLED_BACK)


@dataclass(frozen=True, slots=True)
class Run:
    """`push` is what runs of one push have in common. `workload` is a name, or `with LABELS`.

    `changes` is what was set, by workload and container; `due_at` when a run that waits goes on by itself.
    `image` is one held elsewhere that `repository` stands in for; `digest` may then be empty.
    """

    id: int
    trigger_id: int | None
    trigger: str
    repository: RepositoryName
    push: str
    condition: str
    tag: str
    digest: str
    pushed_by: str
    pushed_at: datetime
    cluster_id: int | None
    cluster: str
    namespace: str
    kind: str
    workload: str
    containers: tuple[str, ...]
    wave: int
    state: State
    detail: str
    due_at: datetime | None
    approve_until: datetime | None
    approved_by: str | None
    changes: Mapping[str, Any] | None
    applied_at: datetime | None
    unreachable_since: datetime | None
    attempts: int
    owner: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    image: str | None = None

    @property
    def key(self) -> str:
        """Of its jobs: one target."""
        place = self.cluster if self.cluster_id is None else str(self.cluster_id)
        return f"trigger:{place}/{self.namespace}/{self.kind}/{self.workload}"

    def keeps_order(self, trigger: Trigger) -> bool:
        """Whether a newer version is left alone; what somebody has made anew by hand goes back as well."""
        return trigger.condition.is_ordered and not self.push.startswith(REPLAY)

    @property
    def seconds(self) -> float | None:
        """From the push to the end; None while it is open."""
        return None if self.ended_at is None else round((self.ended_at - self.created_at).total_seconds(), 3)


@dataclass(frozen=True, slots=True)
class RunEnded:
    """An outcome (`wherry.db.outcomes`), told once for each run; `seconds` as in `Run`."""

    state: State
    seconds: float


@dataclass(frozen=True, slots=True)
class TriggerPausedItself:
    """An outcome: so many runs in a row have failed."""


def get_run(tx: Connection, run_id: int) -> Run:
    """Raises `RunUnknown`."""
    row = tx.execute(RUNS.where(trigger_runs.c.id == run_id)).one_or_none()
    if row is None:
        raise RunUnknown(run_id)
    return run_of(row)


def get_run_of(tx: Connection, repository: RepositoryName, run_id: int) -> Run:
    """For a face that has checked the right on the image. Raises `RunUnknown`."""
    run = get_run(tx, run_id)
    if run.repository != repository:
        raise RunUnknown(run_id)
    return run


def let_go(
    tx: Connection, run: Run, trigger: Trigger, now: datetime, *, waits_for_wave: bool = False
) -> None:
    """Hand it to a worker, or note what holds it up and look again when that ends."""
    gate = gate_of(
        trigger.options,
        run.created_at,
        now,
        is_approved=run.approved_by is not None,
        waits_for_wave=waits_for_wave,
    )
    if gate is NEVER:
        end_run(tx, run, State.SKIPPED, gate.reason, now)
        return
    state = State.WAITING_FOR_APPROVAL if gate.needs_approval else State.WAITING
    values: dict[str, Any] = {"state": state.value, "detail": gate.reason, "due_at": gate.opens}
    if gate.needs_approval:
        values["approve_until"] = gate.opens
    if gate.is_open:
        values["due_at"] = now
    _change(tx, run, values)
    if gate.is_open:
        enqueue(tx, RUN, {"run": run.id}, now, key=run.key)
    elif gate.opens is not None:
        enqueue(tx, WAKE, {"run": run.id}, now, run_at=gate.opens)


def wait_until(tx: Connection, run: Run, when: datetime, reason: str, now: datetime) -> None:
    """It has begun, and its cluster is away: it goes on at `when`, unless a newer push comes before."""
    values: dict[str, Any] = {"state": State.WAITING.value, "detail": reason[:MAX_DETAIL], "due_at": when}
    if run.unreachable_since is None:
        values["unreachable_since"] = now
    _change(tx, run, values)
    enqueue(tx, WAKE, {"run": run.id}, now, run_at=when)


def begin_run(tx: Connection, run: Run, now: datetime) -> None:
    """A worker has it."""
    values: dict[str, Any] = {
        "state": State.RUNNING.value,
        "attempts": trigger_runs.c.attempts + 1,
        "due_at": None,
    }
    if run.started_at is None:
        values["started_at"] = now
    _change(tx, run, values)


def note_run(tx: Connection, run: Run, **values: Any) -> None:
    """What a worker has to remember of it: `changes`, `applied_at`, `detail`, …"""
    if isinstance(values.get("changes"), Mapping):
        values["changes"] = json.dumps(values["changes"])
    _change(tx, run, values)


def end_run(
    tx: Connection, run: Run, state: State, detail: str, now: datetime, *, stops_waves: bool | None = None
) -> bool:
    """False where it was over already. With `stops_waves`, as by a failure, later waves do not begin."""
    if run.trigger_id is not None:
        # Of the last two runs of a wave that end at once, one has to see the other's end.
        tx.execute(select(triggers.c.id).where(triggers.c.id == run.trigger_id).with_for_update()).first()
    detail = detail[:MAX_DETAIL]
    values = {"state": state.value, "detail": detail, "ended_at": now, "due_at": None}
    if not _change(tx, run, values):
        return False
    _tell(tx, run, state, detail, now)
    if run.trigger_id is not None:
        _count(tx, run.trigger_id, state, detail)
        stops = state in BAD if stops_waves is None else stops_waves
        if stops:
            _stop_waves(tx, run, state, now)
        elif state is not State.SUPERSEDED:
            _next_wave(tx, run, now)
    return True


def end_waiting(tx: Connection, trigger_id: int, reason: str, now: datetime) -> None:
    """What has not begun of this trigger ends as skipped."""
    mine = (trigger_runs.c.trigger_id == trigger_id, trigger_runs.c.state.in_(NOT_BEGUN))
    for row in tx.execute(RUNS.where(*mine)).all():
        end_run(tx, run_of(row), State.SKIPPED, reason, now, stops_waves=True)


def is_overtaken(tx: Connection, run: Run, now: datetime) -> bool:
    """Whether a newer run of the same trigger has begun there, or may begin now."""
    return bool(overtaken(tx, (run.id,), now))


def overtaken(tx: Connection, run_ids: Sequence[int], now: datetime) -> frozenset[int]:
    """Those of the runs that `is_overtaken` holds for, by one statement."""
    newer = trigger_runs.alias("newer")
    # One that has begun may wait for its cluster.
    may_go = (newer.c.due_at <= now) | newer.c.started_at.is_not(None)
    ready = (newer.c.state == State.WAITING.value) & may_go
    begun = newer.c.state.in_([State.RUNNING.value, State.SUCCESS.value, *(bad.value for bad in BAD)])
    query = (
        select(trigger_runs.c.id)
        .join(
            newer,
            (newer.c.trigger_id == trigger_runs.c.trigger_id)
            & (newer.c.cluster == trigger_runs.c.cluster)
            & (newer.c.id > trigger_runs.c.id),
        )
        .where(trigger_runs.c.id.in_(run_ids), or_(ready, begun))
    )
    return frozenset(tx.execute(query).scalars())


def run_of(row: Row[Any] | Sequence[Any]) -> Run:
    """From a row of `RUNS`."""
    values = list(row)
    values[3] = RepositoryName(values[3])
    values[15] = tuple(json.loads(values[15]))
    values[17] = State(values[17])
    values[22] = None if values[22] is None else json.loads(values[22])
    return Run(*values)


def _change(tx: Connection, run: Run, values: Mapping[str, Any]) -> bool:
    mine = (trigger_runs.c.id == run.id, trigger_runs.c.state.in_(OPEN))
    return tx.execute(update(trigger_runs).where(*mine).values(**values)).rowcount > 0


def _tell(tx: Connection, run: Run, state: State, detail: str, now: datetime) -> None:
    seconds = (now - run.created_at).total_seconds()
    tell_outcome(tx, RunEnded(state, seconds))
    body = {
        "run": run.id,
        "trigger": run.trigger,
        "repository": run.repository.text,
        "tag": run.tag,
        "digest": run.digest,
        "result": state.value,
        "detail": detail,
        "cluster": run.cluster,
        "namespace": run.namespace,
        "kind": run.kind,
        "workload": run.workload,
        "pushed_by": run.pushed_by,
        "seconds": round(seconds, 3),
    }
    append(tx, Event(TRIGGER_FINISHED.name, run.repository.text, body), now)
    result = Result.FAILED if state in BAD else Result.DONE
    reason = detail if state in BAD else ""
    told = {key: body[key] for key in ("run", "trigger", "tag", "digest", "result", "cluster", "workload")}
    source = Source(run.owner)
    record(tx, Entry(source, TRIGGER_FINISHED.name, Target.image(run.repository), result, reason, told), now)


def _count(tx: Connection, trigger_id: int, state: State, detail: str) -> None:
    if state is State.SUCCESS:
        tx.execute(
            update(triggers).where(triggers.c.id == trigger_id, triggers.c.failures > 0).values(failures=0)
        )
        return
    trigger = find_trigger(tx, trigger_id) if state in BAD else None
    if trigger is None:
        return
    values: dict[str, Any] = {"failures": trigger.failures + 1}
    if 0 < trigger.options.pause_after <= trigger.failures + 1 and trigger.paused_because is None:
        count = trigger.failures + 1
        times = "a failure" if count == 1 else f"{count} failures in a row"
        values["paused_because"] = f"{times}, the last one: {detail}"[:500]
        tell_outcome(tx, TriggerPausedItself())
    tx.execute(update(triggers).where(triggers.c.id == trigger_id).values(**values))


def _behind(tx: Connection, run: Run) -> list[Run]:
    """Runs of the same push that have not begun, of later waves, in their order."""
    query = RUNS.where(
        trigger_runs.c.trigger_id == run.trigger_id,
        trigger_runs.c.push == run.push,
        trigger_runs.c.wave > run.wave,
        trigger_runs.c.state.in_(NOT_BEGUN),
    ).order_by(trigger_runs.c.wave, trigger_runs.c.id)
    return [run_of(row) for row in tx.execute(query).all()]


def _stop_waves(tx: Connection, run: Run, state: State, now: datetime) -> None:
    said = {State.ROLLED_BACK: "was rolled back", State.FAILED: "failed"}.get(state, f"was {state}")
    reason = f"not begun: in the cluster {run.cluster}, of a wave before this one, it {said}"
    for later in _behind(tx, run):
        if _change(
            tx, later, {"state": State.SKIPPED.value, "detail": reason, "ended_at": now, "due_at": None}
        ):
            _tell(tx, later, State.SKIPPED, reason, now)


def _next_wave(tx: Connection, run: Run, now: datetime) -> None:
    mine = (trigger_runs.c.trigger_id == run.trigger_id, trigger_runs.c.push == run.push)
    before = trigger_runs.c.wave <= run.wave
    if tx.execute(select(trigger_runs.c.id).where(*mine, before, trigger_runs.c.state.in_(OPEN))).first():
        return
    behind = _behind(tx, run)
    trigger = None if run.trigger_id is None or not behind else find_trigger(tx, run.trigger_id)
    if trigger is None:
        return
    for later in behind:
        if later.wave == behind[0].wave:
            let_go(tx, later, trigger, now)


RUNS = select(
    trigger_runs.c.id,
    trigger_runs.c.trigger_id,
    trigger_runs.c.trigger_name,
    trigger_runs.c.repository,
    trigger_runs.c.push,
    trigger_runs.c.condition,
    trigger_runs.c.tag,
    trigger_runs.c.digest,
    trigger_runs.c.pushed_by,
    trigger_runs.c.pushed_at,
    trigger_runs.c.cluster_id,
    trigger_runs.c.cluster,
    trigger_runs.c.namespace,
    trigger_runs.c.kind,
    trigger_runs.c.workload,
    trigger_runs.c.containers,
    trigger_runs.c.wave,
    trigger_runs.c.state,
    trigger_runs.c.detail,
    trigger_runs.c.due_at,
    trigger_runs.c.approve_until,
    trigger_runs.c.approved_by,
    trigger_runs.c.changes,
    trigger_runs.c.applied_at,
    trigger_runs.c.unreachable_since,
    trigger_runs.c.attempts,
    trigger_runs.c.owner,
    trigger_runs.c.created_at,
    trigger_runs.c.started_at,
    trigger_runs.c.ended_at,
    trigger_runs.c.image,
)
