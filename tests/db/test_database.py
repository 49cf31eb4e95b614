"""Units of work: committed whole or not at all, told apart by what went wrong, waited for at the end."""

import asyncio
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from wherry.db.database import Database
from wherry.db.errors import DatabaseFull, DatabaseUnavailable
from wherry.db.sqlite_writer import SqliteWriter


def add(number: int) -> Any:
    def work(tx: Connection) -> int:
        tx.execute(text("INSERT INTO notes VALUES (:number)"), {"number": number})
        return number

    return work


def notes(tx: Connection) -> list[int]:
    return [row[0] for row in tx.execute(text("SELECT number FROM notes ORDER BY number"))]


def make_table(tx: Connection) -> None:
    tx.execute(text("DROP TABLE IF EXISTS notes"))
    tx.execute(text("CREATE TABLE notes (number INTEGER PRIMARY KEY)"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    opened.write_now(make_table)
    yield opened
    opened.write_now(lambda tx: tx.execute(text("DROP TABLE notes")))
    opened.close()


@pytest.mark.parametrize("durable", [True, False])
async def test_what_was_written_is_read(database: Database, durable: bool) -> None:
    assert await database.write(add(1), durable=durable) == 1
    assert await database.read(notes) == [1]


async def test_work_that_fails_leaves_nothing(database: Database) -> None:
    def failing(tx: Connection) -> None:
        add(1)(tx)
        raise LookupError("on purpose")

    with pytest.raises(LookupError, match="on purpose"):
        await database.write(failing)
    with pytest.raises(LookupError):
        database.write_now(failing)
    assert await database.read(notes) == []


async def test_with_and_without_an_event_loop_side_by_side(database: Database) -> None:
    await database.write(add(1))
    database.write_now(add(2))
    await database.write(add(3))
    assert database.read_now(notes) == [1, 2, 3]


async def test_a_mistake_of_ours_is_not_called_an_unavailable_database(database: Database) -> None:
    await database.write(add(1))
    with pytest.raises(IntegrityError):
        await database.write(add(1))


async def test_one_that_fails_takes_no_other_along(database: Database) -> None:
    """Also where they are committed together."""

    def failing(tx: Connection) -> None:
        add(100)(tx)
        raise LookupError

    work = [failing if number % 3 == 0 else add(number) for number in range(30)]
    results = await asyncio.gather(*(database.write(one) for one in work), return_exceptions=True)
    assert [isinstance(result, LookupError) for result in results] == [n % 3 == 0 for n in range(30)]
    assert await database.read(notes) == [number for number in range(30) if number % 3]


async def test_a_duplicate_inside_of_work_can_be_caught(database: Database) -> None:
    await database.write(add(1))

    def careful(tx: Connection) -> None:
        try:
            with tx.begin_nested():
                add(1)(tx)
        except IntegrityError:
            add(2)(tx)

    await database.write(careful)
    assert await database.read(notes) == [1, 2]


async def test_close_waits_for_what_is_under_way(database_url: str) -> None:
    database = Database(database_url)
    database.write_now(make_table)
    started, go_on = threading.Event(), threading.Event()

    def slow(tx: Connection) -> None:
        started.set()
        assert go_on.wait(10)
        add(1)(tx)

    writing = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(started.wait, 10)
    closing = asyncio.create_task(asyncio.to_thread(database.close))
    go_on.set()
    await asyncio.gather(writing, closing)
    again = Database(database_url)
    assert again.read_now(notes) == [1]
    again.write_now(lambda tx: tx.execute(text("DROP TABLE notes")))
    again.close()


async def test_times_are_observed(database_url: str) -> None:
    seen: list[str] = []
    database = Database(database_url, lambda operation, seconds: seen.append(operation))
    await database.write(lambda tx: None)
    await database.read(lambda tx: None)
    database.close()
    assert seen == ["write", "read"]


async def test_writes_of_one_turn_share_a_commit(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    database.write_now(make_table)
    holding, go_on = threading.Event(), threading.Event()

    def hold(tx: Connection) -> None:
        holding.set()
        assert go_on.wait(10)

    first = asyncio.create_task(database.write(hold))
    await asyncio.to_thread(holding.wait, 10)
    commits = 0
    waiting = [asyncio.create_task(database.write(add(number))) for number in range(40)]
    assert isinstance(database._writer, SqliteWriter)
    while database._writer._queue.qsize() < 40:  # noqa: ASYNC110 (a queue that tells nobody)
        await asyncio.sleep(0)

    original = database._writer._commit_together

    def counted(jobs: Any) -> None:
        nonlocal commits
        commits += 1
        original(jobs)

    database._writer._commit_together = counted  # type: ignore[method-assign]
    go_on.set()
    await asyncio.gather(first, *waiting)
    assert commits == 1
    assert await database.read(notes) == list(range(40))
    database.close()


async def test_reads_cannot_write_on_sqlite(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with pytest.raises(DatabaseUnavailable, match="readonly"):
        await database.read(make_table)
    database.close()


async def test_another_process_that_writes_is_waited_for(sqlite_url: str) -> None:
    one, other = Database(sqlite_url), Database(sqlite_url)
    one.write_now(make_table)
    writes = [database.write(add(n)) for n, database in enumerate([one, other] * 20)]
    assert sorted(await asyncio.gather(*writes)) == list(range(40))
    one.close()
    other.close()


async def test_a_closed_database_says_so(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    database.close()
    with pytest.raises(DatabaseUnavailable):
        await database.write(make_table)


async def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/no/folder.db", "postgresql://nobody@127.0.0.1:1/x"):
        database = Database(url)
        with pytest.raises(DatabaseUnavailable):
            await database.read(notes)
        with pytest.raises(DatabaseUnavailable):
            await database.write(notes)
        database.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine lets nobody mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_keeps_nothing_of_the_change_and_all_of_before(small_disk: Path) -> None:
    database = Database(f"sqlite:///{small_disk / 'wherry.db'}")

    def fill(tx: Connection) -> None:
        for _ in range(600):
            tx.execute(text("INSERT INTO large VALUES (randomblob(8192))"))

    await database.write(lambda tx: tx.execute(text("CREATE TABLE large (content BLOB)")))
    await database.write(make_table)
    await database.write(add(1))
    results = await asyncio.gather(
        database.write(add(2)), database.write(fill), database.write(add(3)), return_exceptions=True
    )
    assert isinstance(results[1], DatabaseFull)
    kept = await database.read(notes)
    assert 1 in kept
    for number, result in ((2, results[0]), (3, results[2])):
        # Told that it was kept, it is; told that there was no room, it is not.
        assert (number in kept) is (result == number)
        assert result == number or isinstance(result, DatabaseFull)
    assert await database.write(add(4)) == 4  # there is room for a little
    assert 4 in await database.read(notes)
    database.close()


@pytest.fixture
def pair(postgresql_url: str) -> Iterator[Database]:
    opened = Database(postgresql_url)
    opened.write_now(make_table)
    opened.write_now(add(1))
    opened.write_now(add(2))
    yield opened
    opened.write_now(lambda tx: tx.execute(text("DROP TABLE notes")))
    opened.close()


@pytest.mark.engine("postgresql")
async def test_a_deadlock_is_tried_again(pair: Database) -> None:
    both = threading.Barrier(2, timeout=10)
    tries: list[str] = []

    def crossing(name: str, *rows: int) -> Any:
        def work(tx: Connection) -> str:
            tries.append(name)
            for number in rows:
                tx.execute(text("SELECT 1 FROM notes WHERE number = :n FOR UPDATE"), {"n": number})
                if len(tries) <= 2 and number == rows[0]:
                    both.wait()
            return name

        return work

    done = await asyncio.gather(pair.write(crossing("a", 1, 2)), pair.write(crossing("b", 2, 1)))
    assert list(done) == ["a", "b"]
    # PostgreSQL gives up one of them; both, where both have noticed at the same moment.
    assert len(tries) in (3, 4)


@pytest.mark.engine("postgresql")
async def test_a_serialization_failure_is_tried_again_but_not_for_ever(pair: Database) -> None:
    tries = 0

    def failing(tx: Connection, until: int) -> int:
        nonlocal tries
        tries += 1
        if tries < until:
            tx.execute(text("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))
        return tries

    assert await pair.write(lambda tx: failing(tx, 3)) == 3
    with pytest.raises(DatabaseUnavailable):
        await pair.write(lambda tx: failing(tx, 1000))
    assert tries < 20


@pytest.mark.engine("postgresql")
async def test_only_durable_commits_wait_for_the_disk(pair: Database) -> None:
    def setting(tx: Connection) -> str:
        return str(tx.execute(text("SHOW synchronous_commit")).scalar_one())

    pair.write_now(lambda tx: tx.execute(text("ALTER DATABASE domains SET synchronous_commit = on")))
    pair._write_engine.dispose()
    assert await pair.write(setting, durable=False) == "off"
    assert await pair.write(setting) == "on"
