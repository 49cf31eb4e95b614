"""What held a run up is over: it goes on, waits for the next thing, or has waited too long."""

from datetime import datetime

from sqlalchemy import Connection

from wherry.triggers.errors import RunUnknown
from wherry.triggers.find import find_trigger
from wherry.triggers.gates import said
from wherry.triggers.runs import NOT_BEGUN, State, end_run, get_run, let_go


def wake(tx: Connection, run_id: int, now: datetime) -> None:
    """Nothing where the run is not due, or is gone."""
    try:
        run = get_run(tx, run_id)
    except RunUnknown:
        return
    if run.state not in NOT_BEGUN:
        return
    if run.due_at is None or run.due_at > now:
        return  # another of these will come when it is time
    trigger = None if run.trigger_id is None else find_trigger(tx, run.trigger_id)
    if trigger is None:
        end_run(tx, run, State.SKIPPED, "the trigger was deleted", now)
    elif run.state is State.WAITING_FOR_APPROVAL:
        limit = said(run.due_at)
        end_run(tx, run, State.SKIPPED, f"nobody approved it until {limit}", now, stops_waves=True)
    else:
        let_go(tx, run, trigger, now)
