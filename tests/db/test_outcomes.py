"""Outcomes: told once and after the commit; never what was undone, whichever part of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from wherry.db.database import Database
from wherry.db.errors import DatabaseUnavailable
from wherry.db.outcomes import tell_outcome


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def heard(database: Database) -> list[object]:
    made: list[object] = []
    database.on_outcome(made.append)
    return made


def tell(outcome: object) -> Callable[[Connection], None]:
    return lambda tx: tell_outcome(tx, outcome)


def fail(tx: Connection) -> None:
    tell_outcome(tx, "undone")
    raise LookupError


async def test_an_outcome_is_told_when_the_write_returns_and_once(
    database: Database, heard: list[object]
) -> None:
    during: list[list[object]] = []

    def work(tx: Connection) -> None:
        tell_outcome(tx, 1)
        during.append(list(heard))

    await database.write(work)
    assert (during, heard) == ([[]], [1])
    await database.write(tell(2), durable=False)
    database.write_now(tell(3))
    await database.write(lambda _tx: None)
    assert heard == [1, 2, 3]


async def test_what_is_undone_is_not_told_and_not_left_to_the_next(
    database: Database, heard: list[object]
) -> None:
    with pytest.raises(LookupError):
        await database.write(fail)
    with pytest.raises(LookupError):
        database.write_now(fail)
    for number in range(10):  # whichever connection it gets
        await database.write(tell(number))
        database.write_now(tell(number))
    assert heard == [number for number in range(10) for _ in range(2)]


async def test_one_that_fails_takes_no_outcome_of_others_along(
    database: Database, heard: list[object]
) -> None:
    """Also where they are committed together."""
    work = [fail if number % 3 == 0 else tell(number) for number in range(30)]
    await asyncio.gather(*(database.write(one) for one in work), return_exceptions=True)
    assert sorted(map(str, heard)) == sorted(str(number) for number in range(30) if number % 3)


async def test_a_savepoint_that_is_undone_takes_its_outcomes_along(
    database: Database, heard: list[object]
) -> None:
    def nested(tx: Connection) -> None:
        tell_outcome(tx, 1)
        with tx.begin_nested():
            tell_outcome(tx, 2)
        with suppress(LookupError), tx.begin_nested():
            tell_outcome(tx, "undone")
            with tx.begin_nested():
                tell_outcome(tx, "undone with what it is in")
            raise LookupError
        tell_outcome(tx, 3)

    await database.write(nested)
    database.write_now(nested)
    assert heard == [1, 2, 3, 1, 2, 3]


async def test_a_commit_that_fails_tells_nothing(database: Database, heard: list[object]) -> None:
    def make(tx: Connection) -> None:
        tx.execute(text("CREATE TABLE ports (name INTEGER PRIMARY KEY)"))
        late = "REFERENCES ports DEFERRABLE INITIALLY DEFERRED"
        tx.execute(text(f"CREATE TABLE ships (port INTEGER {late})"))

    def work(tx: Connection) -> None:
        tell_outcome(tx, "undone")
        tx.execute(text("INSERT INTO ships VALUES (7)"))

    await database.write(make)
    try:
        with pytest.raises((IntegrityError, DatabaseUnavailable)):
            await database.write(work)
        with pytest.raises((IntegrityError, DatabaseUnavailable)):
            database.write_now(work)
        assert heard == []
    finally:
        database.write_now(lambda tx: tx.execute(text("DROP TABLE ships")))
        database.write_now(lambda tx: tx.execute(text("DROP TABLE ports")))


async def test_who_counts_wrongly_undoes_nothing_and_keeps_it_from_nobody(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(_outcome: object) -> None:
        raise ZeroDivisionError

    heard: list[object] = []
    database.on_outcome(wrong)
    database.on_outcome(heard.append)

    def work(tx: Connection) -> str:
        tell_outcome(tx, 1)
        return "done"

    assert await database.write(work) == "done"
    assert heard == [1]
    assert "was not counted" in caplog.text


@pytest.mark.engine("postgresql")
async def test_what_was_tried_again_is_told_once(postgresql_url: str) -> None:
    heard: list[object] = []
    database = Database(postgresql_url)
    database.on_outcome(heard.append)
    tries = 0

    def work(tx: Connection) -> None:
        nonlocal tries
        tries += 1
        tell_outcome(tx, tries)
        if tries < 3:
            tx.execute(text("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))

    await database.write(work)
    database.close()
    assert heard == [3]


@pytest.mark.engine("postgresql")
@pytest.mark.parametrize("nested", [False, True])
async def test_a_lost_connection_is_an_unavailable_database_and_tells_nothing(
    postgresql_url: str, nested: bool
) -> None:
    heard: list[object] = []
    database = Database(postgresql_url)
    database.on_outcome(heard.append)

    def work(tx: Connection) -> None:
        tell_outcome(tx, "undone")
        end = text("SELECT pg_terminate_backend(pg_backend_pid())")
        if nested:
            with tx.begin_nested():
                tx.execute(end)
        else:
            tx.execute(end)

    with pytest.raises(DatabaseUnavailable):
        await database.write(work)
    for number in range(5):
        await database.write(tell(number))
    database.close()
    assert heard == [0, 1, 2, 3, 4]
