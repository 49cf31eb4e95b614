"""``wherry federation``: workloads over the members of a Karmada, which is registered like any cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from wherry.cli import federation_deploy
from wherry.cli.cluster_calls import call_cluster
from wherry.cli.data_folder import open_database
from wherry.cli.federation_deploy import FederationArgument, member_rows, share_rows
from wherry.cli.fleet_calls import everybody
from wherry.cli.options import ConfigOption, DataOption, JsonOption, OutputOption
from wherry.cli.output import print_as, print_record, print_rows
from wherry.cli.watching import ForOption, WatchOption, print_again
from wherry.cli.workload_arguments import NameArgument, NamespaceOption, kind_and_name

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.clusters.cluster import Cluster
    from wherry.clusters.connection import ClusterConnection
    from wherry.db.database import Database

federations = typer.Typer(no_args_is_help=True, help="Federations: a Karmada and the clusters in it.")

federations.command("deploy")(federation_deploy.deploy)
federations.command("delete")(federation_deploy.delete)

_MEMBERS = ["name", "ready", "version", "sync_mode", "cluster", "problem"]
_SHARES = ["name", "desired", "ready", "applied", "health", "problem"]


@federations.command("list")
def list_all(
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the registered federations. `wherry cluster add` registers one, and sees what it is.

    Example: wherry federation list
    """
    with open_database(data, config) as database:
        rows = [
            {
                "name": one.name,
                "organization": one.organization,
                "status": one.state.word,
                "version": one.state.version,
                "server": one.server,
            }
            for one in _registered(database)
            if one.kind.value == "karmada"
        ]
    if output is not None:
        print_as(rows, output)
        return
    print_rows(rows, ["name", "organization", "status", "version", "server"], as_json=as_json)


@federations.command()
def show(
    name: FederationArgument,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a federation: its members, and the workloads that Wherry has placed.

    Example: wherry federation show world
    """
    from wherry.clusters.cluster import get_cluster
    from wherry.clusters.federations.federate import list_federated
    from wherry.clusters.federations.members import list_members

    async def look(connection: ClusterConnection) -> tuple[Any, Any]:
        return await list_members(connection), await list_federated(connection)

    with open_database(data, config) as database:
        cluster = database.read_now(lambda tx: get_cluster(tx, name))
        members, workloads = call_cluster(database, name, data, config, look)
    record: dict[str, Any] = {
        "name": cluster.name,
        "organization": cluster.organization,
        "server": cluster.server,
        "members": [f"{one.name} ({'ready' if one.is_ready else 'not ready'})" for one in members],
        "workloads": [
            f"{one.kind} {one.namespace}/{one.name} in {' '.join(one.members)}" for one in workloads
        ],
    }
    if output is not None:
        print_as(record, output)
        return
    print_record(record, as_json=as_json)


@federations.command()
def members(
    name: FederationArgument,
    watch: WatchOption = False,
    seconds: ForOption = None,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the members of a federation, and by which name each is registered here itself.

    Example: wherry federation members world
    """
    from wherry.clusters.federations.members import list_members, see_member
    from wherry.clusters.kinds import KARMADA_CLUSTER
    from wherry.clusters.watching.mirror import Mirror
    from wherry.kit.clock import SystemClock

    with open_database(data, config) as database:
        known = {one.uid: one.name for one in _registered(database) if one.uid is not None}

        async def follow(connection: ClusterConnection) -> None:
            mirror = Mirror(connection, KARMADA_CLUSTER, see_member, SystemClock())

            def rows() -> list[dict[str, Any]] | None:
                return member_rows(mirror.items.values(), known) if mirror.was_synced else None

            await print_again([mirror.run()], rows, _MEMBERS, seconds)

        if watch:
            call_cluster(database, name, data, config, follow)
            return
        rows = member_rows(call_cluster(database, name, data, config, list_members), known)
    if output is not None:
        print_as(rows, output)
        return
    print_rows(rows, _MEMBERS, as_json=as_json)


@federations.command()
def status(
    name: FederationArgument,
    workload: NameArgument,
    namespace: NamespaceOption = "default",
    watch: WatchOption = False,
    seconds: ForOption = None,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a workload's part in each member of a federation, and how its pull secrets fare there.

    Example: wherry federation status world demo --watch
    """
    from wherry.clusters.federations.federate import look_federated

    kind, bare = kind_and_name(workload)
    with open_database(data, config) as database:
        if watch:
            _watch_shares(database, name, str(kind), bare, namespace, seconds, data, config)
            return
        found = call_cluster(
            database, name, data, config, lambda made: look_federated(made, kind, bare, namespace)
        )
    rows = share_rows(found.shares)
    if output is not None:
        print_as(rows, output)
        return
    print_rows(rows, _SHARES, as_json=as_json, empty="It is not in any member yet.")
    if not as_json:
        for secret, shares in found.secrets.items():
            there = ", ".join(one.member for one in shares if one.is_applied) or "no member yet"
            typer.echo(f"The secret {secret} travels with it: it is in {there}.")
            for one in shares:
                if one.problem is not None and not one.is_applied:
                    typer.echo(f"  {one.member} keeps its own: {one.problem}")


def _watch_shares(
    database: Database,
    name: str,
    kind: str,
    workload: str,
    namespace: str,
    seconds: float | None,
    data: str | None,
    config: Path | None,
) -> None:
    from wherry.clusters.connection import Selection
    from wherry.clusters.federations.members import shares_in
    from wherry.clusters.kinds import RESOURCE_BINDING
    from wherry.clusters.watching.mirror import Mirror
    from wherry.kit.clock import SystemClock

    binding = f"{workload}-{kind}".lower()

    async def follow(connection: ClusterConnection) -> None:
        which = Selection(namespace, fields=f"metadata.name={binding}")
        mirror = Mirror(connection, RESOURCE_BINDING, shares_in, SystemClock(), which=which)

        def rows() -> list[dict[str, Any]] | None:
            return share_rows(mirror.items.get((namespace, binding), ())) if mirror.was_synced else None

        await print_again([mirror.run()], rows, _SHARES, seconds)

    call_cluster(database, name, data, config, follow)


def _registered(database: Database) -> list[Cluster]:
    from wherry.clusters.rights import list_clusters

    found: list[Cluster] = []

    def more(tx: Connection) -> bool:
        page = list_clusters(tx, everybody(), after=found[-1].name if found else "")
        found.extend(page.items)
        return page.more

    while database.read_now(more):
        continue
    return found
