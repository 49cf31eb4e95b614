"""Figures of what is going on now: the runs that are open, and the triggers that are paused."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from wherry.triggers.runs import OPEN, State
from wherry.triggers.tables import trigger_runs, triggers


@dataclass(frozen=True, slots=True)
class Figures:
    """`open_runs` has each state of `OPEN`; `paused` counts triggers."""

    open_runs: Mapping[State, int]
    paused: int


def figures(tx: Connection) -> Figures:
    """Two statements, each answered by an index of what is open, or paused, alone."""
    state = trigger_runs.c.state
    query = select(state, func.count()).where(state.in_(OPEN)).group_by(state)
    found = {State(row[0]): row[1] for row in tx.execute(query)}
    paused = select(func.count()).select_from(triggers).where(triggers.c.paused_because.is_not(None))
    return Figures({state: found.get(state, 0) for state in OPEN}, int(tx.execute(paused).scalar_one()))
