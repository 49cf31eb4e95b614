"""Calls to all clusters of a fleet, side by side: deploy, look, delete. Each has an outcome of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import ClusterError, ObjectUnknown
from wherry.clusters.kinds import Kind, Object
from wherry.clusters.watching.seen import SeenWorkload, see_workload
from wherry.clusters.workloads.change import delete
from wherry.clusters.workloads.deploy import Deployed, deploy, preview

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """`problem` None: it is there. A cluster where it failed has nothing half-made."""

    deployed: tuple[Deployed, ...]
    problem: str | None


@dataclass(frozen=True, slots=True)
class FleetShare:
    """How the workload fares in one cluster; None without a `problem`: it is not there."""

    workload: SeenWorkload | None
    problem: str | None = None


async def deploy_to_all(
    connections: Mapping[str, ClusterConnection],
    objects: Sequence[Object] | Callable[[str], Sequence[Object]],
    *,
    force: bool = False,
    dry_run: bool = False,
) -> dict[str, Outcome]:
    """The same objects for all, or those that are made for each by its name.

    A cluster that fails keeps no other from its own, and raises nothing.
    """

    async def one(name: str, connection: ClusterConnection) -> Outcome:
        try:
            wanted = objects(name) if callable(objects) else objects
            done = await (preview if dry_run else deploy)(connection, wanted, force=force)
        except ClusterError as error:
            return Outcome((), str(error))
        return Outcome(done, None)

    return await _in_all(connections, one)


async def look_at_all(
    connections: Mapping[str, ClusterConnection], kind: Kind, name: str, namespace: str
) -> dict[str, FleetShare]:
    """What each cluster says of the workload now."""

    async def one(_: str, connection: ClusterConnection) -> FleetShare:
        try:
            return FleetShare(see_workload(await connection.get(kind, name, namespace)))
        except ObjectUnknown:
            return FleetShare(None)
        except ClusterError as error:
            return FleetShare(None, str(error))

    return await _in_all(connections, one)


async def delete_from_all(
    connections: Mapping[str, ClusterConnection], kind: Kind, name: str, namespace: str
) -> dict[str, str | None]:
    """What kept a cluster from it; None: it is gone there, or was not there."""

    async def one(_: str, connection: ClusterConnection) -> str | None:
        try:
            await delete(connection, kind, name, namespace)
        except ObjectUnknown:
            return None
        except ClusterError as error:
            return str(error)
        return None

    return await _in_all(connections, one)


async def _in_all(
    connections: Mapping[str, ClusterConnection], one: Callable[[str, ClusterConnection], Awaitable[T]]
) -> dict[str, T]:
    done = await asyncio.gather(*(one(name, connection) for name, connection in connections.items()))
    return dict(zip(connections, done, strict=True))
