"""`python -m bench.triggers`: what matching costs a push, with ten thousand triggers of which three match."""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, insert

from wherry.db.database import Database
from wherry.identity.users import create_user
from wherry.migrations.upgrade import upgrade
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import ensure_repository
from wherry.triggers.match import matching
from wherry.triggers.tables import triggers

TRIGGERS = 10_000
ROUNDS = 300
NOW = datetime(2026, 3, 14, tzinfo=UTC)


def main() -> None:
    """Two cases: triggers of a thousand images, and all of them on one."""
    for images in (1000, 1):
        with tempfile.TemporaryDirectory(prefix="wherry-bench-") as folder:
            url = f"sqlite:///{Path(folder) / 'wherry.db'}"
            upgrade(url)
            database = Database(url)
            try:
                database.write_now(partial(_fill, images=images))
                _measure(database, images)
            finally:
                database.close()


def _fill(tx: Connection, images: int) -> None:
    user = create_user(tx, "ann", "hash", NOW, is_admin=True)
    ids = [ensure_repository(tx, RepositoryName(f"acme/i{n}"), user.id, NOW) for n in range(images)]
    rows = []
    for number in range(TRIGGERS):
        kind, text = ("semver", f"~{number + 10}.1") if number % 2 else ("regex", rf"v{number}\.\d+")
        if number % images == 0 and number // images < 3:
            kind, text = ("glob", "1.*")
        rows.append(
            {
                "repository_id": ids[number % images],
                "name": f"t{number}",
                "condition_kind": kind,
                "condition": text,
                "is_enabled": True,
                "failures": 0,
                "namespace": "shop",
                "kind": "Deployment",
                "workload": f"w{number}",
                "containers": "[]",
                "with_init": False,
                "options": "{}",
                "owner": "ann",
                "created_by": "ann",
                "created_at": NOW,
                "changed_at": NOW,
            }
        )
    tx.execute(insert(triggers), rows)


def _measure(database: Database, images: int) -> None:
    def work(tx: Connection) -> list[float]:
        name, found = RepositoryName("acme/i0"), []
        assert len(matching(tx, name, "1.4")) == 3
        for _ in range(ROUNDS):
            began = time.perf_counter()
            matching(tx, name, "1.4")
            found.append((time.perf_counter() - began) * 1000)
        return sorted(found)

    found = database.read_now(work)
    p50, p99 = statistics.median(found), found[int(len(found) * 0.99)]
    print(f"{TRIGGERS} triggers on {images} images, 3 match: p50 {p50:.3f} ms, p99 {p99:.3f} ms")


if __name__ == "__main__":
    main()
