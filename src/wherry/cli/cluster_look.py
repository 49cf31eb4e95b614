"""``wherry cluster list`` and ``show``: what was last seen of clusters, and how one is now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import call_cluster
from wherry.cli.data_folder import open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, OutputOption
from wherry.cli.output import note_more, print_as, print_record, print_rows
from wherry.cli.watching import ForOption, WatchOption, print_again, print_record_again
from wherry.cli.workload_arguments import registry_known_as

if TYPE_CHECKING:
    from wherry.clusters.cluster import Cluster
    from wherry.db.database import Database
    from wherry.kit.pages import Page

_COLUMNS = ["name", "organization", "status", "version", "nodes", "server", "stale_since"]
_NO_HOST = "none is made: it is not known by which name nodes reach this registry; set public_url"


def list_all(
    after: Annotated[str, typer.Option("--after", help="Go on behind this name.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 100,
    watch: WatchOption = False,
    seconds: ForOption = None,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the registered clusters and what was last seen of them.

    Example: wherry cluster list
    """
    import asyncio

    with open_database(data, config) as database:
        if watch:
            # What was seen is written to the database by the server: there is nothing else to be told by.
            def rows() -> list[dict[str, Any]]:
                return [_row(one) for one in _page(database, after, limit).items]

            asyncio.run(print_again([], rows, _COLUMNS, seconds))
            return
        page = _page(database, after, limit)
    listed = [_row(one) for one in page.items]
    if output is not None:
        print_as(listed, output)
        return
    print_rows(listed, _COLUMNS, as_json=as_json)
    if page.items:
        note_more(page.more, page.items[-1].name)


def show(
    name: Annotated[str, typer.Argument(metavar="CLUSTER", help="Name of the cluster.")],
    watch: WatchOption = False,
    seconds: ForOption = None,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what is known of a cluster, and ask it how it is now.

    Example: wherry cluster show prod
    """
    import asyncio

    with open_database(data, config) as database:
        if watch:

            async def again() -> dict[str, Any]:
                # Each look is a connection of its own: a cluster that comes back is found.
                return await asyncio.to_thread(_record, database, name, data, config)

            asyncio.run(print_record_again(again, seconds))
            return
        record = _record(database, name, data, config)
    if output is not None:
        print_as(record, output)
        return
    print_record(record, as_json=as_json)


def _page(database: Database, after: str, limit: int) -> Page[Cluster]:
    from wherry.access.decisions import Actor
    from wherry.clusters.rights import list_clusters

    everybody = Actor(None, "command line", is_admin=True)
    return database.read_now(lambda tx: list_clusters(tx, everybody, after=after, size=limit))


def _record(database: Database, name: str, data: str | None, config: Path | None) -> dict[str, Any]:
    from wherry.clusters.cluster import get_cluster
    from wherry.clusters.errors import ClusterCallFailed
    from wherry.clusters.rights import openings_of

    cluster = database.read_now(lambda tx: get_cluster(tx, name))
    openings = database.read_now(lambda tx: openings_of(tx, cluster))
    try:
        now: dict[str, Any] = call_cluster(database, name, data, config, _look)
    except ClusterCallFailed as error:
        now = {"now": "Unavailable", "problem": str(error)}
    record = _row(cluster) | {
        "context": cluster.context,
        "description": cluster.description,
        "default_secret": cluster.makes_default_secret,
        "open_to": [f"{organization}={level.word}" for organization, level in openings.items()],
        "registered": cluster.created_at,
    }
    if cluster.makes_default_secret and not registry_known_as(None, data, config).host:
        record["default_secret_problem"] = _NO_HOST
    return record | now


async def _look(connection: Any) -> dict[str, Any]:
    from wherry.clusters.connection import list_all as list_objects
    from wherry.clusters.kinds import NODE
    from wherry.clusters.watching.seen import see_node

    version = await connection.version()
    nodes = [see_node(node) for node in await list_objects(connection, NODE)]
    return {
        "now": "Running",
        "version": version.git_version,
        "latency_ms": round(version.latency * 1000, 1),
        "nodes": f"{sum(node.is_ready for node in nodes)}/{len(nodes)}",
        "architectures": sorted({node.architecture for node in nodes}),
    }


def _row(cluster: Cluster) -> dict[str, Any]:
    state = cluster.state
    return {
        "name": cluster.name,
        "kind": cluster.kind.value,
        "organization": cluster.organization,
        "status": state.word,
        "version": state.version,
        "nodes": None if state.nodes is None else f"{state.nodes_ready}/{state.nodes}",
        "server": cluster.server,
        "stale_since": state.stale_since,
        "problem": state.problem,
    }
