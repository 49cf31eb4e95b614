"""``wherry workload``: run an image in a registered cluster, follow it, change it, take it away."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import call_cluster, print_objects, target_of
from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail
from wherry.cli.output import print_record, print_rows

if TYPE_CHECKING:
    from wherry.clusters.connection import ClusterConnection
    from wherry.clusters.kinds import Kind
    from wherry.clusters.workloads.deploy import Deployed
    from wherry.clusters.workloads.progress import Progress
    from wherry.clusters.workloads.request import Workload
    from wherry.db.database import Database

workloads = typer.Typer(no_args_is_help=True, help="Workloads made from images, in registered clusters.")

ClusterArgument = Annotated[str, typer.Argument(metavar="CLUSTER", help="Name of a registered cluster.")]
NameArgument = Annotated[
    str, typer.Argument(metavar="WORKLOAD", help="Its name; of another kind than Deployment: kind/name.")
]
NamespaceOption = Annotated[str, typer.Option("--namespace", "-n", help="Namespace in the cluster.")]
OutputOption = Annotated[str | None, typer.Option("--output", "-o", help="yaml or json.")]

FOLLOW_SECONDS = 600.0


@workloads.command()
def create(
    cluster: ClusterArgument,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Its name; not with --file.")] = None,
    image: Annotated[str | None, typer.Option("--image", help="As nodes pull it, tag or digest.")] = None,
    kind: Annotated[
        str, typer.Option("--kind", help="Deployment, StatefulSet, DaemonSet, Job or CronJob.")
    ] = "Deployment",
    pods: Annotated[int, typer.Option("--pods", min=0, help="Number of pods.")] = 2,
    namespace: NamespaceOption = "default",
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    time_zone: Annotated[
        bool, typer.Option("--time-zone", help="Give the containers their node's time zone.")
    ] = False,
    pull_secret: Annotated[
        list[str] | None,
        typer.Option("--pull-secret", help="Image access credential, for a private image; repeatable."),
    ] = None,
    port: Annotated[
        list[int] | None, typer.Option("--port", help="Port of the container, made a service too.")
    ] = None,
    schedule: Annotated[str | None, typer.Option("--schedule", help="Of a CronJob: '0 4 * * *'.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="The objects as YAML instead; - reads standard input.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Take fields over from whoever else manages them.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Let the cluster try it, and change nothing.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it runs.")] = False,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a workload from an image, or change the one of that name. The cluster tries it first.

    Example: wherry workload create prod demo --image registry.example.com/acme/web:1.4 --watch
    """
    from wherry.clusters.kinds import kind_of, name_of
    from wherry.clusters.workloads.build import build
    from wherry.clusters.workloads.deploy import deploy, preview

    with open_database(data, config) as database:
        if file is not None:
            objects = _objects_in(file, namespace)
        else:
            if name is None or image is None:
                fail("a workload needs a NAME and an --image, or a --file", 2)
            request = _request(
                kind, name, image, namespace, pods, description, time_zone, pull_secret, port, schedule
            )
            objects = build(request)
        if dry_run:
            planned = call_cluster(
                database, cluster, data, config, lambda made: preview(made, objects, force=force)
            )
            _print_deployed(planned, output, "would be")
            return
        done = call_cluster(database, cluster, data, config, lambda made: deploy(made, objects, force=force))
        named = [f"{kind_of(one.object)} {name_of(one.object)}" for one in done]
        _note(database, cluster, "workload.deploy", {"objects": named, "namespace": namespace})
        _print_deployed(done, output, "is")
        if watch:
            first = done[0].object
            _follow(
                database,
                cluster,
                kind_of(first),
                name_of(first),
                first["metadata"]["namespace"],
                data,
                config,
            )


@workloads.command("list")
def list_all(
    cluster: ClusterArgument,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Of this namespace only.")
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the workloads of a cluster, with their status.

    Example: wherry workload list prod --namespace shop
    """
    from wherry.clusters.connection import Selection
    from wherry.clusters.connection import list_all as list_objects
    from wherry.clusters.kinds import WORKLOADS
    from wherry.clusters.watching.seen import see_workload

    async def look(connection: ClusterConnection) -> list[Any]:
        found = []
        for kind in WORKLOADS:
            found += [see_workload(one) for one in await list_objects(connection, kind, Selection(namespace))]
        return found

    with open_database(data, config) as database:
        seen = call_cluster(database, cluster, data, config, look)
    rows: list[dict[str, Any]] = [
        {
            "namespace": one.namespace,
            "kind": one.kind,
            "name": one.name,
            "status": one.word.value,
            "pods": f"{one.ready}/{one.desired}",
            "images": list(one.images),
            "by_wherry": one.is_ours,
        }
        for one in sorted(seen, key=lambda one: (one.namespace, one.kind, one.name))
        if not (one.kind == "Job" and one.owner)
    ]
    print_rows(rows, ["namespace", "kind", "name", "status", "pods", "images", "by_wherry"], as_json=as_json)


@workloads.command()
def show(
    cluster: ClusterArgument,
    name: NameArgument,
    namespace: NamespaceOption = "default",
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a workload with its pods, what runs in them, and why images are not pulled.

    Example: wherry workload show prod demo
    """
    from wherry.clusters.connection import Selection
    from wherry.clusters.connection import list_all as list_objects
    from wherry.clusters.kinds import POD
    from wherry.clusters.watching.seen import see_pod, see_workload
    from wherry.clusters.workloads.build import SELECTOR
    from wherry.clusters.workloads.server_defaults import without_defaults

    kind, bare = _kind_and_name(name)

    async def look(connection: ClusterConnection) -> tuple[Any, list[Any]]:
        live = await connection.get(kind, bare, namespace)
        pods = await list_objects(connection, POD, Selection(namespace, labels=f"{SELECTOR}={bare}"))
        return live, [see_pod(pod) for pod in pods]

    with open_database(data, config) as database:
        live, pods = call_cluster(database, cluster, data, config, look)
    if output is not None:
        print_objects([without_defaults(live)], output)
        return
    seen = see_workload(live)
    record: dict[str, Any] = {
        "kind": seen.kind,
        "name": seen.name,
        "namespace": seen.namespace,
        "status": seen.word.value,
        "pods": f"{seen.ready}/{seen.desired}",
        "images": list(seen.images),
        "pull_secrets": list(seen.pull_secrets),
        "running": sorted({one.digest for pod in pods for one in pod.containers if one.digest}),
        "failures": [
            f"{failure.reason}: {failure.mend}"
            for failure in {one.part: one for pod in pods for one in pod.failures}.values()
        ],
    }
    print_record(record, as_json=as_json)


@workloads.command()
def watch(
    cluster: ClusterArgument,
    name: NameArgument,
    namespace: NamespaceOption = "default",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Follow a roll-out until it is over.

    Example: wherry workload watch prod demo
    """
    kind, bare = _kind_and_name(name)
    with open_database(data, config) as database:
        _follow(database, cluster, kind, bare, namespace, data, config)


@workloads.command()
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

    kind, bare = _kind_and_name(name)
    with open_database(data, config) as database:
        call_cluster(
            database, cluster, data, config, lambda made: change_pods(made, kind, bare, namespace, pods)
        )
        _note(database, cluster, "workload.change", {"on": f"{kind} {namespace}/{bare}", "pods": pods})
    typer.echo(f"{kind} {bare} is to have {pods} pods.")


@workloads.command()
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

    kind, bare = _kind_and_name(name)
    with open_database(data, config) as database:
        now = datetime.now(UTC)
        call_cluster(database, cluster, data, config, lambda made: exchange(made, kind, bare, namespace, now))
        _note(database, cluster, "workload.change", {"on": f"{kind} {namespace}/{bare}", "redeployed": True})
    typer.echo(f"The pods of {kind} {bare} are exchanged.")


@workloads.command()
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

    kind, bare = _kind_and_name(name)
    with open_database(data, config) as database:
        known = call_cluster(database, cluster, data, config, lambda made: past(made, kind, bare, namespace))
    rows: list[dict[str, Any]] = [
        {"revision": one.number, "current": one.is_current, "images": list(one.images), "made": one.made_at}
        for one in known
    ]
    print_rows(rows, ["revision", "current", "images", "made"], as_json=as_json)


@workloads.command("roll-back")
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

    kind, bare = _kind_and_name(name)
    with open_database(data, config) as database:
        call_cluster(
            database, cluster, data, config, lambda made: bring_back(made, kind, bare, namespace, revision)
        )
        detail = {"on": f"{kind} {namespace}/{bare}", "rolled_back_to": revision or "the one before"}
        _note(database, cluster, "workload.change", detail)
    typer.echo(f"{kind} {bare} is rolled back.")


@workloads.command()
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

    kind, bare = _kind_and_name(name)
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
        _note(database, cluster, "workload.delete", {"on": f"{kind} {namespace}/{bare}"})
    typer.echo(f"{kind} {bare} is deleted.")


def _request(
    kind: str,
    name: str,
    image: str,
    namespace: str,
    pods: int,
    description: str,
    time_zone: bool,
    pull_secrets: list[str] | None,
    ports: list[int] | None,
    schedule: str | None,
) -> Workload:
    from wherry.clusters.workloads.check import check
    from wherry.clusters.workloads.pods import Container, Pod, Port, SecretName
    from wherry.clusters.workloads.request import Schedule, Service, ServicePort, Workload, WorkloadKind

    kinds = {one.value.lower(): one for one in WorkloadKind}
    if kind.lower() not in kinds:
        fail(f"--kind {kind}: valid are {', '.join(WorkloadKind)}", 2)
    wanted = kinds[kind.lower()]
    numbers = tuple(ports or ())
    named = [f"port-{number}" if len(numbers) > 1 else None for number in numbers]
    service_ports = tuple(
        ServicePort(number, number, label) for number, label in zip(numbers, named, strict=True)
    )
    request = Workload(
        wanted,
        name,
        Pod(
            (Container("container-1", image, ports=tuple(Port(number) for number in numbers)),),
            pull_secrets=tuple(SecretName(one) for one in pull_secrets or ()),
            restart_policy="Never" if wanted.is_batch else "Always",
        ),
        namespace=namespace,
        pods=pods if wanted.has_replicas else None,
        description=description,
        syncs_time_zone=time_zone,
        schedule=None if schedule is None else Schedule(schedule),
        services=(Service(name, service_ports),) if service_ports else (),
    )
    check(request)
    return request


def _objects_in(file: Path, namespace: str) -> tuple[Any, ...]:
    from wherry.clusters.kinds import KINDS
    from wherry.clusters.yaml_text import read_documents

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}")
    objects = []
    for made in read_documents(text):
        known = isinstance(made, dict) and (made.get("apiVersion"), made.get("kind")) in KINDS
        if not known or not isinstance(made.get("metadata"), dict) or "name" not in made["metadata"]:
            fail(f"{file}: a document in it is no workload or service with a name")
        if KINDS[(made["apiVersion"], made["kind"])].is_namespaced:
            made["metadata"].setdefault("namespace", namespace)
        objects.append(made)
    if not objects:
        fail(f"{file}: there is no object in it")
    return tuple(objects)


def _kind_and_name(text: str) -> tuple[Kind, str]:
    from wherry.clusters.kinds import DEPLOYMENT, WORKLOADS

    word, slash, name = text.partition("/")
    if not slash:
        return DEPLOYMENT, text
    found = [kind for kind in WORKLOADS if word.lower() in (str(kind).lower(), kind.plural)]
    if not found:
        fail(f"{word!r} is no kind of workload; valid are {', '.join(map(str, WORKLOADS))}", 2)
    return found[0], name


def _note(database: Database, name: str, action: str, detail: dict[str, Any]) -> None:
    from wherry.clusters.cluster import get_cluster

    cluster = database.read_now(lambda tx: get_cluster(tx, name))
    change(database, action, target_of(cluster), lambda tx: None, detail)


def _print_deployed(done: Sequence[Deployed], output: str | None, verb: str) -> None:
    from wherry.clusters.kinds import kind_of, name_of
    from wherry.clusters.workloads.server_defaults import without_defaults

    if output is not None:
        print_objects([without_defaults(one.object) for one in done], output)
        return
    for one in done:
        word = "made" if not one.was_there else ("changed" if one.changed else "the same")
        typer.echo(f"{kind_of(one.object)} {name_of(one.object)} {verb} {word}.")


def _follow(
    database: Database,
    cluster: str,
    kind: Kind,
    name: str,
    namespace: str,
    data: str | None,
    config: Path | None,
) -> None:
    from wherry.clusters.workloads.progress import follow
    from wherry.kit.clock import SystemClock

    async def whole(connection: ClusterConnection) -> Progress | None:
        last = None
        async for last in follow(connection, kind, name, namespace, SystemClock(), FOLLOW_SECONDS):
            _say(last)
        return last

    ended = call_cluster(database, cluster, data, config, whole)
    if ended is None or not ended.is_over:
        fail(f"{kind} {name} is not there after {FOLLOW_SECONDS / 60:.0f} minutes")
    if ended.workload is not None and ended.workload.word.value == "Failed":
        fail(f"{kind} {name} failed")


def _say(progress: Progress) -> None:
    seen = progress.workload
    if seen is None:
        typer.echo(progress.problem or "not there yet")
        return
    typer.echo(f"{seen.word.value}: {seen.ready} of {seen.desired} ready, {seen.updated} of the new version")
    for failure in progress.failures:
        typer.echo(f"  {failure.reason}: {failure.mend}")
