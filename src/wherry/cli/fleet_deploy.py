"""``wherry fleet deploy`` and ``undeploy``: to all clusters side by side, with what came of it in each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import print_objects, sealer_of
from wherry.cli.data_folder import change, open_database
from wherry.cli.differences import DifferOption, differences_of
from wherry.cli.fleet_calls import FleetArgument, call_clusters, target_of_fleet
from wherry.cli.fleet_status import follow_to_the_end
from wherry.cli.options import ConfigOption, DataOption, OutputOption, fail
from wherry.cli.workload_arguments import NameArgument, NamespaceOption, kind_and_name
from wherry.cli.workload_create import objects_in, request_from

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.clusters.federations.fleet import Outcome
    from wherry.clusters.federations.fleet_workloads import FleetRequest, FleetWorkload
    from wherry.clusters.federations.fleets import Fleet
    from wherry.db.database import Database
    from wherry.kit.secrets import Sealer


def deploy(
    name: FleetArgument,
    workload: Annotated[
        str | None, typer.Argument(metavar="[WORKLOAD]", help="Its name; not with --file.")
    ] = None,
    image: Annotated[str | None, typer.Option("--image", help="As nodes pull it, tag or digest.")] = None,
    kind: Annotated[
        str, typer.Option("--kind", help="Deployment, StatefulSet, DaemonSet, Job or CronJob.")
    ] = "Deployment",
    pods: Annotated[int, typer.Option("--pods", min=0, help="Number of pods in each cluster.")] = 2,
    namespace: NamespaceOption = "default",
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    pull_secret: Annotated[
        list[str] | None, typer.Option("--pull-secret", help="Image access credential; repeatable.")
    ] = None,
    port: Annotated[
        list[int] | None, typer.Option("--port", help="Port of the container, made a service too.")
    ] = None,
    schedule: Annotated[str | None, typer.Option("--schedule", help="Of a CronJob: '0 4 * * *'.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="The objects as YAML instead; - reads standard input.")
    ] = None,
    differ: DifferOption = None,
    repeat: Annotated[
        bool, typer.Option("--repeat", help="What was asked for last, where it failed or was not tried yet.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Take fields over from whoever else manages them.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Let the clusters try it, and change nothing.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it runs everywhere.")] = False,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Deploy to all clusters of a fleet. Where it fails is told; --repeat goes only there again.

    Example: wherry fleet deploy shops demo --image registry.example.com/acme/web:1.4 --differ paris.pods=5
    """
    from wherry.clusters.federations.differences import containers_of
    from wherry.clusters.federations.fleet import deploy_to_all
    from wherry.clusters.federations.fleet_workloads import FleetRequest
    from wherry.clusters.workloads.build import build

    sealer = sealer_of(data, config)
    known: FleetWorkload | None
    with open_database(data, config) as database:
        if repeat:
            if workload is None or image is not None or file is not None:
                fail("--repeat takes the WORKLOAD and nothing of what it is", 2)
            fleet, known, request, targets = _remembered(database, sealer, name, workload, namespace)
        else:
            if file is not None:
                objects = objects_in(file, namespace)
            elif workload is None or image is None:
                fail("a workload needs a NAME and an --image, or a --file", 2)
            else:
                objects = build(
                    request_from(
                        kind,
                        workload,
                        image,
                        namespace,
                        pods,
                        description,
                        False,
                        pull_secret,
                        port,
                        schedule,
                    )
                )
            names = [str(one.get("name")) for one in containers_of(objects[0])]
            request = FleetRequest(objects, differences_of(differ, names))
            fleet, known, targets = _remember(database, sealer, name, request, dry_run=dry_run)
        done = call_clusters(
            database,
            targets,
            data,
            config,
            lambda made: deploy_to_all(made, request.for_cluster, force=force, dry_run=dry_run),
        )
        if known is not None:
            _record(database, fleet, known, done)
        _print(done, output, "would be" if dry_run else "is")
        if watch and known is not None:
            there = [cluster for cluster, outcome in done.items() if outcome.problem is None]
            follow_to_the_end(database, known, there, data, config)
    if any(one.problem for one in done.values()):
        raise typer.Exit(1)


def undeploy(
    name: FleetArgument,
    workload: NameArgument,
    namespace: NamespaceOption = "default",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a workload from all clusters of a fleet. Where it fails it is remembered, and can be repeated.

    Example: wherry fleet undeploy shops demo
    """
    from wherry.clusters.federations.fleet import delete_from_all
    from wherry.clusters.federations.fleet_workloads import forget_workload, get_workload
    from wherry.clusters.federations.fleets import clusters_of, get_fleet

    kind, bare = kind_and_name(workload)
    with open_database(data, config) as database:
        fleet = database.read_now(lambda tx: get_fleet(tx, name))
        known = database.read_now(lambda tx: get_workload(tx, fleet, str(kind), bare, namespace))
        targets = [one.name for one in database.read_now(lambda tx: clusters_of(tx, fleet))]
        if not yes:
            typer.confirm(f"{kind} {bare} goes from {', '.join(targets)}. Go on?", abort=True)
        problems = call_clusters(
            database, targets, data, config, lambda made: delete_from_all(made, kind, bare, namespace)
        )
        is_gone = not any(problems.values())
        told = {"on": f"{kind} {namespace}/{bare}", "failed": [one for one, why in problems.items() if why]}
        change(
            database,
            "workload.delete",
            target_of_fleet(fleet),
            lambda tx: forget_workload(tx, known) if is_gone else None,
            told,
        )
    for cluster, problem in problems.items():
        typer.echo(f"{cluster}: {problem or f'{kind} {bare} is gone.'}")
    if not is_gone:
        raise typer.Exit(1)


def _remember(
    database: Database, sealer: Sealer, name: str, request: FleetRequest, *, dry_run: bool
) -> tuple[Fleet, FleetWorkload | None, list[str]]:
    """A dry run is checked and not remembered."""
    from wherry.clusters.federations.fleet_workloads import check_request, remember_request
    from wherry.clusters.federations.fleets import clusters_of, get_fleet
    from wherry.kit.clock import SystemClock

    def work(tx: Connection) -> tuple[Fleet, FleetWorkload | None, list[str]]:
        fleet = get_fleet(tx, name)
        targets = [one.name for one in clusters_of(tx, fleet)]
        if dry_run:
            check_request(request, set(targets))
            return fleet, None, targets
        return fleet, remember_request(tx, sealer, fleet, request, None, SystemClock().now()), targets

    return database.read_now(work) if dry_run else database.write_now(work)


def _remembered(
    database: Database, sealer: Sealer, name: str, workload: str, namespace: str
) -> tuple[Fleet, FleetWorkload, FleetRequest, list[str]]:
    from wherry.clusters.federations.fleet_workloads import get_request, get_workload, to_repeat
    from wherry.clusters.federations.fleets import get_fleet
    from wherry.kit.secrets import UnreadableSecret

    kind, bare = kind_and_name(workload)

    def work(tx: Connection) -> tuple[Fleet, FleetWorkload, FleetRequest, list[str]]:
        fleet = get_fleet(tx, name)
        known = get_workload(tx, fleet, str(kind), bare, namespace)
        targets = [one.name for one in to_repeat(tx, fleet, known)]
        return fleet, known, get_request(tx, sealer, known), targets

    try:
        return database.read_now(work)
    except UnreadableSecret as error:
        fail(str(error))


def _record(database: Database, fleet: Fleet, workload: FleetWorkload, done: Mapping[str, Outcome]) -> None:
    from wherry.clusters.federations.fleet_workloads import record_outcomes
    from wherry.kit.clock import SystemClock

    problems = {cluster: outcome.problem for cluster, outcome in done.items()}
    told = {
        "on": f"{workload.kind} {workload.namespace}/{workload.name}",
        "clusters": [one for one, problem in problems.items() if problem is None],
        "failed": [one for one, problem in problems.items() if problem is not None],
    }
    change(
        database,
        "workload.deploy",
        target_of_fleet(fleet),
        lambda tx: record_outcomes(tx, workload, problems, SystemClock().now()),
        told,
    )


def _print(done: Mapping[str, Outcome], output: str | None, verb: str) -> None:
    from wherry.clusters.kinds import kind_of, name_of
    from wherry.clusters.workloads.server_defaults import without_defaults

    if output is not None:
        made: list[dict[str, Any]] = [
            without_defaults(one.object) for outcome in done.values() for one in outcome.deployed
        ]
        print_objects(made, output)
        return
    if not done:
        typer.echo("It is everywhere already.")
    for cluster, outcome in done.items():
        if outcome.problem is not None:
            typer.echo(f"{cluster}: {outcome.problem}")
        for one in outcome.deployed:
            word = "made" if not one.was_there else ("changed" if one.changed else "the same")
            typer.echo(f"{cluster}: {kind_of(one.object)} {name_of(one.object)} {verb} {word}.")
