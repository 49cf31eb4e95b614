"""``wherry trigger list``, ``show`` and ``preview``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.options import ConfigOption, DataOption, JsonOption, OutputOption
from wherry.cli.output import note_more, print_as, print_record, print_rows
from wherry.cli.trigger_calls import ImageArgument, TriggerArgument, open_triggers

if TYPE_CHECKING:
    from sqlalchemy import Connection

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
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a push of the tag would do now. Nothing is changed, and no cluster is asked.

    Example: wherry trigger preview acme/web 1.4.2
    """
    from wherry.kit.clock import SystemClock
    from wherry.oci.names import RepositoryName, Tag
    from wherry.triggers.preview import preview_push

    with open_triggers(data, config) as database:
        found = database.read_now(
            lambda tx: preview_push(tx, RepositoryName.parse(image), Tag.parse(tag), SystemClock().now())
        )
    rows: list[dict[str, Any]] = []
    for one in found:
        start = {"trigger": one.trigger.name, "fires": one.fires}
        if not one.fires:
            rows.append(start | {"where": None, "detail": one.why_not})
            continue
        for place in one.places:
            rows.append(start | {"where": place.cluster, "detail": place.problem or place.waits})
    if output is not None:
        print_as(rows, output)
        return
    print_rows(rows, ["trigger", "fires", "where", "detail"], as_json=as_json)


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
