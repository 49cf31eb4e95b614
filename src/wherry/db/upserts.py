"""Insert rows that may be there already, on either database."""

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(tx: Connection, table: Table, *rows: dict[str, Any]) -> None:
    """Insert those of `rows` whose key is new; the others stay as they are, and nothing fails."""
    insert = sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)
    tx.execute(insert.on_conflict_do_nothing(), list(rows))


def put_row(tx: Connection, table: Table, row: dict[str, Any]) -> None:
    """Insert `row`, or give the row of the same primary key these values."""
    insert = sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)
    key = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in row if name not in key}
    tx.execute(insert.on_conflict_do_update(index_elements=key, set_=changed), row)
