"""``wherry workload list``: what runs in a cluster, and whether the registry has a newer image for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import call_cluster, print_objects
from wherry.cli.data_folder import open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, OutputOption
from wherry.cli.output import print_rows
from wherry.cli.watching import ForOption, WatchOption, print_again
from wherry.cli.workload_arguments import ClusterArgument, RegistryOption, registry_known_as

if TYPE_CHECKING:
    from collections.abc import Collection

    from wherry.clusters.connection import ClusterConnection
    from wherry.clusters.kinds import Object
    from wherry.clusters.watching.seen import SeenPod, SeenWorkload
    from wherry.clusters.workloads.running_images import RunningImage
    from wherry.db.database import Database

_COLUMNS = ["namespace", "kind", "name", "status", "pods", "images", "running", "newer", "by_wherry"]


def list_all(
    cluster: ClusterArgument,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Of this namespace only.")
    ] = None,
    watch: WatchOption = False,
    seconds: ForOption = None,
    registry: RegistryOption = None,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the workloads of a cluster: status, what runs by digest, and whether its tag names a newer one.

    Example: wherry workload list prod --namespace shop
    """
    with open_database(data, config) as database:
        names = registry_known_as(registry, data, config).names
        if watch:
            _watch(database, cluster, namespace, names, seconds, data, config)
            return
        live, pods = call_cluster(database, cluster, data, config, lambda made: _look(made, namespace))
        if output is not None:
            _print_live(live, output)
            return
        print_rows(_rows(database, _seen(live), pods, names), _COLUMNS, as_json=as_json)


async def _look(
    connection: ClusterConnection, namespace: str | None
) -> tuple[list[Object], dict[tuple[str, str], SeenPod]]:
    from wherry.clusters.connection import Selection
    from wherry.clusters.connection import list_all as list_objects
    from wherry.clusters.kinds import POD, WORKLOADS
    from wherry.clusters.watching.seen import see_pod

    which = Selection(namespace)
    live = []
    for kind in WORKLOADS:
        # A list does not say of each what it is.
        said = {"apiVersion": kind.version, "kind": kind.name}
        live += [said | one for one in await list_objects(connection, kind, which)]
    pods = [see_pod(one) for one in await list_objects(connection, POD, which)]
    return live, {(pod.namespace, pod.name): pod for pod in pods}


def _watch(
    database: Database,
    cluster: str,
    namespace: str | None,
    names: Collection[str],
    seconds: float | None,
    data: str | None,
    config: Path | None,
) -> None:
    from wherry.clusters.connection import Selection
    from wherry.clusters.kinds import POD, WORKLOADS
    from wherry.clusters.watching.mirror import Mirror
    from wherry.clusters.watching.seen import see_pod, see_workload
    from wherry.kit.clock import SystemClock

    async def follow(connection: ClusterConnection) -> None:
        clock, which = SystemClock(), Selection(namespace)
        kinds: list[Mirror[SeenWorkload]] = [
            Mirror(connection, kind, see_workload, clock, which=which) for kind in WORKLOADS
        ]
        pods: Mirror[SeenPod] = Mirror(connection, POD, see_pod, clock, which=which)

        def rows() -> list[dict[str, Any]] | None:
            if not (pods.was_synced and all(mirror.was_synced for mirror in kinds)):
                return None
            seen = [one for mirror in kinds for one in mirror.items.values()]
            return _rows(database, seen, pods.items, names)

        await print_again([pods.run(), *(mirror.run() for mirror in kinds)], rows, _COLUMNS, seconds)

    call_cluster(database, cluster, data, config, follow)


def _seen(live: Iterable[Object]) -> list[SeenWorkload]:
    from wherry.clusters.watching.seen import see_workload

    return [see_workload(one) for one in live]


def _rows(
    database: Database, seen: Sequence[SeenWorkload], pods: Any, names: Collection[str]
) -> list[dict[str, Any]]:
    from wherry.clusters.workloads.running_images import pods_by_workload, running_images, tags_of
    from wherry.registry.tags_now import tags_now

    shown = [one for one in seen if not (one.kind == "Job" and one.owner)]
    now = database.read_now(lambda tx: tags_now(tx, tags_of(shown, names)))
    theirs = pods_by_workload(seen, pods.values())
    return [
        _row(one, running_images(one, theirs.get((one.namespace, one.kind, one.name), ()), now, names))
        for one in sorted(shown, key=lambda one: (one.namespace, one.kind, one.name))
    ]


def _row(seen: SeenWorkload, images: Sequence[RunningImage]) -> dict[str, Any]:
    return {
        "namespace": seen.namespace,
        "kind": seen.kind,
        "name": seen.name,
        "status": seen.word.value + (" (paused)" if seen.is_paused and seen.kind == "Deployment" else ""),
        "pods": f"{seen.ready}/{seen.desired}",
        "images": [one.image for one in images],
        "running": [shortened(digest) for one in images for digest in one.running],
        "newer": [shortened(one.newest) for one in images if one.is_behind and one.newest],
        "by_wherry": seen.is_ours,
    }


def shortened(digest: str) -> str:
    """As many digits as people compare; JSON and YAML of `show` have all of them."""
    return digest[: len("sha256:") + 12]


def _print_live(live: Iterable[Object], output: str) -> None:
    from wherry.clusters.workloads.server_defaults import without_defaults

    print_objects([without_defaults(one) for one in live], output)
