"""Calls of commands to all clusters of a fleet at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from wherry.cli.cluster_calls import address_rules, sealer_of, sockets_of
from wherry.cli.options import fail

if TYPE_CHECKING:
    from wherry.access.decisions import Actor
    from wherry.audit.entries import Target
    from wherry.clusters.connection import ClusterConnection
    from wherry.clusters.federations.fleets import Fleet
    from wherry.clusters.kubeconfig import ClusterLogin
    from wherry.db.database import Database

T = TypeVar("T")

FleetArgument = Annotated[str, typer.Argument(metavar="FLEET", help="Name of the fleet.")]


def everybody() -> Actor:
    """Whoever may work on the data folder may everything."""
    from wherry.access.decisions import Actor

    return Actor(None, "command line", is_admin=True)


def target_of_fleet(fleet: Fleet) -> Target:
    """For the audit record."""
    from wherry.audit.entries import Kind, Target

    return Target(Kind.CLUSTER, f"fleet {fleet.name}", fleet.organization)


def call_clusters(
    database: Database,
    names: Iterable[str],
    data: str | None,
    config: Path | None,
    work: Callable[[Mapping[str, ClusterConnection]], Awaitable[T]],
) -> T:
    """Connect to all of them and run `work`."""
    import asyncio
    from contextlib import AsyncExitStack

    from wherry.clusters.cluster import open_login
    from wherry.clusters.drivers.http import HttpConnection
    from wherry.kit.secrets import UnreadableSecret

    sealer, rules, sockets = sealer_of(data, config), address_rules(data, config), sockets_of(data, config)

    def open_all(tx: object) -> dict[str, ClusterLogin]:
        return {name: open_login(tx, sealer, name) for name in names}  # type: ignore[arg-type]

    try:
        logins = database.read_now(open_all)
    except UnreadableSecret as error:
        fail(str(error))

    async def whole() -> T:
        async with AsyncExitStack() as stack:
            connections: dict[str, ClusterConnection] = {}
            for name, login in logins.items():
                connections[name] = HttpConnection(name, login, rules, sockets)
                stack.push_async_callback(connections[name].close)
            return await work(connections)

    return asyncio.run(whole())
