"""The trail as a text to keep elsewhere: CSV for spreadsheets, JSON lines for programs and for verifying.

Read in batches, each a transaction of its own: no stream holds the database.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, RowMapping

from wherry.audit.facts import BEFORE_ALL, FIELDS, canonical, facts_of
from wherry.audit.listing import AuditFilter, in_chain_order

T = TypeVar("T")

BATCH = 1000

# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Format(StrEnum):
    """`media_type` is what it is sent as."""

    CSV = "csv"
    JSON_LINES = "jsonl"

    @property
    def media_type(self) -> str:
        return "text/csv; charset=utf-8" if self is Format.CSV else "application/jsonl"


class Read(Protocol):
    """Runs a function in a transaction that changes nothing, as `Database.read_now` does."""

    def __call__(self, work: Callable[[Connection], T], /) -> T: ...


def export_records(read: Read, narrowed: AuditFilter, form: Format, size: int = BATCH) -> Iterator[str]:
    """The records that fit, the oldest first, as chunks of text. Without a filter it can be verified."""
    if form is Format.CSV:
        yield _csv([(*FIELDS, "hash")])
    after = BEFORE_ALL
    while True:
        rows = read(partial(_batch, narrowed=narrowed, after=after, size=size))
        if not rows:
            return
        facts = [(facts_of(row), row["hash"]) for row in rows]
        if form is Format.CSV:
            yield _csv([(*(_cell(record[name]) for name in FIELDS), digest) for record, digest in facts])
        else:
            yield "".join(f"{canonical({**record, 'hash': digest})}\n" for record, digest in facts)
        after = rows[-1]["position"]


def _batch(tx: Connection, narrowed: AuditFilter, after: int, size: int) -> Sequence[RowMapping]:
    return tx.execute(in_chain_order(narrowed, after, size)).mappings().all()


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> object:
    if value is None:
        return ""
    text = canonical(value) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
