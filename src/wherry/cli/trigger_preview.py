"""``wherry trigger preview``: what a push would do now, of which nothing is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import address_rules, sealer_of, sockets_of
from wherry.cli.options import ConfigOption, DataOption, JsonOption, OutputOption, resolve
from wherry.cli.output import print_as, print_rows
from wherry.cli.server import Server, ServerOption, image_path
from wherry.cli.trigger_calls import ImageArgument, open_triggers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from pathlib import Path

    from wherry.clusters.connection import ClusterConnection
    from wherry.db.database import Database
    from wherry.triggers.dry_run import Told
    from wherry.triggers.plan import Image
    from wherry.triggers.preview import Previewed

# So long a server has to ask all the clusters that it asks, each of which has its own time to answer.
_SECONDS_TO_ASK = 180.0


def preview(
    image: ImageArgument,
    tag: Annotated[str, typer.Argument(metavar="TAG", help="The tag that would be pushed.")],
    ask_clusters: Annotated[
        bool, typer.Option("--ask-clusters", help="Ask the clusters what would change in their workloads.")
    ] = False,
    held_as: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of an image held elsewhere, its whole name, such as docker.io/acme/web.",
        ),
    ] = None,
    output: OutputOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a push of the tag would do now. Nothing is changed.

    Example: wherry trigger preview acme/web 1.4.2 --ask-clusters
    """
    if server is not None:
        rows = _told_by(server, image, tag, held_as, ask_clusters)
    else:
        rows = _looked_up(image, tag, held_as, ask_clusters, data, config)
    if output is not None:
        print_as(rows, output)
        return
    print_rows(rows, ["trigger", "fires", "where", "detail"], as_json=as_json)


def _told_by(
    server: Server, image: str, tag: str, held_as: str | None, ask_clusters: bool
) -> list[dict[str, Any]]:
    query = {"tag": tag, "held_as": held_as, "ask_clusters": ask_clusters}
    answer = server.call("GET", *image_path(image), "trigger-preview", query=query, seconds=_SECONDS_TO_ASK)
    rows: list[dict[str, Any]] = []
    for one in answer["triggers"]:
        if not one["fires"]:
            rows.append(_row(one["trigger"], None, [one["why_not"]], fires=False))
            continue
        for place in one["places"]:
            said = [place["problem"], place["waits"], *(place["changes"] or ()), place["unchanged"]]
            rows.append(_row(one["trigger"], place["cluster"], said))
    return rows


def _looked_up(
    image: str, tag: str, held_as: str | None, ask_clusters: bool, data: str | None, config: Path | None
) -> list[dict[str, Any]]:
    from wherry.app.cluster_keeping import registry_of
    from wherry.app.trigger_running import read_platform_now
    from wherry.kit.clock import SystemClock
    from wherry.oci.names import RepositoryName, Tag
    from wherry.triggers.dry_run import Told
    from wherry.triggers.plan import Image
    from wherry.triggers.preview import digest_of, preview_push

    told: Mapping[tuple[str, str], Told] = {}
    with open_triggers(data, config) as database:
        name, pushed, now = RepositoryName.parse(image), Tag.parse(tag), SystemClock().now()
        settings = resolve(config=config, data=data).settings
        known = None if held_as else database.read_now(lambda tx: digest_of(tx, name, pushed))
        if held_as:
            of_push = Image.held_elsewhere(held_as, pushed.text, "")
        else:
            of_push = Image(name, pushed.text, known or "", registry_of(settings).names)
        if known is not None:
            read_platform_now(settings, database, name, known)
        found = database.read_now(
            lambda tx: preview_push(tx, name, pushed, now, digest=known, held_as=held_as)
        )
        if ask_clusters:
            told = _ask(database, found, of_push, data, config)
    rows: list[dict[str, Any]] = []
    for one in found:
        if not one.fires:
            rows.append(_row(one.trigger.name, None, [one.why_not], fires=False))
            continue
        for place in one.places:
            said = told.get((one.trigger.name, place.cluster), Told())
            detail = [place.problem, place.waits, *said.changes, said.reason]
            rows.append(_row(one.trigger.name, place.cluster, detail))
    return rows


def _ask(
    database: Database, found: Sequence[Previewed], image: Image, data: str | None, config: Path | None
) -> Mapping[tuple[str, str], Told]:
    import asyncio
    from contextlib import asynccontextmanager

    from wherry.clusters.cluster import open_login
    from wherry.clusters.drivers.http import HttpConnection
    from wherry.kit.clock import SystemClock
    from wherry.triggers.dry_run import ask_clusters

    sealer, rules, sockets = sealer_of(data, config), address_rules(data, config), sockets_of(data, config)

    @asynccontextmanager
    async def reach(name: str) -> AsyncIterator[ClusterConnection]:
        login = await database.read(lambda tx: open_login(tx, sealer, name))
        connection = HttpConnection(name, login, rules, sockets)
        try:
            yield connection
        finally:
            await connection.close()

    return asyncio.run(ask_clusters(found, reach, image, SystemClock().now()))


def _row(
    trigger: str, where: str | None, said: Iterable[str | None], *, fires: bool = True
) -> dict[str, Any]:
    detail = "; ".join(filter(None, said)) or None
    return {"trigger": trigger, "fires": fires, "where": where, "detail": detail}
