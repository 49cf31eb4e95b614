"""``wherry workload scale|pause|resume|redeploy|history|roll-back|delete``: what is done to a workload."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import call_cluster
from wherry.cli.data_folder import open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption
from wherry.cli.output import print_rows
from wherry.cli.workload_arguments import ClusterArgument, NameArgument, NamespaceOption, kind_and_name, note

if TYPE_CHECKING:
    from wherry.clusters.connection import ClusterConnection
    from wherry.clusters.kinds import Kind


def scale(
    cluster: ClusterArgument,
    name: NameArgument,
    pods: Annotated[int, typer.Argument(metavar="PODS", min=0, help="Number of pods.")],
    namespace: NamespaceOption = "default",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Change the number of pods.

    Example: wherry workload scale prod demo 5
    """
    from wherry.clusters.workloads.change import scale as change_pods

    def work(made: ClusterConnection, kind: Kind, bare: str) -> Awaitable[Any]:
        return change_pods(made, kind, bare, namespace, pods)

    kind, bare = _change(cluster, name, namespace, work, {"pods": pods}, data, config)
    typer.echo(f"{kind} {bare} is to have {pods} pods.")


def pause(
    cluster: ClusterArgument,
    name: NameArgument,
    namespace: NamespaceOption = "default",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Hold the upgrades of a Deployment, the schedule of a CronJob, or the work of a Job.

    Example: wherry workload pause prod cronjob/report
    """
    _set_paused(cluster, name, namespace, True, data, config)


def resume(
    cluster: ClusterArgument,
    name: NameArgument,
    namespace: NamespaceOption = "default",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Let go on what `pause` held.

    Example: wherry workload resume prod cronjob/report
    """
    _set_paused(cluster, name, namespace, False, data, config)


def redeploy(
    cluster: ClusterArgument,
    name: NameArgument,
    namespace: NamespaceOption = "default",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Exchange all pods for new ones of the same template.

    Example: wherry workload redeploy prod demo
    """
    from wherry.clusters.workloads.change import redeploy as exchange

    def work(made: ClusterConnection, kind: Kind, bare: str) -> Awaitable[Any]:
        return exchange(made, kind, bare, namespace, datetime.now(UTC))

    kind, bare = _change(cluster, name, namespace, work, {"redeployed": True}, data, config)
    typer.echo(f"The pods of {kind} {bare} are exchanged.")


def history(
    cluster: ClusterArgument,
    name: NameArgument,
    namespace: NamespaceOption = "default",
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the versions that a workload can be rolled back to.

    Example: wherry workload history prod demo
    """
    from wherry.clusters.workloads.change import history as past

    kind, bare = kind_and_name(name)
    with open_database(data, config) as database:
        known = call_cluster(database, cluster, data, config, lambda made: past(made, kind, bare, namespace))
    rows: list[dict[str, Any]] = [
        {"revision": one.number, "current": one.is_current, "images": list(one.images), "made": one.made_at}
        for one in known
    ]
    print_rows(rows, ["revision", "current", "images", "made"], as_json=as_json)


def roll_back(
    cluster: ClusterArgument,
    name: NameArgument,
    revision: Annotated[
        int | None, typer.Option("--revision", help="Of `history`; else the one before.")
    ] = None,
    namespace: NamespaceOption = "default",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Bring an earlier version of a workload back.

    Example: wherry workload roll-back prod demo
    """
    from wherry.clusters.workloads.change import roll_back as bring_back

    def work(made: ClusterConnection, kind: Kind, bare: str) -> Awaitable[Any]:
        return bring_back(made, kind, bare, namespace, revision)

    detail = {"rolled_back_to": revision or "the one before"}
    kind, bare = _change(cluster, name, namespace, work, detail, data, config)
    typer.echo(f"{kind} {bare} is rolled back.")


def delete(
    cluster: ClusterArgument,
    name: NameArgument,
    namespace: NamespaceOption = "default",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a workload with its pods and the services that were made for it.

    Example: wherry workload delete prod demo
    """
    from wherry.clusters.workloads.change import delete as remove
    from wherry.clusters.workloads.change import plan_deletion

    kind, bare = kind_and_name(name)
    with open_database(data, config) as database:
        plan = call_cluster(
            database, cluster, data, config, lambda made: plan_deletion(made, kind, bare, namespace)
        )
        along = [f"{plan.pods} pods", *(f"service {service}" for service in plan.services)]
        typer.echo(f"{kind} {bare} in {namespace} goes, and with it {', '.join(along)}.")
        for claim in plan.claims_left:
            typer.echo(f"The volume claims {claim} stay.")
        if not yes:
            typer.confirm("Go on?", abort=True)
        call_cluster(database, cluster, data, config, lambda made: remove(made, kind, bare, namespace))
        note(database, cluster, "workload.delete", {"on": f"{kind} {namespace}/{bare}"})
    typer.echo(f"{kind} {bare} is deleted.")


def _set_paused(
    cluster: str, name: str, namespace: str, paused: bool, data: str | None, config: Path | None
) -> None:
    from wherry.clusters.workloads.change import pause as hold

    def work(made: ClusterConnection, kind: Kind, bare: str) -> Awaitable[Any]:
        return hold(made, kind, bare, namespace, paused)

    kind, bare = _change(cluster, name, namespace, work, {"paused": paused}, data, config)
    typer.echo(f"{kind} {bare} is paused." if paused else f"{kind} {bare} goes on.")


def _change(
    cluster: str,
    name: str,
    namespace: str,
    work: Callable[[ClusterConnection, Kind, str], Awaitable[Any]],
    detail: dict[str, Any],
    data: str | None,
    config: Path | None,
) -> tuple[Kind, str]:
    """Do it in the cluster, and put it on record."""
    kind, bare = kind_and_name(name)
    with open_database(data, config) as database:
        call_cluster(database, cluster, data, config, lambda made: work(made, kind, bare))
        note(database, cluster, "workload.change", {"on": f"{kind} {namespace}/{bare}"} | detail)
    return kind, bare
