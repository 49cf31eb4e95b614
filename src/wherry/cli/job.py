"""``wherry jobs``: what is done behind requests: deliveries, roll-outs, webhooks, what a clock starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail, resolve
from wherry.cli.output import print_record, print_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.jobs.job import Job

jobs = typer.Typer(no_args_is_help=True, help="Work that is done behind requests, such as deliveries.")

IdArgument = Annotated[int, typer.Argument(metavar="ID", help="Number of the job.")]

_COLUMNS = ["id", "kind", "key", "state", "attempts", "run_at", "finished_at", "problem"]


@jobs.command("list")
def list_all(
    kind: Annotated[str | None, typer.Option("--kind", help="Only jobs of this kind.")] = None,
    state: Annotated[
        str | None, typer.Option("--state", help="waiting, running, done, failed or cancelled.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most this many.")] = 50,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print jobs, the newest first.

    Example: wherry jobs list --state failed
    """
    from wherry.jobs.job import State
    from wherry.jobs.queue import list_jobs

    if state is not None and state not in list(State):
        fail(f"{state} is no state; valid are {', '.join(State)}")
    states = [State(state)] if state is not None else []
    with open_database(data, config) as database:
        found = database.read_now(lambda tx: list_jobs(tx, kind=kind, states=states, size=limit))
    print_rows([_row(job) for job in found], _COLUMNS, as_json=as_json, empty="There is no such job.")


@jobs.command()
def show(
    job: IdArgument, data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Print one job: what it is for, how far it is, and why it did not get done.

    Example: wherry jobs show 17
    """
    from wherry.jobs.queue import show as find

    with open_database(data, config) as database, _told():
        found = database.read_now(lambda tx: find(tx, job))
    print_record(_row(found), as_json=as_json)


@jobs.command()
def cancel(job: IdArgument, data: DataOption = None, config: ConfigOption = None) -> None:
    """Cancel a job: a waiting one never starts, a running one is cut off.

    Example: wherry jobs cancel 17
    """
    from wherry.jobs.queue import cancel as end
    from wherry.kit.clock import SystemClock

    _change("job.cancel", job, lambda tx: end(tx, job, SystemClock().now()), data, config)


@jobs.command()
def retry(job: IdArgument, data: DataOption = None, config: ConfigOption = None) -> None:
    """Run a job now: one that failed or was cancelled anew, one that waits for its next attempt at once.

    Example: wherry jobs retry 17
    """
    from wherry.jobs.queue import retry as again
    from wherry.kit.clock import SystemClock

    _change("job.retry", job, lambda tx: again(tx, job, SystemClock().now()), data, config)


@jobs.command()
def parked(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most this many.")] = 50,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print events that triggers or webhooks could not take, the newest first, each with the reason.

    Example: wherry jobs parked
    """
    from wherry.events.dispatch import list_parked

    with open_database(data, config) as database:
        found = database.read_now(lambda tx: list_parked(tx, limit))
    rows = [
        {"event": one.event_id, "reaction": one.reaction, "at": one.at, "reason": one.reason} for one in found
    ]
    print_rows(rows, ["event", "reaction", "at", "reason"], as_json=as_json, empty="Nothing is parked.")


@jobs.command("react")
def react_again(
    event: Annotated[int, typer.Argument(metavar="EVENT", help="Number of the event.")],
    reaction: Annotated[str, typer.Argument(metavar="REACTION", help="triggers or webhooks.")],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Hand a parked event once more to who could not take it; what comes of it happens now.

    Example: wherry jobs react 4711 webhooks
    """
    from wherry.app.event_dispatch import reactions_of
    from wherry.audit.entries import Kind, Target
    from wherry.events.dispatch import NotParked
    from wherry.events.dispatch import react_again as again
    from wherry.kit.clock import SystemClock

    clock = SystemClock()
    reactions = reactions_of(resolve(config=config, data=data).settings, clock)
    target = Target(Kind.SERVICE, f"event {event}")
    with open_database(data, config) as database:
        try:
            why_not = change(
                database, "event.react", target, lambda tx: again(tx, reactions, event, reaction, clock.now())
            )
        except NotParked as error:
            fail(str(error))
    if why_not is not None:
        fail(f"It failed again and stays parked: {why_not}")
    typer.echo(f"Event {event} is with the {reaction} now.")


def _change(action: str, job_id: int, work: Callable[[Connection], Job], data: Any, config: Any) -> None:
    from wherry.audit.entries import Kind, Target

    with open_database(data, config) as database, _told():
        job = change(database, action, Target(Kind.SERVICE, f"job {job_id}"), work)
    typer.echo(f"Job {job_id} ({job.kind}) is {job.state}.")


@contextmanager
def _told() -> Iterator[None]:
    from wherry.jobs.errors import JobError

    try:
        yield
    except JobError as error:
        fail(str(error))


def _row(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "kind": job.kind,
        "key": job.key,
        "state": job.state.value,
        "attempts": job.attempts,
        "created_at": job.created_at,
        "run_at": job.run_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "progress": f"{job.done}/{job.total or '?'} {job.said}".strip() if job.done is not None else None,
        "problem": job.problem,
        "payload": dict(job.payload),
    }
