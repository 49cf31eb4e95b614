"""What a run does to the workloads of one cluster: looks, plans, applies, undoes. Nothing of a database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wherry.clusters.connection import TRIGGER_MANAGER, ClusterConnection, Selection, list_all
from wherry.clusters.errors import ApplyConflict, ClusterCallFailed, ClusterRefused, ObjectUnknown
from wherry.clusters.kinds import POD, Kind, Object, kind_of, name_of
from wherry.clusters.workloads.progress import selector_of
from wherry.triggers.plan import (
    CannotUpdate,
    Image,
    Manner,
    Plan,
    images_there,
    is_applied,
    patch_of,
    plan,
    run_on,
)
from wherry.triggers.trigger import Target

# Somebody else may change a workload between our look and our change, as its autoscaler does.
TRIES = 8


@dataclass(frozen=True, slots=True)
class Planned:
    """A workload as it was seen, and what is to be done with it. `is_ours`: this run has done it already."""

    workload: Object
    plan: Plan
    is_ours: bool = False


async def look(connection: ClusterConnection, target: Target) -> list[Object]:
    """The workloads that are meant. Raises `CannotUpdate` where there is none, `ClusterCallFailed`."""
    kind = target.kind.kind
    where = f"in the namespace {target.namespace} of the cluster {connection.cluster}"
    try:
        if target.name is not None:
            return [await connection.get(kind, target.name, target.namespace)]
        found = await list_all(connection, kind, Selection(target.namespace, labels=target.selector))
    except ObjectUnknown as error:
        raise CannotUpdate(f"there is no {kind} {target.which} {where}: {error}") from None
    except ClusterRefused as error:
        if error.reason == "BadRequest":
            raise CannotUpdate(f"the label selector {target.selector!r} cannot be read: {error}") from None
        raise
    if not found:
        raise CannotUpdate(f"there is no {kind} with the labels {target.selector} {where}")
    return sorted(found, key=name_of)


def plan_all(
    workloads: list[Object],
    image: Image,
    manner: Manner,
    run: int,
    known: Mapping[str, Any],
    now: datetime,
) -> list[Planned]:
    """`known` is what this run planned before it was broken off: what it has done it does not do again.

    Raises `CannotUpdate`.
    """
    found = []
    for workload in workloads:
        before = known.get(f"{workload['kind']}/{name_of(workload)}")
        if before is not None and run_on(workload) == str(run):
            again = Plan.from_json(*_names(workload), before)
            if not is_applied(workload, again):
                where = f"{workload['kind']} {name_of(workload)}"
                raise CannotUpdate(f"somebody else has changed {where} since this run set its image")
            found.append(Planned(workload, again, is_ours=True))
        else:
            found.append(Planned(workload, plan(workload, image, manner, now)))
    return found


async def apply_plan(
    connection: ClusterConnection,
    planned: Planned,
    image: Image,
    manner: Manner,
    run: int,
    *,
    take_over: bool,
) -> tuple[Object, tuple[str, ...]]:
    """The workload as it is now, and from which field managers its image was taken.

    Raises `ClusterCallFailed`, with `ApplyConflict` where it may not be taken, and `CannotUpdate`.
    """
    workload, wanted = planned.workload, planned.plan
    for attempt in range(TRIES):
        if attempt:
            workload = await connection.get(wanted.kind, wanted.name, wanted.namespace)
            _refuse_other(workload, wanted)
        try:
            return await _apply(connection, patch_of(workload, wanted, image, run), take_over=take_over)
        except ClusterRefused as error:
            if error.reason != "Conflict":
                raise
    raise CannotUpdate(f"{wanted.kind} {wanted.name} changes all the time; it could not be changed by us")


async def undo_plan(connection: ClusterConnection, wanted: Plan, run: int) -> Object | None:
    """Set back what stood there before; None where somebody else changed it. Raises `ClusterCallFailed`."""
    for _ in range(TRIES):
        workload = await connection.get(wanted.kind, wanted.name, wanted.namespace)
        if run_on(workload) != str(run):
            return None
        if not is_applied(workload, wanted):
            return workload
        try:
            made, _ = await _apply(
                connection, patch_of(workload, wanted, None, run, undo=True), take_over=True
            )
        except ClusterRefused as error:
            if error.reason != "Conflict":
                raise
            continue
        if str(wanted.kind) == "StatefulSet":
            await _remove_stuck_pods(connection, made, wanted)
        return made
    return None


async def _apply(
    connection: ClusterConnection, made: Object, *, take_over: bool
) -> tuple[Object, tuple[str, ...]]:
    try:
        return await connection.apply(made, manager=TRIGGER_MANAGER), ()
    except ApplyConflict as conflict:
        if not take_over:
            raise
        owners = tuple(sorted({owner.owner for owner in conflict.owners}))
    return await connection.apply(made, force=True, manager=TRIGGER_MANAGER), owners


def _refuse_other(workload: Object, wanted: Plan) -> None:
    there = images_there(workload)
    for one in wanted.changes:
        if there.get((one.place, one.container)) not in (one.before, one.after):
            where = f"container {one.container} of {wanted.kind} {wanted.name}"
            raise CannotUpdate(f"somebody else has changed {where} meanwhile")


async def _remove_stuck_pods(connection: ClusterConnection, workload: Object, wanted: Plan) -> None:
    """A StatefulSet waits for a pod of the bad version to become ready, which it never does.

    https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
    """
    bad = {(one.container, one.after) for one in wanted.changes}
    which = Selection(wanted.namespace, labels=selector_of(workload))
    for pod in await list_all(connection, POD, which):
        images = {(str(one["name"]), str(one.get("image"))) for one in pod["spec"].get("containers") or ()}
        conditions = (pod.get("status") or {}).get("conditions") or ()
        is_ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
        if images & bad and not is_ready:
            try:
                await connection.delete(POD, name_of(pod), wanted.namespace, uid=str(pod["metadata"]["uid"]))
            except ClusterCallFailed:
                continue  # it is gone already, or the controller will have to wait


def _names(workload: Object) -> tuple[Kind, str, str]:
    return kind_of(workload), str(workload["metadata"].get("namespace") or ""), name_of(workload)
