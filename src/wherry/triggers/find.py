"""Triggers found and listed. Whoever asks: what somebody may see of an image is the caller's to check."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from wherry.clusters.tables import clusters
from wherry.kit.pages import Page
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import get_repository
from wherry.registry.tables import repositories
from wherry.triggers.conditions import Condition, ConditionKind
from wherry.triggers.errors import TriggerUnknown
from wherry.triggers.tables import trigger_clusters, triggers
from wherry.triggers.trigger import Target, Trigger, Wanted, WorkloadKind, options_of


def find_trigger(tx: Connection, trigger_id: int) -> Trigger | None:
    """By its id."""
    found = _triggers(tx, _TRIGGERS.where(triggers.c.id == trigger_id))
    return found[0] if found else None


def get_trigger(tx: Connection, repository: RepositoryName, name: str) -> Trigger:
    """Raises `RepositoryUnknown`, `TriggerUnknown`."""
    image = get_repository(tx, repository)
    query = _TRIGGERS.where(triggers.c.repository_id == image.id, triggers.c.name == name)
    found = _triggers(tx, query)
    if not found:
        raise TriggerUnknown(repository, name)
    return found[0]


def list_triggers(
    tx: Connection, repository: RepositoryName, *, after: str = "", size: int = 100
) -> Page[Trigger]:
    """A page of the image's triggers by name. Raises `RepositoryUnknown`."""
    image = get_repository(tx, repository)
    query = _TRIGGERS.where(triggers.c.repository_id == image.id, triggers.c.name > after)
    return Page.cut(_triggers(tx, query.order_by(triggers.c.name).limit(size + 1)), size)


def triggers_by_id(tx: Connection, ids: Iterable[int]) -> list[Trigger]:
    """Those that there are, by id."""
    return _triggers(tx, _TRIGGERS.where(triggers.c.id.in_(list(ids))).order_by(triggers.c.id))


def _triggers(tx: Connection, query: Select[Any]) -> list[Trigger]:
    """Two statements, however many there are."""
    rows = tx.execute(query).all()
    waves = _waves(tx, [row[0] for row in rows])
    return [_trigger(row, waves.get(row[0], [])) for row in rows]


def _waves(tx: Connection, ids: Sequence[int]) -> dict[int, list[Any]]:
    if not ids:
        return {}
    query = (
        select(
            trigger_clusters.c.trigger_id, trigger_clusters.c.wave, trigger_clusters.c.name, clusters.c.name
        )
        .outerjoin(clusters, clusters.c.id == trigger_clusters.c.cluster_id)
        .where(trigger_clusters.c.trigger_id.in_(ids))
        .order_by(trigger_clusters.c.trigger_id, trigger_clusters.c.position)
    )
    found: dict[int, list[Any]] = {}
    for row in tx.execute(query):
        found.setdefault(row[0], []).append(row)
    return found


def _trigger(row: Sequence[Any], members: Sequence[Any]) -> Trigger:
    waves: list[list[str]] = []
    for _, wave, known, now_called in members:
        while len(waves) <= wave:
            waves.append([])
        # A cluster that was given another name is the same one.
        waves[wave].append(now_called or known)
    target = Target(
        namespace=row[10],
        kind=WorkloadKind(row[11]),
        name=row[12],
        selector=row[13],
        waves=tuple(tuple(wave) for wave in waves),
        fleet=row[9],
        containers=tuple(json.loads(row[14])),
        with_init=row[15],
        git=None if row[16] is None else json.loads(row[16]),
    )
    condition = Condition(ConditionKind(row[3]), row[4])
    return Trigger(
        id=row[0],
        repository=RepositoryName(row[1]),
        wanted=Wanted(row[2], condition, target, options_of(row[17]), row[5], row[6]),
        paused_because=row[7],
        failures=row[8],
        owner=row[19],
        owner_id=row[18],
        created_by=row[20],
        created_at=row[21],
        changed_at=row[22],
        lost=tuple(one[2] for one in members if one[3] is None),
    )


_TRIGGERS = select(
    triggers.c.id,
    repositories.c.name,
    triggers.c.name,
    triggers.c.condition_kind,
    triggers.c.condition,
    triggers.c.platform,
    triggers.c.is_enabled,
    triggers.c.paused_because,
    triggers.c.failures,
    triggers.c.fleet,
    triggers.c.namespace,
    triggers.c.kind,
    triggers.c.workload,
    triggers.c.selector,
    triggers.c.containers,
    triggers.c.with_init,
    triggers.c.git,
    triggers.c.options,
    triggers.c.owner_id,
    triggers.c.owner,
    triggers.c.created_by,
    triggers.c.created_at,
    triggers.c.changed_at,
).join(repositories, repositories.c.id == triggers.c.repository_id)
