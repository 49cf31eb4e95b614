"""Verifying finds every way to alter the trail, tells the first record, and needs little memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update

from tests.audit.trail import KEY, chain_all, filled, pushed, write
from tests.databases import FixedClock
from wherry.audit.chain import Head, seal_of
from wherry.audit.errors import InvalidExport
from wherry.audit.export import Format, export_records
from wherry.audit.facts import START, canonical, facts_of, link
from wherry.audit.listing import AuditFilter
from wherry.audit.tables import audit_head, audit_records
from wherry.audit.verify import BATCH, FaultKind, Verdict, verify_chain, verify_export
from wherry.db.database import Database

records = audit_records.c
Tamper = Callable[[Any], Any]


def head_of(database: Database) -> Head:
    row = database.read_now(lambda tx: tx.execute(select(audit_head.c.position, audit_head.c.hash)).one())
    return Head(*row)


def verified(database: Database, noted: Head | None = None) -> Verdict:
    return verify_chain(database.read_now, KEY, noted)


def shift(tx: Any, first: int, by: int) -> None:
    """Move all records from `first` on by one place; through a place far away, for positions are unique."""
    tx.execute(
        update(audit_records)
        .where(records.position >= first)
        .values(position=records.position + 1_000_000 + by)
    )
    tx.execute(
        update(audit_records)
        .where(records.position >= 1_000_000)
        .values(position=records.position - 1_000_000)
    )


def plant(tx: Any, position: int, **changed: Any) -> None:
    """A record of somebody's own at a free position, like the first one but for what is changed."""
    row = dict(tx.execute(select(audit_records).where(records.position == 1)).mappings().one())
    tx.execute(audit_records.insert(), {**row, "position": position, **changed})


def rechain(tx: Any, first: int, key: bytes | None) -> None:
    """Work all hashes out again from `first` on, and the head; sealed with `key`, or with the old seal."""
    previous = START
    for row in tx.execute(select(audit_records).order_by(records.position)).mappings().all():
        digest = link(previous, facts_of(row)) if row["position"] >= first else row["hash"]
        tx.execute(update(audit_records).where(records.position == row["position"]).values(hash=digest))
        previous, head = digest, Head(row["position"], digest)
    seal = {"seal": seal_of(head, key)} if key else {}
    tx.execute(update(audit_head).values(position=head.position, hash=head.hash, **seal))


def change(position: int, **values: Any) -> Tamper:
    return lambda tx: tx.execute(update(audit_records).where(records.position == position).values(**values))


def remove(*positions: int) -> Tamper:
    return lambda tx: tx.execute(delete(audit_records).where(records.position.in_(positions)))


def swap(one: int, other: int) -> Tamper:
    def work(tx: Any) -> None:
        for now, then in ((one, 10**9), (other, one), (10**9, other)):
            tx.execute(update(audit_records).where(records.position == now).values(position=then))

    return work


def remove_and_close_up(tx: Any) -> None:
    remove(4)(tx)
    shift(tx, 5, -1)


def insert_and_make_room(tx: Any) -> None:
    shift(tx, 5, 1)
    plant(tx, 5, actor="mallory")


def insert_with_its_own_hash(tx: Any) -> None:
    insert_and_make_room(tx)
    before = tx.execute(select(records.hash).where(records.position == 4)).scalar_one()
    facts = facts_of(tx.execute(select(audit_records).where(records.position == 5)).mappings().one())
    change(5, hash=link(before, facts))(tx)


def rewrite_without_the_key(tx: Any) -> None:
    change(3, actor="mallory")(tx)
    rechain(tx, 3, None)


def rewrite_with_another_key(tx: Any) -> None:
    change(3, actor="mallory")(tx)
    rechain(tx, 3, b"another key")


def rewrite_all_but_the_head(tx: Any) -> None:
    head = tx.execute(select(audit_head)).mappings().one()
    rewrite_without_the_key(tx)
    tx.execute(update(audit_head).values(**head))


C, R, N, W = FaultKind.CHANGED, FaultKind.REMOVED, FaultKind.INSERTED, FaultKind.REWRITTEN


@pytest.mark.parametrize(
    ("tamper", "kind_of_fault", "position"),
    [
        *((change(4, **{name: "other"}), C, 4) for name in ("actor", "action", "name", "result", "reason")),
        *((change(4, **{name: "other"}), C, 4) for name in ("means", "client", "request_id", "kind", "hash")),
        *((change(4, **{name: "other"}), C, 4) for name in ("key_id", "organization", "detail")),
        (change(4, at=1), C, 4),
        (change(4, at=2**62), C, 4),
        (change(4, actor_id=2), C, 4),
        (change(4, actor_id=None), C, 4),
        (change(1, actor="mallory"), C, 1),
        (change(10, actor="mallory"), C, 10),
        (remove(4), R, 4),
        (remove(1), R, 1),
        (remove(4, 5, 6), R, 4),
        (remove(10), R, 10),
        (remove(9, 10), R, 9),
        (remove(*range(1, 11)), R, 1),
        (remove_and_close_up, R, 4),
        (insert_and_make_room, N, 5),
        (insert_with_its_own_hash, N, 5),
        (lambda tx: plant(tx, 11), C, 11),
        (lambda tx: plant(tx, 0), N, 1),
        (swap(4, 5), C, 4),
        (swap(2, 9), C, 2),
        (rewrite_without_the_key, W, 10),
        (rewrite_with_another_key, W, 10),
        (rewrite_all_but_the_head, W, 10),
        (lambda tx: tx.execute(delete(audit_head)), W, 10),
        (lambda tx: tx.execute(update(audit_head).values(seal="")), W, 10),
        (lambda tx: tx.execute(update(audit_head).values(seal="é")), W, 10),
    ],
)
def test_every_way_to_alter_the_trail_is_found(
    database: Database, clock: FixedClock, tamper: Tamper, kind_of_fault: FaultKind, position: int
) -> None:
    filled(database, clock, 10)
    whole = verified(database)
    assert (whole.checked, whole.first, whole.head, whole.fault) == (10, 1, head_of(database), None)
    database.write_now(tamper)
    found = verified(database).fault
    assert found is not None
    assert (found.kind, found.position) == (kind_of_fault, position), found.says


def test_a_record_chained_behind_the_sealed_end_is_found(database: Database, clock: FixedClock) -> None:
    filled(database, clock, 10)

    head = head_of(database)

    def extend(tx: Any) -> None:
        plant(tx, 11, hash="")
        facts = facts_of(tx.execute(select(audit_records).where(records.position == 11)).mappings().one())
        change(11, hash=link(head.hash, facts))(tx)

    database.write_now(extend)
    found = verified(database).fault
    assert found is not None
    assert (found.kind, found.position) == (N, 11)


def test_a_number_that_is_none_is_found_too(sqlite_url: str, clock: FixedClock) -> None:
    """SQLite keeps any text in a column of numbers."""
    database = Database(sqlite_url)
    filled(database, clock, 3)
    database.write_now(lambda tx: tx.execute(text("UPDATE audit_records SET at = 'soon' WHERE position = 2")))
    found = verified(database).fault
    database.close()
    assert found is not None
    assert (found.kind, found.position) == (C, 2)


def test_an_empty_trail_is_whole(database: Database) -> None:
    assert verified(database) == Verdict(0, 0, Head(0, START))


def test_a_state_that_was_put_back_is_found_by_a_head_noted_elsewhere(
    database: Database, clock: FixedClock
) -> None:
    filled(database, clock, 10)
    early = database.read_now(lambda tx: tx.execute(select(audit_head)).mappings().one())
    write(database, clock, pushed(11))
    chain_all(database)
    noted = head_of(database)
    assert verified(database, noted).fault is None

    def put_back(tx: Any) -> None:
        remove(11)(tx)
        tx.execute(update(audit_head).values(**early))

    database.write_now(put_back)
    assert verified(database).fault is None, "nothing in the database tells"
    found = verified(database, noted).fault
    assert found is not None
    assert (found.kind, found.position) == (R, 11)


def test_a_head_noted_in_the_middle_holds_what_is_before_it(database: Database, clock: FixedClock) -> None:
    filled(database, clock, 5)
    noted = head_of(database)
    write(database, clock, *(pushed(number) for number in range(6, 11)))
    chain_all(database)
    assert verified(database, noted).fault is None

    def rewrite(tx: Any) -> None:
        change(3, actor="mallory")(tx)
        rechain(tx, 3, KEY)

    database.write_now(rewrite)
    assert verified(database).fault is None, "who holds the master key can make any chain"
    found = verified(database, noted).fault
    assert found is not None
    assert (found.kind, found.position) == (W, 5)


def test_a_server_that_goes_on_chaining_is_no_fault(database: Database, clock: FixedClock) -> None:
    """A record is chained before each read of the verification but the last ones."""
    filled(database, clock, 3)
    more = iter(range(4, 10))

    def read(work: Any) -> Any:
        number = next(more, None)
        if number is not None:
            write(database, clock, pushed(number))
            chain_all(database)
        return database.read_now(work)

    verdict = verify_chain(read, KEY)
    assert verdict.fault is None
    assert verdict.head == head_of(database) == Head(9, verdict.head.hash)


def test_a_chain_longer_than_a_batch_is_verified_in_bounded_memory(
    sqlite_url: str, clock: FixedClock
) -> None:
    database = Database(sqlite_url)
    peaks: list[int] = []
    for batches in (3, 6):
        filled(database, clock, 3 * BATCH)
        tracemalloc.start()
        verdict = verified(database)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert verdict.checked == batches * BATCH
    database.write_now(change(2 * BATCH, actor="mallory"))
    found = verified(database).fault
    database.close()
    assert peaks[1] < 1.2 * peaks[0]
    assert found is not None
    assert found.position == 2 * BATCH


def export(database: Database, narrowed: AuditFilter | None = None) -> list[str]:
    text_of_it = "".join(export_records(database.read_now, narrowed or AuditFilter(), Format.JSON_LINES))
    return text_of_it.splitlines(keepends=True)


def test_an_export_is_verified_without_a_server(database: Database, clock: FixedClock) -> None:
    filled(database, clock, 10)
    lines, head = export(database), head_of(database)
    assert verify_export(lines) == verify_export(lines, head) == Verdict(10, 1, head)
    for altered, kind_of_fault, position in (
        ([*lines[:3], lines[3].replace('"ann"', '"bob"'), *lines[4:]], C, 4),
        ([lines[0].replace('"ann"', '"bob"'), *lines[1:]], C, 1),
        ([*lines[:3], *lines[4:]], R, 4),
        ([*lines[:3], lines[4], lines[3], *lines[5:]], R, 4),
        ([*lines[:3], lines[2], *lines[3:]], N, 4),
    ):
        found = verify_export(altered).fault
        assert found is not None
        assert (found.kind, found.position) == (kind_of_fault, position), found.says
    cut = verify_export(lines[:8], head).fault
    assert cut is not None
    assert (cut.kind, cut.position) == (R, 9)
    assert verify_export(lines[:8]).fault is None, "only a noted head tells how long it was"


def test_an_export_may_begin_later(database: Database, clock: FixedClock) -> None:
    filled(database, clock, 10)
    lines, head = export(database), head_of(database)
    assert verify_export(lines[4:], head) == Verdict(6, 5, head)
    with pytest.raises(InvalidExport, match="before the first record"):
        verify_export(lines[4:], Head(2, "a" * 64))
    wrong = verify_export(lines[4:], Head(5, "a" * 64)).fault
    assert wrong is not None
    assert (wrong.kind, wrong.position) == (W, 5)


@pytest.mark.parametrize("line", ["nonsense", "[]", "{}", "[" * 100_000, canonical({"hash": 1})])
def test_what_is_no_export_is_said_to_be_none(line: str) -> None:
    with pytest.raises(InvalidExport, match="line 2"):
        verify_export(["\n", line])
