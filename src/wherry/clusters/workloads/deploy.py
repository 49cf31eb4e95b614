"""Applying a workload: tried by the server first, then applied as a whole, or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass

from wherry.clusters.connection import FIELD_MANAGER, TRIGGER_MANAGER, ClusterConnection
from wherry.clusters.errors import ApplyConflict, ClusterCallFailed, ObjectUnknown
from wherry.clusters.kinds import Kind, Object, kind_of, name_of, namespace_of

_LOOKS = 5


@dataclass(frozen=True, slots=True)
class Deployed:
    """One applied object. `was_there` before; `changed` where the server has something else now."""

    object: Object
    was_there: bool
    changed: bool


async def preview(
    connection: ClusterConnection, objects: Sequence[Object], *, force: bool = False
) -> tuple[Deployed, ...]:
    """What `deploy` would do, by the server itself: its defaults, webhooks and quotas included.

    Raises `ClusterCallFailed`, in particular `ApplyConflict` and `ClusterRefused`.
    """
    result = []
    for made in objects:
        for _ in range(_LOOKS):
            before = await _current(connection, made)
            after = await _apply(connection, made, dry_run=True, force=force)
            if (
                before is None
                or before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
            ):
                break  # else a controller has written in between, and its changes would be taken for ours
        result.append(_deployed(before, after))
    return tuple(result)


async def deploy(
    connection: ClusterConnection, objects: Sequence[Object], *, force: bool = False
) -> tuple[Deployed, ...]:
    """Apply all of them, after a dry run of all. What a failure finds newly made, it takes away again.

    `force` takes fields over from other field managers. Raises `ClusterCallFailed`.
    """
    before = {_key(one.object): one for one in await preview(connection, objects, force=force)}
    result: list[Deployed] = []
    try:
        for made in objects:
            known = before[_key(made)]
            after = await _apply(connection, made, dry_run=False, force=force)
            result.append(Deployed(after, known.was_there, known.changed))
    except ClusterCallFailed:
        await _take_back(connection, [one.object for one in result if not one.was_there])
        raise
    return tuple(result)


async def _apply(connection: ClusterConnection, made: Object, *, dry_run: bool, force: bool) -> Object:
    try:
        return await connection.apply(made, dry_run=dry_run, force=force)
    except ApplyConflict as conflict:
        # Scaling, pausing and images that a trigger set were our own doing; applying takes them over.
        if any(owner.owner not in (FIELD_MANAGER, TRIGGER_MANAGER) for owner in conflict.owners):
            raise
        return await connection.apply(made, dry_run=dry_run, force=True)


async def _current(connection: ClusterConnection, made: Object) -> Object | None:
    try:
        return await connection.get(kind_of(made), name_of(made), namespace_of(made))
    except ObjectUnknown:
        return None


async def _take_back(connection: ClusterConnection, made: Sequence[Object]) -> None:
    for one in reversed(made):
        try:
            await connection.delete(
                kind_of(one), name_of(one), namespace_of(one), uid=str(one["metadata"]["uid"])
            )
        except ClusterCallFailed:
            # The first failure is what the user hears of; a cluster that is gone takes nothing back either.
            continue


def _deployed(before: Object | None, after: Object) -> Deployed:
    if before is None:
        return Deployed(after, was_there=False, changed=True)
    return Deployed(after, was_there=True, changed=_essence(before) != _essence(after))


def _essence(made: Object) -> Object:
    metadata = {key: made["metadata"].get(key) for key in ("labels", "annotations")}
    return {"metadata": metadata} | {
        key: value for key, value in made.items() if key not in ("metadata", "status")
    }


def _key(made: Object) -> tuple[Kind, str | None, str]:
    return kind_of(made), namespace_of(made), name_of(made)
