"""Calls of commands to a registered cluster: connected for one command, by the login that is kept of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from wherry.cli.options import fail, resolve
from wherry.cli.output import print_json

if TYPE_CHECKING:
    from wherry.audit.entries import Target
    from wherry.clusters.addresses import AddressRules
    from wherry.clusters.cluster import Cluster
    from wherry.clusters.connection import ClusterConnection
    from wherry.clusters.drivers.tunnel_sockets import TunnelSockets
    from wherry.clusters.kubeconfig import ClusterLogin
    from wherry.db.database import Database
    from wherry.kit.secrets import Sealer

T = TypeVar("T")


def address_rules(data: str | None, config: Path | None) -> AddressRules:
    """As the settings say."""
    from wherry.clusters.addresses import AddressRules

    return AddressRules(resolve(config=config, data=data).settings.clusters.allowed_networks)


def sealer_of(data: str | None, config: Path | None) -> Sealer:
    """With the master key of the data folder."""
    from wherry.app import open_sealer

    return open_sealer(resolve(config=config, data=data).settings)


def sockets_of(data: str | None, config: Path | None) -> TunnelSockets:
    """Where the server on this data folder holds the tunnels of agents."""
    from wherry.clusters.drivers.tunnel_sockets import TunnelSockets

    return TunnelSockets(resolve(config=config, data=data).settings.data)


def call_cluster(
    database: Database,
    name: str,
    data: str | None,
    config: Path | None,
    work: Callable[[ClusterConnection], Awaitable[T]],
) -> T:
    """Connect to the registered cluster and run `work`."""
    from wherry.clusters.cluster import open_login
    from wherry.kit.secrets import UnreadableSecret

    sealer = sealer_of(data, config)
    try:
        login = database.read_now(lambda tx: open_login(tx, sealer, name))
    except UnreadableSecret as error:
        fail(str(error))
    return call(name, login, address_rules(data, config), work, sockets_of(data, config))


def call(
    name: str,
    login: ClusterLogin,
    rules: AddressRules,
    work: Callable[[ClusterConnection], Awaitable[T]],
    sockets: TunnelSockets | None = None,
) -> T:
    """Connect with this login and run `work`."""
    import asyncio

    from wherry.clusters.drivers.http import HttpConnection

    async def whole() -> T:
        connection = HttpConnection(name, login, rules, sockets)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(whole())


def target_of(cluster: Cluster) -> Target:
    """For the audit record."""
    from wherry.audit.entries import Kind, Target

    return Target(Kind.CLUSTER, cluster.name, cluster.organization)


def print_objects(objects: list[dict[str, Any]], output: str) -> None:
    """As `yaml` or `json`."""
    from wherry.clusters.yaml_text import write_yaml

    if output == "json":
        print_json(
            objects[0] if len(objects) == 1 else {"apiVersion": "v1", "kind": "List", "items": objects}
        )
    elif output == "yaml":
        import typer

        typer.echo(write_yaml(*objects), nl=False)
    else:
        fail(f"-o {output}: valid are yaml and json", 2)
