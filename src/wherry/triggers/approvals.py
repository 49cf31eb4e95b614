"""Approving and rejecting runs that wait for it: by who has `write` on the cluster."""

from datetime import datetime

from sqlalchemy import Connection, select

from wherry.access.decisions import Actor
from wherry.triggers.errors import RunNotOpen
from wherry.triggers.find import find_trigger
from wherry.triggers.owners import require_cluster, require_write
from wherry.triggers.runs import OPEN, Run, State, end_run, get_run, let_go, note_run
from wherry.triggers.tables import trigger_runs


def approve_run(tx: Connection, actor: Actor, run_id: int, now: datetime) -> Run:
    """It begins as soon as nothing else holds it up. The one who pushed may approve too.

    Raises `RunUnknown`, `RunNotOpen`, `ClusterUnknown`, `ClusterForbidden`, `TriggerForbidden`.
    """
    run = _waiting(tx, actor, run_id, now)
    trigger = None if run.trigger_id is None else find_trigger(tx, run.trigger_id)
    if trigger is None:
        raise RunNotOpen(f"the trigger of run {run_id} was deleted")
    note_run(tx, run, approved_by=actor.name)
    approved = get_run(tx, run_id)
    let_go(tx, approved, trigger, now, waits_for_wave=_waits_for_wave(tx, approved))
    return get_run(tx, run_id)


def reject_run(tx: Connection, actor: Actor, run_id: int, reason: str, now: datetime) -> Run:
    """It ends as skipped, and the waves behind it do not begin. Raises as above."""
    run = _waiting(tx, actor, run_id, now)
    said = reason.strip()[:500]
    detail = f"{actor.name} has rejected it" + (f": {said}" if said else "")
    end_run(tx, run, State.SKIPPED, detail, now, stops_waves=True)
    return get_run(tx, run_id)


def cancel_run(tx: Connection, actor: Actor, run_id: int, now: datetime) -> Run:
    """What has not begun ends as skipped. Raises as above; a run that has begun is `RunNotOpen`."""
    run = get_run(tx, run_id)
    _require(tx, actor, run, now)
    if run.state not in (State.WAITING, State.WAITING_FOR_APPROVAL):
        raise RunNotOpen(f"run {run_id} is {run.state} and cannot be cancelled")
    end_run(tx, run, State.SKIPPED, f"{actor.name} has cancelled it", now, stops_waves=True)
    return get_run(tx, run_id)


def _waiting(tx: Connection, actor: Actor, run_id: int, now: datetime) -> Run:
    run = get_run(tx, run_id)
    _require(tx, actor, run, now)
    if run.state is not State.WAITING_FOR_APPROVAL:
        raise RunNotOpen(f"run {run_id} does not wait for approval, it is {run.state}: {run.detail}")
    if run.approve_until is not None and now >= run.approve_until:
        raise RunNotOpen(f"the time to approve run {run_id} is over")
    return run


def _require(tx: Connection, actor: Actor, run: Run, now: datetime) -> None:
    if run.cluster_id is None:
        require_write(tx, actor, run.repository, now)
    else:
        require_cluster(tx, actor, run.cluster)


def _waits_for_wave(tx: Connection, run: Run) -> bool:
    before = select(trigger_runs.c.id).where(
        trigger_runs.c.trigger_id == run.trigger_id,
        trigger_runs.c.push == run.push,
        trigger_runs.c.wave < run.wave,
        trigger_runs.c.state.in_(OPEN),
    )
    return tx.execute(before).first() is not None
