"""Fills a stopped registry with tags and repositories, faster than any push: copies of one that was pushed.

Wherry: rows in its SQLite database, all columns but the name taken over. CNCF: folders and link files.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from bench.failure import BenchFailed
from bench.sides import WHERRY

_NAME = "name"


def tag_name(number: int) -> str:
    return f"t{number:07}"


def repository_name(number: int) -> str:
    return f"bench/r{number:07}"


def fill(key: str, data: Path, *, repository: str, tag: str, tags: int, repositories: int) -> None:
    """The repository gets so many tags beside `tag`, the registry so many empty repositories."""
    if key == WHERRY:
        _fill_database(data / "wherry.db", repository, tag, tags, repositories)
    else:
        _fill_folders(
            data / "docker" / "registry" / "v2" / "repositories", repository, tag, tags, repositories
        )


def _fill_database(file: Path, repository: str, tag: str, tags: int, repositories: int) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.create_function("tag_name", 1, tag_name, deterministic=True)
        database.create_function("repository_name", 1, repository_name, deterministic=True)
        found = database.execute("SELECT id FROM repositories WHERE name = ?", (repository,)).fetchone()
        if found is None:
            raise BenchFailed(f"{repository} was pushed, and is not in the database")
        _copies(database, "tags", "tag_name(n)", tags, "name = ? AND repository_id = ?", (tag, found[0]))
        _copies(database, "repositories", "repository_name(n)", repositories, "id = ?", (found[0],))
        database.execute("ANALYZE")


def _copies(
    database: sqlite3.Connection, table: str, name: str, count: int, which: str, values: tuple[object, ...]
) -> None:
    """Whatever columns the table has: a row that is right for one name is right for the next."""
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
    wanted = ", ".join(name if column == _NAME else column for column in columns)
    database.execute(
        f"WITH RECURSIVE count(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM count WHERE n + 1 < {count}) "
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {wanted} FROM count, {table} WHERE {which}",
        values,
    )
    made = database.execute("SELECT changes()").fetchone()[0]
    if made != count:
        raise BenchFailed(f"{made} of {count} rows were made in {table}")


def _fill_folders(root: Path, repository: str, tag: str, tags: int, repositories: int) -> None:
    folder = root / repository / "_manifests" / "tags"
    link = (folder / tag / "current" / "link").read_bytes()
    for number in range(tags):
        current = folder / tag_name(number) / "current"
        current.mkdir(parents=True)
        (current / "link").write_bytes(link)
    for number in range(repositories):
        for part in ("_layers", "_manifests"):
            (root / repository_name(number) / part).mkdir(parents=True)
