"""Triggers of an image: made, changed, switched on and off, paused, deleted.

Every function that changes one checks the rights of who asks: `write` on the image, and `write` on each
cluster that the trigger reaches.
"""

import json
from datetime import datetime

from sqlalchemy import Connection, delete, insert, update
from sqlalchemy.exc import IntegrityError

from wherry.access.decisions import Actor
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import get_repository
from wherry.triggers.errors import InvalidTrigger, TriggerExists
from wherry.triggers.find import get_trigger
from wherry.triggers.fleets import clusters_of_fleet
from wherry.triggers.owners import require_cluster, require_write
from wherry.triggers.runs import end_waiting
from wherry.triggers.tables import trigger_clusters, triggers
from wherry.triggers.trigger import Target, Trigger, Wanted


def create_trigger(
    tx: Connection, actor: Actor, repository: RepositoryName, wanted: Wanted, now: datetime
) -> Trigger:
    """`actor` becomes its owner: with their rights it acts.

    Raises `InvalidTrigger`, `TriggerExists`, `RepositoryUnknown`, `TriggerForbidden`, `ClusterUnknown`,
    `ClusterForbidden`.
    """
    wanted.check()
    found = get_repository(tx, repository)
    require_write(tx, actor, repository, now)
    ids = _clusters(tx, actor, wanted.target)
    row = _row(wanted) | {
        "repository_id": found.id,
        "paused_because": None,
        "failures": 0,
        "owner_id": actor.user_id,
        "owner": actor.name,
        "created_by": actor.name,
        "created_at": now,
        "changed_at": now,
    }
    try:
        with tx.begin_nested():
            number = tx.execute(insert(triggers).values(row).returning(triggers.c.id)).scalar_one()
    except IntegrityError:
        raise TriggerExists(repository, wanted.name) from None
    _write_clusters(tx, number, wanted.target, ids)
    return get_trigger(tx, repository, wanted.name)


def change_trigger(
    tx: Connection, actor: Actor, repository: RepositoryName, name: str, wanted: Wanted, now: datetime
) -> Trigger:
    """In place of what it was, and `actor` is its owner from now on. What it had paused for is forgotten.

    Raises what `create_trigger` raises, and `TriggerUnknown`.
    """
    wanted.check()
    require_write(tx, actor, repository, now)
    known = get_trigger(tx, repository, name)
    ids = _clusters(tx, actor, wanted.target)
    owned = {"owner_id": actor.user_id, "owner": actor.name, "failures": 0, "paused_because": None}
    try:
        with tx.begin_nested():
            change = update(triggers).where(triggers.c.id == known.id)
            tx.execute(change.values(_row(wanted) | owned | {"changed_at": now}))
    except IntegrityError:
        raise TriggerExists(repository, wanted.name) from None
    tx.execute(delete(trigger_clusters).where(trigger_clusters.c.trigger_id == known.id))
    _write_clusters(tx, known.id, wanted.target, ids)
    return get_trigger(tx, repository, wanted.name)


def enable_trigger(
    tx: Connection, actor: Actor, repository: RepositoryName, name: str, enabled: bool, now: datetime
) -> Trigger:
    """Switch it on or off; switched on, it forgets its failures. Runs that wait end when they are due.

    Raises `TriggerUnknown`, `RepositoryUnknown`, `TriggerForbidden`.
    """
    require_write(tx, actor, repository, now)
    known = get_trigger(tx, repository, name)
    values: dict[str, object] = {"is_enabled": enabled, "changed_at": now}
    if enabled:
        values |= {"failures": 0, "paused_because": None}
    tx.execute(update(triggers).where(triggers.c.id == known.id).values(values))
    return get_trigger(tx, repository, name)


def pause_trigger(
    tx: Connection, actor: Actor, repository: RepositoryName, name: str, reason: str, now: datetime
) -> Trigger:
    """Stop it for a while, with a reason that everybody reads; `resume_trigger` goes on. Raises as above."""
    require_write(tx, actor, repository, now)
    known = get_trigger(tx, repository, name)
    said = reason.strip()[:500] or f"{actor.name} has paused it"
    tx.execute(update(triggers).where(triggers.c.id == known.id).values(paused_because=said, changed_at=now))
    return get_trigger(tx, repository, name)


def resume_trigger(
    tx: Connection, actor: Actor, repository: RepositoryName, name: str, now: datetime
) -> Trigger:
    """It fires again, and forgets its failures. Raises as above."""
    require_write(tx, actor, repository, now)
    known = get_trigger(tx, repository, name)
    change = update(triggers).where(triggers.c.id == known.id)
    tx.execute(change.values(paused_because=None, failures=0, changed_at=now))
    return get_trigger(tx, repository, name)


def delete_trigger(
    tx: Connection, actor: Actor, repository: RepositoryName, name: str, now: datetime
) -> None:
    """Its history stays; what has not begun ends as skipped. Raises as above."""
    require_write(tx, actor, repository, now)
    known = get_trigger(tx, repository, name)
    end_waiting(tx, known.id, "the trigger was deleted", now)
    tx.execute(delete(triggers).where(triggers.c.id == known.id))


def _clusters(tx: Connection, actor: Actor, target: Target) -> dict[str, int]:
    """Ids by name, of those that the actor may deploy to."""
    ids = {name: require_cluster(tx, actor, name).id for name in target.clusters}
    if target.fleet is not None:
        members = clusters_of_fleet(tx, target.fleet)
        if members is None:
            raise InvalidTrigger((f"there is no fleet {target.fleet[:80]!r}",))
        for name in members:
            require_cluster(tx, actor, name)
    return ids


def _row(wanted: Wanted) -> dict[str, object]:
    target = wanted.target
    return {
        "name": wanted.name,
        "condition_kind": wanted.condition.kind.value,
        "condition": wanted.condition.text,
        "platform": wanted.platform,
        "is_enabled": wanted.is_enabled,
        "fleet": target.fleet,
        "namespace": target.namespace,
        "kind": target.kind.value,
        "workload": target.name,
        "selector": target.selector,
        "containers": json.dumps(list(target.containers)),
        "with_init": target.with_init,
        "git": None if target.git is None else json.dumps(dict(target.git)),
        "options": json.dumps(wanted.options.to_json()),
    }


def _write_clusters(tx: Connection, trigger_id: int, target: Target, ids: dict[str, int]) -> None:
    rows: list[dict[str, object]] = []
    for wave, names in enumerate(target.waves):
        for name in names:
            row = {"wave": wave, "cluster_id": ids[name], "name": name, "position": len(rows)}
            rows.append(row | {"trigger_id": trigger_id})
    if rows:
        tx.execute(insert(trigger_clusters), rows)
