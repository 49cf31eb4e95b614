"""Insert rows that may be there already, on either database."""

from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(tx: Connection, table: Table, *rows: dict[str, Any]) -> None:
    """Insert those of `rows` whose key is new; the others stay as they are, and nothing fails."""
    tx.execute(_insert_new(tx.dialect.name, table), rows[0] if len(rows) == 1 else list(rows))


def insert_or_lock(tx: Connection, table: Table, row: dict[str, Any]) -> None:
    """Insert `row`, or hold the row of the same primary key, unchanged, until the commit.

    After `insert_new` another transaction may still delete the row that was there; after this it cannot.
    """
    tx.execute(_insert_or_lock(tx.dialect.name, table), row)


def put_row(tx: Connection, table: Table, row: dict[str, Any]) -> None:
    """Insert `row`, or give the row of the same primary key these values."""
    tx.execute(_put(tx.dialect.name, table, tuple(row)), row)


def add_to_row(tx: Connection, table: Table, key: dict[str, Any], amounts: dict[str, int]) -> None:
    """Insert a row of `key` and `amounts`, or add the amounts to those of the row that is there."""
    tx.execute(_add(tx.dialect.name, table, tuple(amounts)), key | amounts)


# Building a statement costs more than running it; there are as many as there are tables.
@cache
def _insert_new(dialect: str, table: Table) -> Insert:
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    return insert.on_conflict_do_nothing()


@cache
def _insert_or_lock(dialect: str, table: Table) -> Insert:
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    key = [column.name for column in table.primary_key]
    return insert.on_conflict_do_update(index_elements=key, set_={key[0]: insert.excluded[key[0]]})


@cache
def _put(dialect: str, table: Table, names: tuple[str, ...]) -> Insert:
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    key = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in names if name not in key}
    return insert.on_conflict_do_update(index_elements=key, set_=changed)


@cache
def _add(dialect: str, table: Table, names: tuple[str, ...]) -> Insert:
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    key = [column.name for column in table.primary_key]
    added = {name: table.c[name] + insert.excluded[name] for name in names}
    return insert.on_conflict_do_update(index_elements=key, set_=added)
