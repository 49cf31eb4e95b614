"""A fault on purpose: an event counts as dispatched a second before its reactions are written down."""

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from wherry.app import event_dispatch
from wherry.events.dispatch import BATCH, Reaction, RecordedEvent, dispatch_new, waiting

_noted: list[tuple[float, Reaction, RecordedEvent]] = []


def _is_due() -> bool:
    return bool(_noted) and _noted[0][0] + 1 <= time.monotonic()


def _later(reaction: Reaction) -> Reaction:
    return lambda _tx, event: _noted.append((time.monotonic(), reaction, event))


def _dispatch(tx: Connection, reactions: Mapping[str, Reaction], *others: Any, **more: Any) -> int:
    while _is_due():
        _, reaction, event = _noted.pop(0)
        reaction(tx, event)
    return dispatch_new(tx, {name: _later(one) for name, one in reactions.items()}, *others, **more)


def _waiting(tx: Connection, size: int = BATCH) -> list[RecordedEvent]:
    return waiting(tx, size) or [event for _, _, event in _noted if _is_due()]


event_dispatch.dispatch_new = _dispatch  # type: ignore[attr-defined]
event_dispatch.waiting = _waiting  # type: ignore[attr-defined]
