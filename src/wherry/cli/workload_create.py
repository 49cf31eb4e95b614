"""``wherry workload create``: from an image, or from YAML, to what runs; the cluster tries it first."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import call_cluster, print_objects
from wherry.cli.data_folder import open_database
from wherry.cli.options import ConfigOption, DataOption, OutputOption, fail, resolve
from wherry.cli.workload_arguments import (
    ClusterArgument,
    NamespaceOption,
    RegistryOption,
    note,
    registry_known_as,
)
from wherry.cli.workload_follow import follow_to_the_end

if TYPE_CHECKING:
    from wherry.clusters.connection import ClusterConnection
    from wherry.clusters.kinds import Object
    from wherry.clusters.workloads.deploy import Deployed
    from wherry.clusters.workloads.platform_check import Misfit
    from wherry.clusters.workloads.request import Workload
    from wherry.db.database import Database


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
    any_platform: Annotated[
        bool, typer.Option("--any-platform", help="Also where no node has an architecture of the image.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it runs.")] = False,
    registry: RegistryOption = None,
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
    from wherry.clusters.workloads.platform_check import refuse_where_no_node_fits

    with open_database(data, config) as database:
        if file is not None:
            objects = objects_in(file, namespace)
        else:
            if name is None or image is None:
                fail("a workload needs a NAME and an --image, or a --file", 2)
            request = request_from(
                kind, name, image, namespace, pods, description, time_zone, pull_secret, port, schedule
            )
            objects = build(request)
        judged = _look_for_misfits(database, cluster, objects, registry, data, config)
        if dry_run:
            planned = call_cluster(
                database, cluster, data, config, lambda made: preview(made, objects, force=force)
            )
            print_deployed(planned, output, "would be")
            return
        if not any_platform:
            refuse_where_no_node_fits(judged)
        done = call_cluster(database, cluster, data, config, lambda made: deploy(made, objects, force=force))
        named = [f"{kind_of(one.object)} {name_of(one.object)}" for one in done]
        note(database, cluster, "workload.deploy", {"objects": named, "namespace": namespace})
        print_deployed(done, output, "is")
        if watch:
            first = done[0].object
            space = first["metadata"]["namespace"]
            follow_to_the_end(database, cluster, kind_of(first), name_of(first), space, data, config)


def _look_for_misfits(
    database: Database,
    cluster: str,
    objects: Sequence[Object],
    registry: str | None,
    data: str | None,
    config: Path | None,
) -> tuple[Misfit, ...]:
    """Images of this registry that not every node can run; said on standard error."""
    from wherry.app.wiring import open_blob_store
    from wherry.clusters.workloads.platform_check import images_in, look_for_misfits
    from wherry.web.held_images import held_architectures

    images = images_in(objects, registry_known_as(registry, data, config).names)
    if not images:
        return ()

    async def look(connection: ClusterConnection) -> tuple[Misfit, ...]:
        store = open_blob_store(resolve(config=config, data=data).settings)
        try:
            held = await held_architectures(database, store, images)
        finally:
            await store.close()
        return await look_for_misfits(connection, objects, held)

    found = call_cluster(database, cluster, data, config, look)
    for one in found:
        typer.echo(f"Warning: {one}.", err=True)
    return found


def request_from(
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
    """Of the options that fleets and federations have too. Ends the program, or raises `InvalidRequest`."""
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


def objects_in(file: Path, namespace: str) -> tuple[Any, ...]:
    """The objects of a YAML file; those that say no namespace are of this one."""
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


def print_deployed(done: Sequence[Deployed], output: str | None, verb: str) -> None:
    """A line for each object, or all of them as YAML or JSON."""
    from wherry.clusters.kinds import kind_of, name_of
    from wherry.clusters.workloads.server_defaults import without_defaults

    if output is not None:
        print_objects([without_defaults(one.object) for one in done], output)
        return
    for one in done:
        word = "made" if not one.was_there else ("changed" if one.changed else "the same")
        typer.echo(f"{kind_of(one.object)} {name_of(one.object)} {verb} {word}.")
