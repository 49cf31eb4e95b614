"""``wherry trigger list``, ``show`` and ``preview``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import address_rules, sealer_of, sockets_of
from wherry.cli.options import ConfigOption, DataOption, JsonOption, OutputOption, resolve
from wherry.cli.output import note_more, print_as, print_record, print_rows
from wherry.cli.trigger_calls import ImageArgument, TriggerArgument, open_triggers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from wherry.clusters.connection import ClusterConnection
    from wherry.db.database import Database
    from wherry.triggers.dry_run import Told
    from wherry.triggers.plan import Image
    from wherry.triggers.preview import Previewed
    from wherry.triggers.trigger import Trigger


def list_all(
    image: ImageArgument,
    after: Annotated[str, typer.Option("--after", help="Go on behind this name.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 100,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the image's triggers, each with how its last run ended.

    Example: wherry trigger list acme/web
    """
    from wherry.oci.names import RepositoryName
    from wherry.triggers.find import list_triggers
    from wherry.triggers.history import last_runs

    def look(tx: Connection) -> tuple[list[dict[str, Any]], bool]:
        page = list_triggers(tx, RepositoryName.parse(image), after=after, size=limit)
        last = last_runs(tx, [each.id for each in page.items])
        rows = [
            _row(each) | {"last": last[each.id][0].state.value if last[each.id] else None}
            for each in page.items
        ]
        return rows, page.more

    with open_triggers(data, config) as database:
        rows, more = database.read_now(look)
    if output is not None:
        print_as(rows, output)
        return
    print_rows(rows, ["name", "condition", "where", "what", "state", "last"], as_json=as_json)
    note_more(more, rows[-1]["name"] if rows else "")


def show(
    image: ImageArgument,
    name: TriggerArgument,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a trigger; with `-o yaml` the whole document of the API.

    Example: wherry trigger show acme/web prod -o yaml
    """
    from wherry.oci.names import RepositoryName
    from wherry.triggers.find import get_trigger

    with open_triggers(data, config) as database:
        found = database.read_now(lambda tx: get_trigger(tx, RepositoryName.parse(image), name))
    if output is not None:
        from wherry.web.api.trigger_documents import trigger_document

        print_as(trigger_document(found).model_dump(mode="json"), output)
        return
    more = {"owner": found.owner, "failures": found.failures, "changed": found.changed_at}
    print_record(_row(found) | more | {"options": found.options.to_json()}, as_json=as_json)


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
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a push of the tag would do now. Nothing is changed.

    Example: wherry trigger preview acme/web 1.4.2 --ask-clusters
    """
    from wherry.app.cluster_keeping import registry_of
    from wherry.app.trigger_running import read_platform_now
    from wherry.kit.clock import SystemClock
    from wherry.oci.names import RepositoryName, Tag
    from wherry.triggers.dry_run import Told
    from wherry.triggers.plan import Image
    from wherry.triggers.preview import digest_of, preview_push

    name, pushed, now = RepositoryName.parse(image), Tag.parse(tag), SystemClock().now()
    told: Mapping[tuple[str, str], Told] = {}
    with open_triggers(data, config) as database:
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
        start = {"trigger": one.trigger.name, "fires": one.fires}
        if not one.fires:
            rows.append(start | {"where": None, "detail": one.why_not})
            continue
        for place in one.places:
            said = told.get((one.trigger.name, place.cluster), Told())
            detail = [place.problem, place.waits, *said.changes, said.reason]
            rows.append(start | {"where": place.cluster, "detail": "; ".join(filter(None, detail)) or None})
    if output is not None:
        print_as(rows, output)
        return
    print_rows(rows, ["trigger", "fires", "where", "detail"], as_json=as_json)


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


def _row(trigger: Trigger) -> dict[str, Any]:
    target = trigger.target
    waves = " > ".join(",".join(wave) for wave in target.waves)
    places = [place for place in (waves, f"fleet {target.fleet}" if target.fleet else "") if place]
    where = " > ".join(places) if target.git is None else str(target.git.get("url"))
    what = f"{target.kind} {target.namespace}/{target.which}" if target.git is None else "Git"
    return {
        "name": trigger.name,
        "condition": str(trigger.condition),
        "where": where,
        "what": what,
        "state": trigger.why_not or "fires",
    }
