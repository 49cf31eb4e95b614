"""Pages and filters of the trail, and exports: in order, complete, and answered by indexes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text

from tests.audit.trail import ANN, chain_all, filled, pushed, write
from tests.databases import FixedClock
from wherry.audit.chain import BATCH
from wherry.audit.entries import Entry, Means, Result, Source, Target
from wherry.audit.export import Format, export_records
from wherry.audit.journal import record
from wherry.audit.listing import AuditFilter, list_records
from wherry.audit.tables import audit_records
from wherry.db.database import Database

ALL = AuditFilter()
BOB = Source("bob", 2, Means.ACCESS_KEY, "AK1", "192.0.2.8", "r-2")


def positions(database: Database, narrowed: AuditFilter = ALL, **asked: Any) -> list[int]:
    asked = {"size": 100, **asked}
    return [
        found.position for found in database.read_now(lambda tx: list_records(tx, narrowed, **asked)).items
    ]


@pytest.fixture
def mixed(database: Database, clock: FixedClock) -> Database:
    write(
        database,
        clock,
        pushed(1),
        pushed(2, "acme/api", BOB),
        replace(pushed(3, "acme/web/deep"), result=Result.REFUSED),
        Entry(ANN, "organization.grant", Target.org("acme"), Result.DONE, "", {"user": "bob"}),
        Entry(BOB, "organization.create", Target.org("acme2"), Result.FAILED, "it is there already"),
        pushed(6, "web", BOB),
        Entry(ANN, "user.change", Target.user("acme"), Result.DONE),
    )
    assert chain_all(database) == 7
    return database


@pytest.mark.parametrize(
    ("narrowed", "found"),
    [
        (AuditFilter(), [7, 6, 5, 4, 3, 2, 1]),
        (AuditFilter(actor="bob"), [6, 5, 2]),
        (AuditFilter(action="image.push"), [6, 3, 2, 1]),
        (AuditFilter(kind="organization"), [5, 4]),
        (AuditFilter(name="acme/web"), [1]),
        (AuditFilter(name="acme"), [7, 4]),
        (AuditFilter(name="acme", kind="user"), [7]),
        (AuditFilter(prefix="acme/"), [3, 2, 1]),
        (AuditFilter(prefix="acme/web"), [3, 1]),
        (AuditFilter(prefix="acme"), [7, 5, 4, 3, 2, 1]),
        (AuditFilter(prefix="%"), []),
        (AuditFilter(organization="acme"), [4, 3, 2, 1]),
        (AuditFilter(organization="library"), [6]),
        (AuditFilter(result="refused"), [3]),
        (AuditFilter(result="failed"), [5]),
        (AuditFilter(key_id="AK1"), [6, 5, 2]),
        (AuditFilter(actor="bob", result="done", organization="acme"), [2]),
    ],
)
def test_what_is_given_has_to_fit(mixed: Database, narrowed: AuditFilter, found: list[int]) -> None:
    assert positions(mixed, narrowed) == found


def test_times_are_a_half_open_span(mixed: Database, clock: FixedClock) -> None:
    began = clock.now() - timedelta(seconds=7)
    third, fifth = began + timedelta(seconds=2), began + timedelta(seconds=4)
    assert positions(mixed, AuditFilter(since=third, until=fifth)) == [4, 3]
    assert positions(mixed, AuditFilter(since=fifth)) == [7, 6, 5]
    assert positions(mixed, AuditFilter(until=third)) == [2, 1]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_pages_have_every_record_once(mixed: Database, size: int) -> None:
    found: list[int] = []
    before = None
    while True:
        page = mixed.read_now(
            lambda tx, before=before: list_records(tx, AuditFilter(), before=before, size=size)  # type: ignore[misc]
        )
        found += [item.position for item in page.items]
        assert page.more == (len(found) < 7)
        if not page.more:
            break
        before = page.items[-1].position
    assert found == [7, 6, 5, 4, 3, 2, 1]


def test_records_of_one_moment_have_an_order_too(database: Database, clock: FixedClock) -> None:
    def at_once(tx: Connection) -> None:
        for number in range(6):
            record(tx, pushed(number), clock.now())

    database.write_now(at_once)
    chain_all(database)
    assert positions(database, size=3) == [6, 5, 4]
    assert positions(database, size=3, before=4) == [3, 2, 1]


def test_a_position_that_is_not_there_has_nothing_behind_it(mixed: Database) -> None:
    assert positions(mixed, before=99) == []


def test_what_waits_in_the_journal_is_not_listed(mixed: Database, clock: FixedClock) -> None:
    write(mixed, clock, pushed(8))
    assert positions(mixed)[0] == 7
    chain_all(mixed)
    assert positions(mixed)[0] == 8


def test_an_export_has_the_oldest_first_whatever_its_batches(mixed: Database) -> None:
    whole = "".join(export_records(mixed.read_now, AuditFilter(), Format.JSON_LINES))
    for size in (1, 2, 7, 8):
        assert "".join(export_records(mixed.read_now, AuditFilter(), Format.JSON_LINES, size)) == whole
    assert [json.loads(line)["position"] for line in whole.splitlines()] == [1, 2, 3, 4, 5, 6, 7]
    only_bob = "".join(export_records(mixed.read_now, AuditFilter(actor="bob"), Format.CSV, 2))
    assert [line.split(",")[0] for line in only_bob.splitlines()] == ["position", "2", "5", "6"]


def test_an_export_holds_no_transaction_between_its_batches(sqlite_url: str, clock: FixedClock) -> None:
    database = Database(sqlite_url)
    filled(database, clock, 2 * BATCH)
    chunks = export_records(database.read_now, AuditFilter(), Format.JSON_LINES, BATCH)
    next(chunks)
    write(database, clock, pushed(0))
    chain_all(database)
    assert sum(chunk.count("\n") for chunk in chunks) == BATCH + 1
    database.close()


INDEXES = [
    (AuditFilter(), "at"),
    (AuditFilter(actor="user7"), "actor"),
    (AuditFilter(action="image.push7"), "action"),
    (AuditFilter(name="acme7/web7"), "name"),
    (AuditFilter(organization="acme7"), "organization"),
    (AuditFilter(prefix="acme7/w"), "organization"),
    (AuditFilter(result="refused7"), "result"),
    (AuditFilter(key_id="AK7"), "key_id"),
]


def statement_of(tx: Connection, narrowed: AuditFilter) -> tuple[str, Any]:
    """What a page asks the database."""
    statements: list[tuple[str, Any]] = []

    def note(*given: Any) -> None:
        statements.append((given[2], given[3]))

    event.listen(tx, "before_cursor_execute", note)
    list_records(tx, narrowed, before=4, size=2)
    event.remove(tx, "before_cursor_execute", note)
    return statements[0]


@pytest.mark.parametrize(("narrowed", "index"), INDEXES)
def test_each_filter_is_answered_by_an_index_in_order(
    sqlite_url: str, clock: FixedClock, narrowed: AuditFilter, index: str
) -> None:
    """No row is sorted and none is read in vain: a page costs the same on a million records."""
    database = Database(sqlite_url)
    filled(database, clock, 5)

    def plan_of(tx: Connection) -> list[str]:
        sql, parameters = statement_of(tx, narrowed)
        return [row[3] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)]

    plan = database.read_now(plan_of)
    database.close()
    assert any(f"INDEX ix_audit_records_{index} " in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


def test_postgresql_sorts_no_page_either(postgresql_url: str, clock: FixedClock) -> None:
    """As its planner sees fifty thousand records of fifty actors on fifty things."""
    database = Database(postgresql_url)
    filled(database, clock, 1)

    def many(tx: Connection) -> None:
        row = dict(tx.execute(audit_records.select()).mappings().one())
        rows = [
            {
                **row,
                "position": number,
                "at": row["at"] + number,
                "actor": f"user{number % 50}",
                "action": f"image.push{number % 50}",
                "name": f"acme{number % 50}/web{number % 50}",
                "organization": f"acme{number % 50}",
                "result": f"refused{number % 50}",
                "key_id": f"AK{number % 50}",
            }
            for number in range(2, 50_000)
        ]
        tx.execute(insert(audit_records), rows)

    def plan_of(tx: Connection, narrowed: AuditFilter) -> str:
        sql, parameters = statement_of(tx, narrowed)
        return "\n".join(row[0] for row in tx.exec_driver_sql(f"EXPLAIN {sql}", parameters))

    database.write_now(many)
    database.write_now(lambda tx: tx.execute(text("ANALYZE audit_records")))
    plans = [database.read_now(partial(plan_of, narrowed=narrowed)) for narrowed, _ in INDEXES]
    database.close()
    for plan, (_, index) in zip(plans, INDEXES, strict=True):
        assert "Sort" not in plan, plan
        assert f"ix_audit_records_{index} " in plan, plan
