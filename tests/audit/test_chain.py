"""Chaining: in order, each record once, by one chainer at a time, and never to a head that was forged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text, update

from tests.audit.trail import ANN, KEY, chain_all, filled, pushed, write
from tests.databases import FixedClock
from wherry.audit.chain import Head, chain_new, checked_head, is_waiting
from wherry.audit.entries import Entry, Means, Result, Source, Target
from wherry.audit.errors import ChainBroken, InvalidHead
from wherry.audit.facts import START, facts_of, link
from wherry.audit.journal import record
from wherry.audit.listing import AuditFilter, list_records
from wherry.audit.tables import audit_head, audit_journal, audit_records
from wherry.audit.verify import verify_chain
from wherry.db.database import Database


def rows(database: Database):
    query = select(audit_records).order_by(audit_records.c.position)
    return database.read_now(lambda tx: tx.execute(query).mappings().all())


def test_each_record_is_linked_to_the_one_before(database: Database, clock: FixedClock) -> None:
    write(database, clock, pushed(1), pushed(2), pushed(3))
    assert chain_all(database) == 3
    previous = START
    for position, row in enumerate(rows(database), 1):
        assert row["position"] == position
        assert row["hash"] == link(previous, facts_of(row))
        previous = row["hash"]
    assert database.read_now(lambda tx: checked_head(tx, KEY)) == Head(3, previous)
    assert not database.read_now(is_waiting)


def test_what_was_said_is_what_is_read(database: Database, clock: FixedClock) -> None:
    said = Entry(
        Source("ann", 7, Means.TOKEN, "AK1", "2001:db8::1", "request-1"),
        "login.make",
        Target.access_key("AK2"),
        Result.REFUSED,
        "ann has no right on this",
        {"expires": None, "scope": {"acme": 7}, "names": ["a", "ß"]},
    )
    when = clock.now()
    write(database, clock, said)
    chain_all(database)
    [read] = database.read_now(lambda tx: list_records(tx, AuditFilter(), size=10)).items
    assert (read.at, read.actor, read.actor_id, read.means, read.key_id) == (when, "ann", 7, "token", "AK1")
    assert (read.client, read.request_id, read.action) == ("2001:db8::1", "request-1", "login.make")
    assert (read.kind, read.name, read.organization) == ("access key", "AK2", None)
    assert (read.result, read.reason, read.detail) == ("refused", said.reason, dict(said.detail))


def test_a_change_that_is_undone_leaves_no_record(database: Database, clock: FixedClock) -> None:
    def work(tx) -> None:
        record(tx, pushed(1), clock.now())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write_now(work)
    assert not database.read_now(is_waiting)
    assert chain_all(database) == 0


def test_several_chainers_at_once_chain_each_record_once(database: Database, clock: FixedClock) -> None:
    for start in range(0, 200, 20):
        write(database, clock, *(pushed(number) for number in range(start, start + 20)))
    with ThreadPoolExecutor(4) as chainers:

        def run(_: int) -> int:
            done = 0
            while chained := database.write_now(lambda tx: chain_new(tx, KEY, 7)):
                done += chained
            return done

        assert sum(chainers.map(run, range(4))) == 200
    chained = rows(database)
    assert [row["position"] for row in chained] == list(range(1, 201))
    assert len({row["detail"] for row in chained}) == 200
    assert verify_chain(database.read_now, KEY).fault is None


def test_nothing_is_chained_to_a_head_that_somebody_else_made(database: Database, clock: FixedClock) -> None:
    filled(database, clock, 3)
    database.write_now(lambda tx: tx.execute(update(audit_head).values(position=2, hash="b" * 64)))
    write(database, clock, pushed(4))
    with pytest.raises(ChainBroken, match="master key"):
        chain_all(database)
    assert database.read_now(is_waiting), "it waits until somebody has looked"


def test_nothing_is_chained_with_another_key(database: Database, clock: FixedClock) -> None:
    filled(database, clock, 3)
    write(database, clock, pushed(4))
    with pytest.raises(ChainBroken):
        chain_all(database, b"another key")


def test_records_without_a_head_are_no_new_beginning(database: Database, clock: FixedClock) -> None:
    filled(database, clock, 3)
    database.write_now(lambda tx: tx.execute(audit_head.delete()))
    write(database, clock, pushed(4))
    with pytest.raises(ChainBroken, match="head was removed"):
        chain_all(database)


@pytest.mark.parametrize(
    "planted",
    [
        "",
        "[]",
        "{}",
        '{"at":1}',
        "[" * 100_000,
        '{"at": "2026-01-01T00:00:00+00:00", "actor": null}',
    ],
)
def test_what_is_planted_in_the_journal_stops_nothing(
    database: Database, clock: FixedClock, planted: str
) -> None:
    write(database, clock, pushed(1))
    database.write_now(lambda tx: tx.execute(audit_journal.insert(), {"record": planted}))
    write(database, clock, pushed(2))
    assert chain_all(database) == 3
    assert [row["action"] for row in rows(database)] == ["image.push", "audit.unreadable", "image.push"]
    assert verify_chain(database.read_now, KEY).fault is None


def test_texts_are_cut_cleaned_and_stripped_of_secrets(database: Database, clock: FixedClock) -> None:
    source = Source("x" * 1000, None, Means.PASSWORD, "a\0b", "\x1b[31m", "r")
    entry = Entry(
        source,
        "login.failed",
        Target.user("e\nvil"),
        Result.REFUSED,
        "Authorization: Basic YWRtaW46c2VjcmV0",
        {"password": "hunter2", "name": "\0"},
    )
    write(database, clock, entry)
    chain_all(database)
    [row] = rows(database)
    assert row["actor"] == "x" * 300
    assert (row["key_id"], row["client"], row["name"]) == ("a\ufffdb", "\ufffd[31m", "e\ufffdvil")
    assert "YWRtaW46c2VjcmV0" not in row["reason"]
    assert "hunter2" not in row["detail"]
    assert verify_chain(database.read_now, KEY).fault is None


def test_a_detail_that_is_too_long_is_left_out(database: Database, clock: FixedClock) -> None:
    big = Entry(ANN, "image.push", Target.org("acme"), Result.DONE, "", {"names": ["n" * 64] * 10_000})
    write(database, clock, big)
    chain_all(database)
    assert "left_out" in rows(database)[0]["detail"]


def test_a_batch_is_one_transaction_of_bounded_size(database: Database, clock: FixedClock) -> None:
    write(database, clock, *(pushed(number) for number in range(5)))
    assert database.write_now(lambda tx: chain_new(tx, KEY, 2)) == 2
    left = database.read_now(lambda tx: tx.execute(select(func.count(audit_journal.c.id))).scalar_one())
    assert left == 3


@pytest.mark.parametrize("wrong", ["", "1", "1:ab", f"-1:{'a' * 64}", f"x:{'a' * 64}", f"²:{'a' * 64}"])
def test_what_is_no_head_is_said_to_be_none(wrong: str) -> None:
    with pytest.raises(InvalidHead, match="POSITION:HASH"):
        Head.parse(wrong)


def test_a_head_is_read_as_it_is_printed() -> None:
    head = Head(12, "ab" * 32)
    assert Head.parse(f" {head}\n") == head


def test_a_record_needs_no_question_back(database: Database, clock: FixedClock) -> None:
    """One statement: the insert."""
    statements: list[str] = []

    def work(tx) -> None:
        from sqlalchemy import event

        event.listen(tx, "before_cursor_execute", lambda *all_of_it: statements.append(all_of_it[2]))
        record(tx, pushed(1), clock.now())
        tx.execute(text("SELECT 1"))

    database.write_now(work)
    assert len(statements) >= 2
    assert "RETURNING" not in statements[0]
    assert statements[1] == "SELECT 1"
