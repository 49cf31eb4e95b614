"""``wherry trigger history``, and what people decide of its runs: ``approve``, ``reject``, ``replay``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.options import ConfigOption, DataOption, JsonOption, OutputOption, fail, resolve
from wherry.cli.output import note_more, print_as, print_rows
from wherry.cli.trigger_calls import AsOption, ImageArgument, change_triggers, open_triggers
from wherry.cli.watching import ForOption, WatchOption, print_again

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.kit.pages import Page
    from wherry.triggers.runs import Run

RunArgument = Annotated[int, typer.Argument(metavar="RUN", min=1, help="Number of the run.")]
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
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what pushes have set going, the newest first: how far it is, or how it ended and why.

    Example: wherry trigger history acme/web prod --watch
    """
    import asyncio

    from wherry.oci.names import RepositoryName
    from wherry.triggers.find import get_trigger
    from wherry.triggers.history import list_runs
    from wherry.triggers.runs import State

    try:
        states = [State(text) for text in state or ()]
    except ValueError:
        fail(f"--state is one of {', '.join(State)}", 2)
    repository = RepositoryName.parse(image)

    def look(tx: Connection) -> Page[Run]:
        number = None if name is None else get_trigger(tx, repository, name).id
        return list_runs(tx, repository, trigger_id=number, states=states, before=before, size=limit)

    with open_triggers(data, config) as database:
        if watch:
            asyncio.run(
                print_again(
                    (), lambda: [_row(each) for each in database.read_now(look).items], _COLUMNS, seconds
                )
            )
            return
        page = database.read_now(look)
    rows = [_row(each) for each in page.items]
    if output is not None:
        print_as(rows, output)
        return
    print_rows(rows, _COLUMNS, as_json=as_json)
    note_more(page.more, str(rows[-1]["run"]) if rows else "")


def approve(
    image: ImageArgument,
    run: RunArgument,
    user: AsOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a run go that waits for approval.

    Example: wherry trigger approve acme/web 17 --as ann
    """
    from wherry.oci.names import RepositoryName
    from wherry.triggers.approvals import approve_run
    from wherry.triggers.runs import get_run_of

    with open_triggers(data, config) as database:
        repository = RepositoryName.parse(image)
        done = change_triggers(
            database,
            repository,
            user,
            lambda tx, actor, now: approve_run(tx, actor, get_run_of(tx, repository, run).id, now),
            {"run": run, "approved": True},
        )
    typer.echo(f"Run {run} is approved by {done.approved_by}: {done.state}.")


def reject(
    image: ImageArgument,
    run: RunArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why, for everybody to read.")] = "",
    user: AsOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Refuse a run that waits for approval.

    Example: wherry trigger reject acme/web 17 --reason "not today"
    """
    from wherry.oci.names import RepositoryName
    from wherry.triggers.approvals import reject_run
    from wherry.triggers.runs import get_run_of

    with open_triggers(data, config) as database:
        repository = RepositoryName.parse(image)
        done = change_triggers(
            database,
            repository,
            user,
            lambda tx, actor, now: reject_run(tx, actor, get_run_of(tx, repository, run).id, reason, now),
            {"run": run, "rejected": True},
        )
    typer.echo(f"Run {run} is {done.state}: {done.detail}.")


def replay(
    image: ImageArgument,
    run: RunArgument,
    user: AsOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Set the tag and digest of a run once more, by its trigger as it is now: a roll-back by hand.

    Example: wherry trigger replay acme/web 17
    """
    from wherry.app.trigger_running import read_platform_now
    from wherry.oci.names import RepositoryName
    from wherry.triggers.replay import replay_run
    from wherry.triggers.runs import get_run_of

    with open_triggers(data, config) as database:
        repository = RepositoryName.parse(image)
        past = database.read_now(lambda tx: get_run_of(tx, repository, run))
        if past.image is None:
            read_platform_now(resolve(config=config, data=data).settings, database, repository, past.digest)
        made = change_triggers(
            database,
            repository,
            user,
            lambda tx, actor, now: replay_run(tx, actor, get_run_of(tx, repository, run).id, now),
            {"run": run, "replayed": True},
        )
    for one in made:
        typer.echo(f"Run {one.id} sets {one.tag} in {one.cluster}: {one.state}.")


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
