"""``wherry federation deploy`` and ``delete``: placed by Karmada, followed until each member has its part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import call_cluster
from wherry.cli.data_folder import open_database
from wherry.cli.differences import DifferOption, differences_of
from wherry.cli.options import ConfigOption, DataOption, OutputOption, fail
from wherry.cli.workload_arguments import NameArgument, NamespaceOption, kind_and_name, note
from wherry.cli.workload_create import objects_in, print_deployed, request_from

if TYPE_CHECKING:
    from wherry.clusters.connection import ClusterConnection
    from wherry.clusters.federations.members import Member, Share
    from wherry.clusters.federations.placement import Mode
    from wherry.clusters.workloads.request import Workload
    from wherry.db.database import Database

FederationArgument = Annotated[
    str, typer.Argument(metavar="FEDERATION", help="Name of a registered Karmada.")
]

_FOLLOW_SECONDS = 600.0


def deploy(
    name: FederationArgument,
    workload: Annotated[
        str | None, typer.Argument(metavar="[WORKLOAD]", help="Its name; not with --file.")
    ] = None,
    image: Annotated[str | None, typer.Option("--image", help="As nodes pull it, tag or digest.")] = None,
    member: Annotated[
        list[str] | None,
        typer.Option("--member", help="Where: a member, or member=weight; repeatable.", metavar="MEMBER[=N]"),
    ] = None,
    balance: Annotated[
        bool, typer.Option("--balance", help="Divide by what is free in the members, not by weight.")
    ] = False,
    kind: Annotated[
        str, typer.Option("--kind", help="Deployment, StatefulSet or DaemonSet, which is in each in full.")
    ] = "Deployment",
    pods: Annotated[int, typer.Option("--pods", min=0, help="Number of pods in all members together.")] = 2,
    namespace: NamespaceOption = "default",
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    pull_secret: Annotated[
        list[str] | None,
        typer.Option("--pull-secret", help="A secret of the federation, which travels along; repeatable."),
    ] = None,
    port: Annotated[
        list[int] | None, typer.Option("--port", help="Port of the container, made a service too.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="The objects as YAML instead; - reads standard input.")
    ] = None,
    differ: DifferOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Take fields over from whoever else manages them.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Let the federation try it, and change nothing.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow it until every member has its part.")
    ] = False,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Place a workload in members of a federation, with what differs in them.

    Example: wherry federation deploy world demo --image registry.example.com/acme/web:1.4 --member berlin=2
    """
    from wherry.clusters.federations.federate import deploy_federated
    from wherry.clusters.federations.placement import Placement
    from wherry.clusters.kinds import kind_of
    from wherry.clusters.workloads.build import build
    from wherry.clusters.workloads.parse import parse

    with open_database(data, config) as database:
        if file is not None:
            request = parse(objects_in(file, namespace))
        elif workload is None or image is None:
            fail("a workload needs a NAME and an --image, or a --file", 2)
        else:
            request = request_from(
                kind, workload, image, namespace, pods, description, False, pull_secret, port, None
            )
        differences = differences_of(differ, [one.name for one in request.containers])
        placement = Placement(_weights(member), _mode(request, balance), differences)
        done = call_cluster(
            database,
            name,
            data,
            config,
            lambda made: deploy_federated(made, request, placement, force=force, dry_run=dry_run),
        )
        print_deployed(done, output, "would be" if dry_run else "is")
        if dry_run:
            return
        on = f"{request.kind} {request.namespace}/{request.name}"
        note(database, name, "workload.deploy", {"on": on, "members": list(placement.members)})
        if watch:
            made = kind_of(build(request)[0])
            _follow(database, name, str(made), request.name, request.namespace, data, config)


def delete(
    name: FederationArgument,
    workload: NameArgument,
    namespace: NamespaceOption = "default",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a workload from a federation and all members, and the secrets that nothing else pulls with.

    Example: wherry federation delete world demo
    """
    from wherry.clusters.federations.federate import delete_federated

    kind, bare = kind_and_name(workload)
    if not yes:
        typer.confirm(f"{kind} {bare} in {namespace} goes from all members. Go on?", abort=True)
    with open_database(data, config) as database:
        call_cluster(database, name, data, config, lambda made: delete_federated(made, kind, bare, namespace))
        note(database, name, "workload.delete", {"on": f"{kind} {namespace}/{bare}"})
    typer.echo(f"{kind} {bare} is deleted.")


def member_rows(members: Iterable[Member], registered: Mapping[str, str]) -> list[dict[str, Any]]:
    """`registered` are the names of clusters here, by the uid of their kube-system."""
    return [
        {
            "name": one.name,
            "ready": one.is_ready,
            "version": one.version,
            "sync_mode": one.sync_mode,
            "cluster": registered.get(one.uid) if one.uid else None,
            "problem": one.problem,
        }
        for one in sorted(members, key=lambda one: one.name)
    ]


def share_rows(shares: Iterable[Share]) -> list[dict[str, Any]]:
    """By member."""
    return [
        {
            "name": one.member,
            "desired": one.desired,
            "ready": one.ready,
            "applied": one.is_applied,
            "health": one.health,
            "problem": one.problem,
        }
        for one in shares
    ]


def _weights(texts: Sequence[str] | None) -> dict[str, int]:
    weights: dict[str, int] = {}
    for text in texts or ():
        member, equals, weight = text.partition("=")
        if equals and not weight.isdecimal():
            fail(f"--member {text}: the weight is a number from 0 to 100", 2)
        weights[member] = int(weight) if equals else 1
    return weights


def _mode(request: Workload, balance: bool) -> Mode:
    from wherry.clusters.federations.placement import Mode

    if not request.kind.has_replicas:
        return Mode.REPLICATION
    return Mode.AUTO if balance else Mode.WEIGHT


def _follow(
    database: Database,
    name: str,
    kind: str,
    workload: str,
    namespace: str,
    data: str | None,
    config: Path | None,
) -> None:
    from wherry.clusters.federations.members import are_whole, follow_shares
    from wherry.clusters.kinds import WORKLOADS
    from wherry.kit.clock import SystemClock

    [found] = [one for one in WORKLOADS if str(one) == kind]

    async def whole(connection: ClusterConnection) -> bool:
        last: dict[str, str] = {}
        is_whole = False
        async for shares in follow_shares(
            connection, found, workload, namespace, SystemClock(), _FOLLOW_SECONDS
        ):
            is_whole = are_whole(shares)
            for one in shares:
                said = (
                    f"{one.ready} of {one.desired if one.desired is not None else 'all'} ready, {one.health}"
                )
                said += f": {one.problem}" if one.problem and not one.is_applied else ""
                if last.get(one.member) != said:
                    typer.echo(f"{one.member}: {said}")
                    last[one.member] = said
        return is_whole

    if not call_cluster(database, name, data, config, whole):
        fail(f"{kind} {workload} is not in all members after {_FOLLOW_SECONDS / 60:.0f} minutes")
