"""``wherry workload show``: one workload, what runs in its pods, what is newer, what the cluster tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import call_cluster, print_objects
from wherry.cli.data_folder import open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, OutputOption
from wherry.cli.output import print_record, print_rows
from wherry.cli.watching import ForOption, WatchOption, print_record_again
from wherry.cli.workload_arguments import (
    ClusterArgument,
    NameArgument,
    NamespaceOption,
    RegistryOption,
    kind_and_name,
    registry_known_as,
)

if TYPE_CHECKING:
    from wherry.clusters.connection import ClusterConnection
    from wherry.clusters.kinds import Kind, Object
    from wherry.clusters.watching.seen import SeenPod
    from wherry.clusters.workloads.events import SeenEvent
    from wherry.clusters.workloads.running_images import RunningImage

    _Looked = tuple[Object, list[SeenPod], tuple[SeenEvent, ...]]

# What a person looks at; JSON has all that is kept.
_EVENTS_SHOWN = 10


def show(
    cluster: ClusterArgument,
    name: NameArgument,
    namespace: NamespaceOption = "default",
    events: Annotated[bool, typer.Option(help="With what the cluster tells of it.")] = True,
    watch: WatchOption = False,
    seconds: ForOption = None,
    registry: RegistryOption = None,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a workload: what runs, whether there is a newer image, why images are not pulled, and events.

    Example: wherry workload show prod demo
    """
    from wherry.clusters.watching.seen import see_workload
    from wherry.clusters.workloads.running_images import running_images, tags_of
    from wherry.clusters.workloads.server_defaults import without_defaults
    from wherry.registry.tags_now import tags_now

    kind, bare = kind_and_name(name)
    with open_database(data, config) as database:
        names = registry_known_as(registry, data, config).names

        def record(looked: _Looked) -> dict[str, Any]:
            live, pods, told = looked
            seen = see_workload(live)
            now = database.read_now(lambda tx: tags_now(tx, tags_of([seen], names)))
            return _record(live, pods, running_images(seen, pods, now, names), told)

        async def look(connection: ClusterConnection) -> _Looked:
            return await _look(connection, kind, bare, namespace, events)

        if watch:

            async def follow(connection: ClusterConnection) -> None:
                async def again() -> dict[str, Any]:
                    return record(await look(connection))

                await print_record_again(again, seconds)

            call_cluster(database, cluster, data, config, follow)
            return
        looked = call_cluster(database, cluster, data, config, look)
        if output is not None:
            print_objects([without_defaults(looked[0])], output)
            return
        shown = record(looked)
    if as_json:
        print_record(shown, as_json=True)
        return
    told = shown.pop("events")
    print_record(shown, as_json=False)
    if told:
        typer.echo()
        print_rows(
            told[:_EVENTS_SHOWN], ["last", "count", "kind", "name", "reason", "message"], as_json=False
        )


async def _look(
    connection: ClusterConnection, kind: Kind, name: str, namespace: str, events: bool
) -> _Looked:
    from wherry.clusters.connection import Selection
    from wherry.clusters.connection import list_all as list_objects
    from wherry.clusters.errors import ClusterRefused
    from wherry.clusters.kinds import POD
    from wherry.clusters.watching.seen import see_pod
    from wherry.clusters.workloads.build import SELECTOR
    from wherry.clusters.workloads.events import list_events

    live = await connection.get(kind, name, namespace)
    found = await list_objects(connection, POD, Selection(namespace, labels=f"{SELECTOR}={name}"))
    told: tuple[SeenEvent, ...] = ()
    if events:
        try:
            told = await list_events(connection, kind, name, namespace)
        except ClusterRefused:
            told = ()  # a login that may see workloads need not see events
    return live, [see_pod(pod) for pod in found], told


def _record(
    live: Object, pods: Sequence[SeenPod], images: Sequence[RunningImage], told: Sequence[SeenEvent]
) -> dict[str, Any]:
    from wherry.clusters.watching.seen import see_workload

    seen = see_workload(live)
    return {
        "kind": seen.kind,
        "name": seen.name,
        "namespace": seen.namespace,
        "status": seen.word.value,
        "paused": seen.is_paused,
        "pods": f"{seen.ready}/{seen.desired}",
        "images": list(seen.images),
        "pull_secrets": list(seen.pull_secrets),
        "running": sorted({one.digest for pod in pods for one in pod.containers if one.digest}),
        "newer": [f"{one.image} is {one.newest} now" for one in images if one.is_behind],
        "failures": [
            f"{failure.reason}: {failure.mend}"
            for failure in {one.part: one for pod in pods for one in pod.failures}.values()
        ],
        "events": [
            {
                "last": one.last,
                "count": one.count,
                "kind": one.kind,
                "name": one.name,
                "reason": one.reason,
                "message": one.message,
                "warning": one.is_warning,
            }
            for one in told
        ],
    }
