"""A job as it is kept."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import literal_column, select

from wherry.jobs.tables import jobs


class State(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINISHED = frozenset({State.DONE, State.FAILED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Job:
    """`attempts` counts starts; `problem` is the last reason why it did not get done."""

    id: int
    kind: str
    key: str
    state: State
    payload: Mapping[str, Any]
    attempts: int
    created_at: datetime
    run_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    holder: str | None
    cancel_asked: bool
    done: int | None
    total: int | None
    said: str
    problem: str

    @classmethod
    def of(cls, row: Any) -> "Job":
        """From a row of `COLUMNS`."""
        kind, key, state, payload = row[1:5]
        return cls(row[0], kind, key, State(state), json.loads(payload), *row[5:])


_C = jobs.c
COLUMNS = select(
    _C.id, _C.kind, _C.key, _C.state, _C.payload, _C.attempts, _C.created_at, _C.run_at, _C.started_at,
    _C.finished_at, _C.holder, _C.cancel_asked, _C.done, _C.total, _C.said, _C.problem,
)  # fmt: skip

# Literals, not parameters: SQLite uses an index of some rows only where it can read which.
IS_WAITING = jobs.c.state == literal_column("'waiting'")
IS_RUNNING = jobs.c.state == literal_column("'running'")
IS_UNFINISHED = jobs.c.finished_at.is_(None)
