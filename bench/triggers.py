"""`python -m bench.triggers`: what matching costs a push, with ten thousand triggers of which three match."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, insert

from bench.trigger_page import Measured
from wherry.db.database import Database
from wherry.events.outbox import append
from wherry.identity.users import create_user
from wherry.migrations.upgrade import upgrade
from wherry.oci.names import RepositoryName
from wherry.registry.events import TagMoved
from wherry.registry.repositories import ensure_repository
from wherry.triggers.match import matching
from wherry.triggers.tables import triggers

TRIGGERS = 10_000
MATCHING = 3
ROUNDS = 300
SAID = """
In process, on SQLite: what the dispatcher asks for each push, after the push was answered; and the event,
which is all that a push itself writes.
"""
NOW = datetime(2026, 3, 14, tzinfo=UTC)


def main() -> None:
    """As lines."""
    for one in measure():
        print(one.line())


def measure() -> list[Measured]:
    """Triggers of a thousand images, and all of them on one; and the event that a push writes down."""
    found = []
    for images in (1000, 1):
        with tempfile.TemporaryDirectory(prefix="wherry-bench-") as folder:
            url = f"sqlite:///{Path(folder) / 'wherry.db'}"
            upgrade(url)
            database = Database(url)
            try:
                database.write_now(partial(_fill, images=images))
                title = f"matching, {TRIGGERS:,} triggers on {_images(images)}, {MATCHING} match"
                limit = 1.0 if images > 1 else 10.0
                found.append(Measured(title, database.read_now(_match), p50=limit))
                if images > 1:
                    title = "writing the event down, a part of the push's own transaction"
                    found.append(Measured(title, database.write_now(_append), p50=1.0))
            finally:
                database.close()
    return found


def _fill(tx: Connection, images: int) -> None:
    user = create_user(tx, "ann", "hash", NOW, is_admin=True)
    ids = [ensure_repository(tx, RepositoryName(f"acme/i{n}"), user.id, NOW) for n in range(images)]
    tx.execute(insert(triggers), trigger_rows(ids, TRIGGERS - MATCHING))
    for number in range(MATCHING):
        tx.execute(insert(triggers), _row(ids[0], f"m{number}", "glob", "1.*"))


def trigger_rows(repository_ids: Sequence[int], count: int) -> list[dict[str, object]]:
    """Triggers that are for no tag that the bench pushes, of one image after the other."""
    rows = []
    for number in range(count):
        kind, text = ("semver", f"~{number + 10}.1") if number % 2 else ("regex", rf"r{number}\.\d+")
        rows.append(_row(repository_ids[number % len(repository_ids)], f"t{number}", kind, text))
    return rows


def _row(repository_id: int, name: str, kind: str, text: str) -> dict[str, object]:
    return {
        "repository_id": repository_id,
        "name": name,
        "condition_kind": kind,
        "condition": text,
        "is_enabled": True,
        "failures": 0,
        "namespace": "shop",
        "kind": "Deployment",
        "workload": name,
        "containers": "[]",
        "with_init": False,
        "options": "{}",
        "owner": "ann",
        "created_by": "ann",
        "created_at": NOW,
        "changed_at": NOW,
    }


def _match(tx: Connection) -> list[float]:
    name = RepositoryName("acme/i0")
    if len(matching(tx, name, "1.4")) != MATCHING:
        raise RuntimeError("the bench's triggers do not match as they should")
    return [_timed(lambda: matching(tx, name, "1.4")) for _ in range(ROUNDS)]


def _append(tx: Connection) -> list[float]:
    digest = f"sha256:{7:064x}"
    moved = TagMoved("acme/i0", "1.4", digest, None, "application/json", False, 1, "ann")
    return [_timed(lambda: append(tx, moved.to_event(), NOW)) for _ in range(ROUNDS)]


def _timed(work: Callable[[], object]) -> float:
    """In milliseconds."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _images(count: int) -> str:
    return "one image" if count == 1 else f"{count:,} images"


if __name__ == "__main__":
    main()
