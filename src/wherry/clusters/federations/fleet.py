"""Fleets, for who has no Karmada: one request applied to several clusters, with what came of it in each."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import ClusterError
from wherry.clusters.kinds import Object
from wherry.clusters.workloads.deploy import Deployed, deploy, preview


@dataclass(frozen=True, slots=True)
class Outcome:
    """`problem` None: it is there. A cluster where it failed has nothing half-made."""

    deployed: tuple[Deployed, ...]
    problem: str | None


async def deploy_to_all(
    connections: Mapping[str, ClusterConnection],
    objects: Sequence[Object],
    *,
    force: bool = False,
    dry_run: bool = False,
) -> dict[str, Outcome]:
    """Side by side; a cluster that fails or hangs keeps no other from its own, and raises nothing."""

    async def one(connection: ClusterConnection) -> Outcome:
        try:
            done = await (preview if dry_run else deploy)(connection, objects, force=force)
        except ClusterError as error:
            return Outcome((), str(error))
        return Outcome(done, None)

    outcomes = await asyncio.gather(*(one(connection) for connection in connections.values()))
    return dict(zip(connections, outcomes, strict=True))
