"""``wherry trigger list`` and ``show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.options import ConfigOption, DataOption, JsonOption, OutputOption
from wherry.cli.output import note_more, print_as, print_record, print_rows
from wherry.cli.server import ServerOption, image_path, moment
from wherry.cli.trigger_calls import ImageArgument, TriggerArgument, open_triggers

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.triggers.conditions import Condition
    from wherry.triggers.trigger import Target, Trigger


def list_all(
    image: ImageArgument,
    after: Annotated[str, typer.Option("--after", help="Go on behind this name.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 100,
    output: OutputOption = None,
    server: ServerOption = None,
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
            _of(each) | {"last": last[each.id][0].state.value if last[each.id] else None}
            for each in page.items
        ]
        return rows, page.more

    if server is not None:
        told, more = server.list(*image_path(image), "triggers", limit=limit, after=after)
        rows = [_told(each) | {"last": (each["last_run"] or {}).get("state")} for each in told]
    else:
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
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a trigger; with `-o yaml` the whole document of the API.

    Example: wherry trigger show acme/web prod -o yaml
    """
    from wherry.oci.names import RepositoryName
    from wherry.triggers.find import get_trigger

    if server is not None:
        told = server.get(*image_path(image), "triggers", name)
        if output is not None:
            print_as(told, output)
            return
        print_record(_told_whole(told), as_json=as_json)
        return
    with open_triggers(data, config) as database:
        found = database.read_now(lambda tx: get_trigger(tx, RepositoryName.parse(image), name))
    if output is not None:
        from wherry.web.api.trigger_documents import trigger_document

        print_as(trigger_document(found).model_dump(mode="json"), output)
        return
    more = {"owner": found.owner, "failures": found.failures, "changed": found.changed_at}
    print_record(_of(found) | more | {"options": found.options.to_json()}, as_json=as_json)


def _of(trigger: Trigger) -> dict[str, Any]:
    return _row(trigger.name, trigger.condition, trigger.target, trigger.why_not)


def _told(trigger: dict[str, Any]) -> dict[str, Any]:
    """The same, of a trigger as the API shows it."""
    from wherry.triggers.conditions import Condition, ConditionKind
    from wherry.triggers.trigger import Target, WorkloadKind

    condition, target = trigger["condition"], trigger["target"]
    return _row(
        trigger["name"],
        Condition(ConditionKind(condition["kind"]), condition["text"]),
        Target(
            namespace=target["namespace"],
            kind=WorkloadKind(target["kind"]),
            name=target["name"],
            selector=target["selector"],
            waves=tuple(tuple(wave) for wave in target["waves"]),
            fleet=target["fleet"],
            git=target["git"],
        ),
        trigger["why_not"],
    )


def _told_whole(trigger: dict[str, Any]) -> dict[str, Any]:
    from wherry.triggers.trigger import Options
    from wherry.web.api.workload_forms import OptionsForm, form_of

    options = form_of(Options, OptionsForm.model_validate(trigger["options"]))
    more = {
        "owner": trigger["owner"],
        "failures": trigger["failures"],
        "changed": moment(trigger["changed_at"]),
    }
    return _told(trigger) | more | {"options": options.to_json()}


def _row(name: str, condition: Condition, target: Target, why_not: str | None) -> dict[str, Any]:
    waves = " > ".join(",".join(wave) for wave in target.waves)
    places = [place for place in (waves, f"fleet {target.fleet}" if target.fleet else "") if place]
    where = " > ".join(places) if target.git is None else str(target.git.get("url"))
    what = f"{target.kind} {target.namespace}/{target.which}" if target.git is None else "Git"
    return {
        "name": name,
        "condition": str(condition),
        "where": where,
        "what": what,
        "state": why_not or "fires",
    }
