"""``wherry fleet``: named sets of clusters, for who has no Karmada."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli import fleet_deploy, fleet_status
from wherry.cli.data_folder import change, open_database
from wherry.cli.fleet_calls import FleetArgument, everybody, target_of_fleet
from wherry.cli.options import ConfigOption, DataOption, JsonOption, OutputOption, fail
from wherry.cli.output import note_more, print_as, print_record, print_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.clusters.federations.fleets import Fleet

fleets = typer.Typer(no_args_is_help=True, help="Sets of clusters that one request goes to.")

ClustersArgument = Annotated[
    list[str], typer.Argument(metavar="CLUSTER…", help="Names of registered clusters.")
]

fleets.command("deploy")(fleet_deploy.deploy)
fleets.command("status")(fleet_status.status)
fleets.command("undeploy")(fleet_deploy.undeploy)


@fleets.command()
def create(
    name: FleetArgument,
    organization: Annotated[
        str | None, typer.Option("--organization", help="Whose it is; else the whole site's.")
    ] = None,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a fleet without clusters.

    Example: wherry fleet create shops --organization acme
    """
    from wherry.clusters.federations.fleets import create_fleet
    from wherry.kit.clock import SystemClock

    with open_database(data, config) as database:
        change(
            database,
            "fleet.create",
            target_of_fleet,
            lambda tx: create_fleet(tx, name, organization, description, None, SystemClock().now()),
        )
    typer.echo(f"The fleet {name} is made. Add clusters: wherry fleet add {name} CLUSTER…")


@fleets.command("list")
def list_all(
    after: Annotated[str, typer.Option("--after", help="Go on behind this name.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 100,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the fleets with their clusters.

    Example: wherry fleet list
    """
    from wherry.clusters.federations.fleets import clusters_of, list_fleets

    def look(tx: Connection) -> tuple[list[dict[str, Any]], bool]:
        page = list_fleets(tx, everybody(), after=after, size=limit)
        return [_row(one, [each.name for each in clusters_of(tx, one)]) for one in page.items], page.more

    with open_database(data, config) as database:
        rows, more = database.read_now(look)
    if output is not None:
        print_as(rows, output)
        return
    print_rows(rows, ["name", "organization", "clusters", "description"], as_json=as_json)
    if rows:
        note_more(more, rows[-1]["name"])


@fleets.command()
def show(
    name: FleetArgument,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a fleet: how its clusters are, and what was deployed to it.

    Example: wherry fleet show shops
    """
    from wherry.clusters.federations.fleet_workloads import list_workloads
    from wherry.clusters.federations.fleets import clusters_of, get_fleet

    def look(tx: Connection) -> dict[str, Any]:
        fleet = get_fleet(tx, name)
        found = clusters_of(tx, fleet)
        return _row(fleet, [f"{one.name} ({one.state.word})" for one in found]) | {
            "created": fleet.created_at,
            "workloads": [f"{one.kind} {one.namespace}/{one.name}" for one in list_workloads(tx, fleet)],
        }

    with open_database(data, config) as database:
        record = database.read_now(look)
    if output is not None:
        print_as(record, output)
        return
    print_record(record, as_json=as_json)


@fleets.command()
def add(
    name: FleetArgument, clusters: ClustersArgument, data: DataOption = None, config: ConfigOption = None
) -> None:
    """Add clusters to a fleet. What the fleet has deployed comes there with `deploy --repeat`.

    Example: wherry fleet add shops berlin paris
    """
    from wherry.clusters.federations.fleets import add_cluster, get_fleet
    from wherry.kit.clock import SystemClock

    def work(tx: Connection) -> Fleet:
        fleet = get_fleet(tx, name)
        for cluster in clusters:
            add_cluster(tx, everybody(), fleet, cluster, SystemClock().now())
        return fleet

    with open_database(data, config) as database:
        change(database, "fleet.change", target_of_fleet, work, {"added": clusters})
    typer.echo(f"The fleet {name} has {', '.join(clusters)} now.")


@fleets.command()
def remove(
    name: FleetArgument, clusters: ClustersArgument, data: DataOption = None, config: ConfigOption = None
) -> None:
    """Take clusters out of a fleet. What runs in them goes on.

    Example: wherry fleet remove shops paris
    """
    from wherry.clusters.federations.fleets import get_fleet, remove_cluster
    from wherry.kit.clock import SystemClock

    def work(tx: Connection) -> Fleet:
        fleet = get_fleet(tx, name)
        for cluster in clusters:
            if not remove_cluster(tx, fleet, cluster, SystemClock().now()):
                fail(f"the cluster {cluster} is not in the fleet {name}")
        return fleet

    with open_database(data, config) as database:
        change(database, "fleet.change", target_of_fleet, work, {"removed": clusters})
    typer.echo(f"The fleet {name} has {', '.join(clusters)} no more.")


@fleets.command()
def delete(name: FleetArgument, data: DataOption = None, config: ConfigOption = None) -> None:
    """Delete a fleet. Its clusters stay registered, and what runs in them goes on.

    Example: wherry fleet delete shops
    """
    from wherry.clusters.federations.fleets import delete_fleet, get_fleet

    with open_database(data, config) as database:
        fleet = database.read_now(lambda tx: get_fleet(tx, name))
        change(database, "fleet.delete", target_of_fleet(fleet), lambda tx: delete_fleet(tx, name))
    typer.echo(f"The fleet {name} is deleted. What it has deployed runs on.")


def _row(fleet: Fleet, clusters: list[str]) -> dict[str, Any]:
    return {
        "name": fleet.name,
        "organization": fleet.organization,
        "clusters": clusters,
        "description": fleet.description,
    }
