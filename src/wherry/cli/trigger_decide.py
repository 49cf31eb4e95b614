"""``wherry trigger approve``, ``reject`` and ``replay``: what people decide of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from wherry.cli.options import ConfigOption, DataOption, resolve
from wherry.cli.server import ApiCall, ServerOption
from wherry.cli.trigger_calls import AsOption, ImageArgument, Triggers, open_triggers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from wherry.access.decisions import Actor
    from wherry.triggers.runs import Run

T = TypeVar("T")

RunArgument = Annotated[int, typer.Argument(metavar="RUN", min=1, help="Number of the run.")]


def approve(
    image: ImageArgument,
    run: RunArgument,
    user: AsOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a run go that waits for approval.

    Example: wherry trigger approve acme/web 17 --as ann
    """
    from wherry.triggers.approvals import approve_run

    def work(tx: Connection, actor: Actor, number: int, now: datetime) -> tuple[str | None, str]:
        done = approve_run(tx, actor, number, now)
        return done.approved_by, done.state

    by, state = _decide(
        Triggers(image, server, data, config, user),
        run,
        ApiCall("POST", ("approval",)),
        work,
        {"approved": True},
        lambda done: (done["approved_by"], done["state"]),
    )
    typer.echo(f"Run {run} is approved by {by}: {state}.")


def reject(
    image: ImageArgument,
    run: RunArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why, for everybody to read.")] = "",
    user: AsOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Refuse a run that waits for approval.

    Example: wherry trigger reject acme/web 17 --reason "not today"
    """
    from wherry.triggers.approvals import reject_run

    def work(tx: Connection, actor: Actor, number: int, now: datetime) -> tuple[str, str]:
        done = reject_run(tx, actor, number, reason, now)
        return done.state, done.detail

    state, detail = _decide(
        Triggers(image, server, data, config, user),
        run,
        ApiCall("POST", ("rejection",), {"reason": reason}),
        work,
        {"rejected": True},
        lambda done: (done["state"], done["detail"]),
    )
    typer.echo(f"Run {run} is {state}: {detail}.")


def replay(
    image: ImageArgument,
    run: RunArgument,
    user: AsOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Set the tag and digest of a run once more, by its trigger as it is now: a roll-back by hand.

    Example: wherry trigger replay acme/web 17
    """
    from wherry.triggers.replay import replay_run

    def work(tx: Connection, actor: Actor, number: int, now: datetime) -> list[dict[str, Any]]:
        return [_made(one) for one in replay_run(tx, actor, number, now)]

    of = Triggers(image, server, data, config, user)
    if server is None:
        _read_platform(of, run)
    told = _decide(of, run, ApiCall("POST", ("replay",)), work, {"replayed": True}, lambda made: made["runs"])
    for one in told:
        typer.echo(f"Run {one['id']} sets {one['tag']} in {one['cluster']}: {one['state']}.")


def _decide(
    of: Triggers,
    run: int,
    call: ApiCall,
    work: Callable[[Connection, Actor, int, datetime], T],
    detail: Mapping[str, object],
    told: Callable[[Any], T],
) -> T:
    """As `Triggers.change`; `call` begins at the run."""
    from wherry.triggers.runs import get_run_of

    return of.change(
        ApiCall(call.method, ("trigger-runs", str(run), *call.path), call.body),
        lambda tx, actor, image, now: work(tx, actor, get_run_of(tx, image, run).id, now),
        {"run": run, **detail},
        told,
    )


def _read_platform(of: Triggers, run: int) -> None:
    from wherry.app.trigger_running import read_platform_now
    from wherry.oci.names import RepositoryName
    from wherry.triggers.runs import get_run_of

    with open_triggers(of.data, of.config) as database:
        image = RepositoryName.parse(of.image)
        past = database.read_now(lambda tx: get_run_of(tx, image, run))
        if past.image is None:
            settings = resolve(config=of.config, data=of.data).settings
            read_platform_now(settings, database, image, past.digest)


def _made(run: Run) -> dict[str, Any]:
    return {"id": run.id, "tag": run.tag, "cluster": run.cluster, "state": run.state.value}
