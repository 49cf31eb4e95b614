"""``wherry fleet status``: how a workload fares in each cluster of a fleet, once or followed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from wherry.cli.data_folder import open_database
from wherry.cli.fleet_calls import FleetArgument, call_clusters
from wherry.cli.options import ConfigOption, DataOption, JsonOption, OutputOption
from wherry.cli.output import print_as, print_rows
from wherry.cli.watching import ForOption, WatchOption, print_again
from wherry.cli.workload_arguments import NameArgument, NamespaceOption, kind_and_name

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.clusters.connection import ClusterConnection
    from wherry.clusters.federations.fleet import FleetShare
    from wherry.clusters.federations.fleet_workloads import FleetWorkload
    from wherry.clusters.watching.mirror import Mirror
    from wherry.clusters.watching.seen import SeenWorkload
    from wherry.db.database import Database

_COLUMNS = ["name", "status", "pods", "images", "last_deploy", "problem"]
_FOLLOW_SECONDS = 600.0


def status(
    name: FleetArgument,
    workload: NameArgument,
    namespace: NamespaceOption = "default",
    watch: WatchOption = False,
    seconds: ForOption = None,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print how a workload fares in each cluster of a fleet, and what came of its last deployment there.

    Example: wherry fleet status shops demo --watch
    """
    from wherry.clusters.federations.fleet import look_at_all
    from wherry.clusters.federations.fleet_workloads import get_workload
    from wherry.clusters.federations.fleets import clusters_of, get_fleet

    kind, bare = kind_and_name(workload)

    def look(tx: Connection) -> tuple[FleetWorkload, list[str]]:
        fleet = get_fleet(tx, name)
        known = get_workload(tx, fleet, str(kind), bare, namespace)
        return known, [one.name for one in clusters_of(tx, fleet)]

    with open_database(data, config) as database:
        known, clusters = database.read_now(look)
        if watch:
            _watch(database, known, clusters, seconds, data, config)
            return
        shares = call_clusters(
            database, clusters, data, config, lambda made: look_at_all(made, kind, bare, namespace)
        )
    rows = _rows(known, shares)
    if output is not None:
        print_as(rows, output)
        return
    print_rows(rows, _COLUMNS, as_json=as_json)


def follow_to_the_end(
    database: Database,
    workload: FleetWorkload,
    clusters: Iterable[str],
    data: str | None,
    config: Path | None,
) -> None:
    """Prints each change until it runs everywhere; an error where it does not in time."""
    from wherry.clusters.watching.seen import Word

    done = (Word.RUNNING, Word.COMPLETE)

    async def follow(connections: Mapping[str, ClusterConnection]) -> bool:
        import asyncio

        mirrors, news = _mirrors(workload, connections)
        tasks = [asyncio.create_task(mirror.run()) for mirror in mirrors.values()]
        last: dict[str, str] = {}
        try:
            async with asyncio.timeout(_FOLLOW_SECONDS):
                while True:
                    shares = _seen(workload, mirrors)
                    for name, share in shares.items():
                        said = _said(share)
                        if last.get(name) != said:
                            typer.echo(f"{name}: {said}")
                            last[name] = said
                    if all(one.workload is not None and one.workload.word in done for one in shares.values()):
                        return True
                    await news.wait()
                    news.clear()
        except TimeoutError:
            return False
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    if not call_clusters(database, clusters, data, config, follow):
        typer.echo(f"wherry: it does not run everywhere after {_FOLLOW_SECONDS / 60:.0f} minutes", err=True)
        raise typer.Exit(1)


def _watch(
    database: Database,
    workload: FleetWorkload,
    clusters: Iterable[str],
    seconds: float | None,
    data: str | None,
    config: Path | None,
) -> None:
    async def follow(connections: Mapping[str, ClusterConnection]) -> None:
        mirrors, _ = _mirrors(workload, connections)

        def rows() -> list[dict[str, Any]] | None:
            # A cluster that is away must not keep the others from being shown.
            if not any(mirror.was_synced or mirror.problem for mirror in mirrors.values()):
                return None
            return _rows(workload, _seen(workload, mirrors))

        await print_again([mirror.run() for mirror in mirrors.values()], rows, _COLUMNS, seconds)

    call_clusters(database, clusters, data, config, follow)


def _mirrors(
    workload: FleetWorkload, connections: Mapping[str, ClusterConnection]
) -> tuple[dict[str, Mirror[SeenWorkload]], Any]:
    import asyncio

    from wherry.clusters.connection import Selection
    from wherry.clusters.watching.mirror import Mirror
    from wherry.clusters.watching.seen import see_workload
    from wherry.kit.clock import SystemClock

    news, clock = asyncio.Event(), SystemClock()
    which = Selection(workload.namespace, fields=f"metadata.name={workload.name}")
    return {
        name: Mirror(
            connection, workload.kind, see_workload, clock, which=which, changed=lambda _key: news.set()
        )
        for name, connection in connections.items()
    }, news


def _seen(workload: FleetWorkload, mirrors: Mapping[str, Mirror[SeenWorkload]]) -> dict[str, FleetShare]:
    from wherry.clusters.federations.fleet import FleetShare

    place = (workload.namespace, workload.name)
    return {name: FleetShare(mirror.items.get(place), mirror.problem) for name, mirror in mirrors.items()}


def _said(share: FleetShare) -> str:
    if share.workload is None:
        return share.problem or "not there yet"
    seen = share.workload
    return f"{seen.word.value}: {seen.ready} of {seen.desired} ready, {seen.updated} of the new version"


def _rows(workload: FleetWorkload, shares: Mapping[str, FleetShare]) -> list[dict[str, Any]]:
    rows = []
    for name, share in shares.items():
        seen = share.workload
        last = workload.problems.get(name, "not tried")
        rows.append(
            {
                "name": name,
                "status": "Missing" if seen is None else seen.word.value,
                "pods": None if seen is None else f"{seen.ready}/{seen.desired}",
                "images": [] if seen is None else list(seen.images),
                "last_deploy": "applied"
                if last is None
                else ("not tried" if last == "not tried" else "failed"),
                "problem": share.problem or (last if last != "not tried" else None),
            }
        )
    return rows
