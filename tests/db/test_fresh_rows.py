"""Cached rows of the pull path: never staler than a commit that somebody was told of."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest
from sqlalchemy import Connection, bindparam, select, text

from tests.databases import FixedClock
from wherry.db import fresh_rows
from wherry.db.database import Database
from wherry.db.errors import DatabaseUnavailable
from wherry.db.fresh_rows import FreshRows
from wherry.db.postgres_pull_reader import LISTENER, PostgresPullReader
from wherry.db.pull_reader import Parameters, Prepared, PullReader, Row, open_pull_reader
from wherry.identity.tables import users
from wherry.identity.users import create_user, set_password

HASH_OF = Prepared(select(users.c.password_hash).where(users.c.name == bindparam("name")))


class Counting:
    """A reader that counts what reaches the database."""

    def __init__(self, inner: PullReader) -> None:
        self._inner = inner
        self.asked = 0
        self.generation = inner.generation
        self.close = inner.close

    async def row(self, statement: Prepared, parameters: Parameters) -> Row | None:
        self.asked += 1
        return await self._inner.row(statement, parameters)


@asynccontextmanager
async def reading(database: Database) -> AsyncIterator[tuple[FreshRows, Counting]]:
    reader = Counting(await open_pull_reader(database))
    if isinstance(reader._inner, PostgresPullReader):
        await until(lambda: reader.generation() == reader.generation())
    try:
        yield FreshRows(reader), reader
    finally:
        await reader.close()


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not happened():  # noqa: ASYNC110 (nobody calls us back)
            await asyncio.sleep(0.01)


async def hash_of(rows: FreshRows, name: str = "ann") -> str | None:
    await asyncio.sleep(0)  # another turn of the loop: another request
    row = await rows.row(HASH_OF, name=name)
    return None if row is None else str(row[0])


@pytest.fixture
def ann(database: Database, clock: FixedClock) -> None:
    database.write_now(lambda tx: create_user(tx, "ann", "first", clock.now()))


@pytest.mark.usefixtures("ann")
async def test_a_row_is_read_once(database: Database) -> None:
    async with reading(database) as (rows, reader):
        assert [await hash_of(rows) for _ in range(5)] == ["first"] * 5
        assert reader.asked == 1


@pytest.mark.usefixtures("ann")
async def test_what_is_not_there_is_remembered_too(database: Database) -> None:
    async with reading(database) as (rows, reader):
        assert [await hash_of(rows, "bob") for _ in range(5)] == [None] * 5
        assert reader.asked == 1


@pytest.mark.usefixtures("ann")
async def test_a_commit_of_this_process_is_seen_at_the_next_question(database: Database) -> None:
    async with reading(database) as (rows, _):
        for number in range(20):
            assert await hash_of(rows) is not None
            password = f"hash {number}"
            await database.write(lambda tx, new=password: set_password(tx, "ann", new))  # type: ignore[misc]
            assert await hash_of(rows) == password


@pytest.mark.usefixtures("ann")
async def test_a_new_row_is_seen_where_its_absence_was_remembered(
    database: Database, clock: FixedClock
) -> None:
    async with reading(database) as (rows, _):
        assert await hash_of(rows, "bob") is None
        await database.write(lambda tx: create_user(tx, "bob", "hash", clock.now()))
        assert await hash_of(rows, "bob") == "hash"


async def test_a_commit_of_another_process_on_sqlite_is_seen_at_the_next_question(sqlite_url: str) -> None:
    here, there = Database(sqlite_url), Database(sqlite_url)
    here.write_now(lambda tx: create_user(tx, "ann", "first", FixedClock().now()))
    async with reading(here) as (rows, _):
        assert await hash_of(rows) == "first"
        there.write_now(lambda tx: set_password(tx, "ann", "second"))
        assert await hash_of(rows) == "second"
    here.close()
    there.close()


@pytest.mark.engine("postgresql")
async def test_a_commit_of_another_replica_is_heard(postgresql_url: str) -> None:
    here, there = Database(postgresql_url), Database(postgresql_url)
    here.write_now(lambda tx: create_user(tx, "ann", "first", FixedClock().now()))
    async with reading(here) as (rows, reader):
        for write in (there.write, lambda work: asyncio.to_thread(there.write_now, work)):
            await hash_of(rows)
            before = reader.generation()
            new = f"after {before}"
            await write(lambda tx, new=new: set_password(tx, "ann", new))  # type: ignore[misc]
            await until(lambda before=before: reader.generation() != before)  # type: ignore[misc]
            assert await hash_of(rows) == new
    here.close()
    there.close()


@pytest.mark.engine("postgresql")
async def test_while_nobody_listens_nothing_cached_is_used(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    database.write_now(lambda tx: create_user(tx, "ann", "first", FixedClock().now()))
    async with reading(database) as (rows, reader):
        assert await hash_of(rows) == "first"
        with psycopg.connect(postgresql_url, autocommit=True) as behind:
            # Written by a hand that tells nobody, and the ear is cut off: only a question can know.
            behind.execute("UPDATE users SET password_hash = 'second'")
            behind.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
                [LISTENER],
            )
            await until(lambda: reader.generation() != reader.generation())
            asked = reader.asked
            assert [await hash_of(rows) for _ in range(3)] == ["second"] * 3
            assert reader.asked == asked + 3
        await until(lambda: reader.generation() == reader.generation())  # it listens again
        await hash_of(rows)
        asked = reader.asked
        assert await hash_of(rows) == "second"
        assert reader.asked == asked
    database.close()


@pytest.mark.engine("postgresql")
async def test_a_listener_that_hears_nothing_notices_when_nobody_is_there(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    async with reading(database) as (_, reader):
        await until(lambda: reader.generation() == reader.generation())
        with psycopg.connect(postgresql_url, autocommit=True) as behind:
            found = behind.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = %s", [LISTENER]
            ).fetchone()
        assert found is not None
        # It stands still as if its machine had lost power: no goodbye, no reset.
        os.kill(found[0], signal.SIGSTOP)
        try:
            await until(lambda: reader.generation() != reader.generation())
        finally:
            os.kill(found[0], signal.SIGCONT)
        await until(lambda: reader.generation() == reader.generation())
    database.close()


@pytest.mark.usefixtures("ann")
async def test_the_memory_is_bounded_in_rows(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh_rows, "MAX_ROWS", 10)
    async with reading(database) as (rows, _):
        for number in range(50):
            await hash_of(rows, f"user{number}")
        assert len(rows._rows) == 10
        assert rows._bytes == 10 * fresh_rows._ROW_COST


@pytest.mark.usefixtures("ann")
async def test_the_memory_is_bounded_in_bytes_and_large_rows_stay_out(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh_rows, "MAX_BYTES", 10_000)
    monkeypatch.setattr(fresh_rows, "MAX_ROW_BYTES", 5_000)

    def fill(tx: Connection) -> None:
        for number in range(10):
            create_user(tx, f"user{number}", "x" * 2_000, clock.now())
        create_user(tx, "large", "x" * 6_000, clock.now())

    database.write_now(fill)
    async with reading(database) as (rows, reader):
        for number in range(10):
            await hash_of(rows, f"user{number}")
            assert rows._bytes <= 10_000
        asked = reader.asked
        assert await hash_of(rows, "user9")  # the last ones are there
        assert reader.asked == asked
        for _ in range(2):
            assert await hash_of(rows, "large") == "x" * 6_000
        assert reader.asked == asked + 2


async def test_a_broken_database_is_an_error_and_no_old_row(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    async with reading(database) as (rows, reader):
        await reader.close()
        with pytest.raises(DatabaseUnavailable):
            await hash_of(rows)
    database.close()


@pytest.mark.usefixtures("ann")
async def test_both_databases_answer_the_same_for_odd_values(database: Database) -> None:
    odd = Prepared(select(text("1")).where(bindparam("given") == users.c.name).limit(1))
    async with reading(database) as (rows, _):
        for given in ("ann", "'; DROP TABLE users; --", "%", "\N{SPOUTING WHALE}", ""):
            found = await rows.row(odd, given=given)
            assert (found is not None) is (given == "ann")
