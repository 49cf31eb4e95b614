"""``wherry trigger history``: what pushes have set going, and how that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from wherry.cli.options import ConfigOption, DataOption, JsonOption, OutputOption, fail
from wherry.cli.output import note_more, print_as, print_rows
from wherry.cli.server import Server, ServerOption, image_path, moment
from wherry.cli.trigger_calls import ImageArgument, open_triggers
from wherry.cli.watching import ASK_EVERY, LOOK_EVERY, ForOption, WatchOption, print_again

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from wherry.oci.names import RepositoryName
    from wherry.triggers.runs import Run, State

Rows = list[dict[str, Any]]

_COLUMNS = ["run", "trigger", "tag", "where", "what", "state", "detail", "seconds", "pushed_by"]


def history(
    image: ImageArgument,
    name: Annotated[str | None, typer.Argument(metavar="[TRIGGER]", help="Of this trigger only.")] = None,
    state: Annotated[
        list[str] | None, typer.Option("--state", help="Such as failed; may be given several times.")
    ] = None,
    before: Annotated[int | None, typer.Option("--after", help="Go on behind this run.", min=1)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 20,
    watch: WatchOption = False,
    seconds: ForOption = None,
    output: OutputOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what pushes have set going, the newest first: how far it is, or how it ended and why.

    Example: wherry trigger history acme/web prod --watch
    """
    from wherry.oci.names import RepositoryName
    from wherry.triggers.runs import State

    try:
        states = tuple(State(text) for text in state or ())
    except ValueError:
        fail(f"--state is one of {', '.join(State)}", 2)
    asked = _Asked(name, states, before, limit)
    form = _Form(watch, seconds, output, as_json)
    if server is not None:
        _print(lambda: _told_page(server, image_path(image), asked), form, every=ASK_EVERY)
        return
    with open_triggers(data, config) as database:
        repository = RepositoryName.parse(image)
        _print(lambda: database.read_now(lambda tx: _page(tx, repository, asked)), form)


class _Asked(NamedTuple):
    """Which runs."""

    trigger: str | None
    states: tuple[State, ...]
    before: int | None
    limit: int


class _Form(NamedTuple):
    """How they are printed."""

    watch: bool
    seconds: float | None
    output: str | None
    as_json: bool


def _page(tx: Connection, repository: RepositoryName, asked: _Asked) -> tuple[Rows, bool]:
    from wherry.triggers.find import get_trigger
    from wherry.triggers.history import list_runs

    number = None if asked.trigger is None else get_trigger(tx, repository, asked.trigger).id
    found = list_runs(
        tx,
        repository,
        trigger_id=number,
        states=asked.states,
        before=asked.before,
        size=asked.limit,
    )
    return [_row(each) for each in found.items], found.more


def _told_page(server: Server, image: tuple[str, ...], asked: _Asked) -> tuple[Rows, bool]:
    runs = ("trigger-runs",) if asked.trigger is None else ("triggers", asked.trigger, "runs")
    states = tuple(state.value for state in asked.states)
    found, more = server.list(*image, *runs, limit=asked.limit, after=asked.before or "", state=states)
    return [_told(each) for each in found], more


def _print(look: Callable[[], tuple[Rows, bool]], form: _Form, every: float = LOOK_EVERY) -> None:
    if form.watch:
        import asyncio

        asyncio.run(print_again((), lambda: look()[0], _COLUMNS, form.seconds, every=every))
        return
    rows, more = look()
    if form.output is not None:
        print_as(rows, form.output)
        return
    print_rows(rows, _COLUMNS, as_json=form.as_json)
    note_more(more, str(rows[-1]["run"]) if rows else "")


def _row(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "trigger": run.trigger,
        "tag": run.tag,
        "digest": run.digest,
        "where": run.cluster,
        "what": f"{run.kind} {run.namespace}/{run.workload}",
        "state": run.state.value,
        "detail": run.detail,
        "seconds": run.seconds,
        "pushed_by": run.pushed_by,
        "at": run.created_at,
    }


def _told(run: dict[str, Any]) -> dict[str, Any]:
    """The same, of a run as the API shows it."""
    return {
        "run": run["id"],
        "trigger": run["trigger"],
        "tag": run["tag"],
        "digest": run["digest"],
        "where": run["cluster"],
        "what": f"{run['kind']} {run['namespace']}/{run['workload']}",
        "state": run["state"],
        "detail": run["detail"],
        "seconds": run["seconds"],
        "pushed_by": run["pushed_by"],
        "at": moment(run["created_at"]),
    }
