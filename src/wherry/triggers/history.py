"""Runs that were and are, of a trigger or of an image, the newest first."""

from collections.abc import Collection

from sqlalchemy import Connection

from wherry.kit.pages import Page
from wherry.oci.names import RepositoryName
from wherry.triggers.runs import RUNS, Run, State, run_of
from wherry.triggers.tables import trigger_runs


def list_runs(
    tx: Connection,
    repository: RepositoryName,
    *,
    trigger_id: int | None = None,
    states: Collection[State] = (),
    before: int | None = None,
    size: int = 100,
) -> Page[Run]:
    """A page of those older than the run `before`; of one trigger where that is asked.

    Runs of deleted triggers, and of an image of the same name before it was deleted, are in an image's list.
    """
    query = RUNS.where(trigger_runs.c.repository == repository.text)
    if trigger_id is not None:
        query = query.where(trigger_runs.c.trigger_id == trigger_id)
    if states:
        query = query.where(trigger_runs.c.state.in_([state.value for state in states]))
    if before is not None:
        query = query.where(trigger_runs.c.id < before)
    rows = tx.execute(query.order_by(trigger_runs.c.id.desc()).limit(size + 1)).all()
    return Page.cut([run_of(row) for row in rows], size)


def last_runs(tx: Connection, trigger_ids: Collection[int], each: int = 1) -> dict[int, tuple[Run, ...]]:
    """The newest runs of several triggers, for lists of them; one statement a trigger."""
    found = {}
    for number in trigger_ids:
        query = RUNS.where(trigger_runs.c.trigger_id == number).order_by(trigger_runs.c.id.desc()).limit(each)
        found[number] = tuple(run_of(row) for row in tx.execute(query).all())
    return found
