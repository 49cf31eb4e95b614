"""Verifying: every hash is worked out again from the first record on, and the head's seal with the key.

Tells the first record that is not as it was chained. Who could write the whole database at an earlier time
and put that state back is found only by a head that was noted elsewhere.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from wherry.audit.chain import Head, is_sealed, read_head
from wherry.audit.errors import InvalidExport
from wherry.audit.export import Read
from wherry.audit.facts import BEFORE_ALL, FIELDS, START, facts_of, link
from wherry.audit.tables import audit_records

BATCH = 1000


class FaultKind(StrEnum):
    """What was done to the chain."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REWRITTEN = "rewritten"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that is wrong; `position` is where."""

    kind: FaultKind
    position: int
    says: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`checked` records were right before the fault, if there is one; `first` and `head` are their ends."""

    checked: int
    first: int
    head: Head
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Chained:
    """A record with the hash that it says it has."""

    facts: dict[str, Any]
    hash: str

    @property
    def position(self) -> Any:
        return self.facts["position"]


def verify_chain(read: Read, key: bytes, noted: Head | None = None) -> Verdict:
    """Verify the whole trail, batch by batch; a server may go on chaining meanwhile."""
    stored = _Stored(read)
    verdict = _walk(stored, noted, from_start=True)
    if verdict.fault is not None:
        return verdict
    fault = _end_fault(verdict.head, stored.end, key) or _noted_fault(verdict.head, noted)
    return Verdict(verdict.checked, verdict.first, verdict.head, fault)


def verify_export(lines: Iterable[str], noted: Head | None = None) -> Verdict:
    """Verify an export as JSON lines, without a server and without a key.

    Where it does not begin with record 1, its own first one is taken on trust. Raises `InvalidExport`.
    """
    verdict = _walk(_parsed(lines), noted, from_start=False)
    if verdict.fault is not None:
        return verdict
    if noted is not None and noted.position < verdict.first:
        raise InvalidExport(f"the noted head lies before the first record of the file, {verdict.first}")
    return Verdict(verdict.checked, verdict.first, verdict.head, _noted_fault(verdict.head, noted))


class _Stored:
    """The records of the database in order; `end` is the head with its seal when the last one was read."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.end: tuple[Head, str] | None = None

    def __iter__(self) -> Iterator[Chained]:
        after, known = BEFORE_ALL, self._read(read_head)
        while True:
            rows, self.end = self._read(partial(_batch, after=after))
            for row in rows:
                yield Chained(facts_of(row), str(row["hash"]))
            if rows:
                after = rows[-1]["position"]
            elif self.end is None or self.end[0].position <= after or self.end == known:
                return
            known = self.end  # where it has moved on meanwhile, the next batch has what it tells of


def _batch(tx: Connection, after: int) -> tuple[list[Any], tuple[Head, str] | None]:
    """Rows before the head: so that none of them can be one that came after the head was read."""
    query = select(audit_records).where(audit_records.c.position > after)
    rows = tx.execute(query.order_by(audit_records.c.position).limit(BATCH)).mappings().all()
    return list(rows), read_head(tx)


def _walk(records: Iterable[Chained], noted: Head | None, *, from_start: bool) -> Verdict:
    """Check links until the first that is wrong; unless `from_start`, a later first record is trusted."""
    ahead = iter(records)
    record = next(ahead, None)
    before: str | None = None
    last, first, checked = Head(0, START), 0, 0
    if not from_start and record is not None and type(record.position) is int and record.position > 1:
        fault = _differs(record, noted)
        if fault is not None:
            return Verdict(0, 0, last, fault)
        last, first, checked = Head(record.position, record.hash), record.position, 1
        record = next(ahead, None)
    while record is not None:
        expected, following = last.position + 1, next(ahead, None)
        fault = _link_fault(record, expected, last.hash, before, following) or _differs(record, noted)
        if fault is not None:
            return Verdict(checked, first, last, fault)
        before, last = last.hash, Head(expected, record.hash)
        checked, first, record = checked + 1, first or expected, following
    return Verdict(checked, first, last)


def _differs(record: Chained, noted: Head | None) -> Fault | None:
    if noted is None or noted.position != record.position or noted.hash == record.hash:
        return None
    return Fault(
        FaultKind.REWRITTEN,
        noted.position,
        f"record {noted.position} has another hash than the one that was noted: the chain was made anew from"
        " here or from an earlier record on",
    )


def _link_fault(
    record: Chained, expected: int, previous: str, before: str | None, following: Chained | None
) -> Fault | None:
    position = record.position
    if position != expected:
        if type(position) is not int or position < expected:
            return Fault(
                FaultKind.INSERTED, expected, f"behind record {expected - 1} stands one that is not the next"
            )
        return _removed(expected, position - 1)
    if link(previous, record.facts) == record.hash:
        return None
    if following is not None and _fits(following, expected, previous):
        swapped = _fits(record, expected + 1, following.hash)
        return _changed(expected) if swapped else _inserted(expected)
    if before is not None and expected > 1 and _fits(record, expected - 1, before):
        return _inserted(expected - 1)
    if following is not None and _fits(following, expected + 2, record.hash):
        return _removed(expected, expected)
    return _changed(expected)


def _fits(record: Chained, position: int, previous: str) -> bool:
    """Whether the record was chained at `position`, whatever number it has now."""
    return link(previous, {**record.facts, "position": position}) == record.hash


def _end_fault(last: Head, end: tuple[Head, str] | None, key: bytes) -> Fault | None:
    if end is None:
        if last.position == 0:
            return None
        return Fault(FaultKind.REWRITTEN, last.position, "the chain has records and no head: it was removed")
    head, seal = end
    if not is_sealed(head, seal, key):
        return Fault(
            FaultKind.REWRITTEN,
            head.position,
            "the head was not sealed with this server's master key: somebody without it has made the end of"
            " the chain anew, or the master key is another one",
        )
    if last.position < head.position:
        return _removed(last.position + 1, head.position)
    if last.position > head.position:
        return _inserted(head.position + 1)
    if last.hash != head.hash:
        return Fault(
            FaultKind.REWRITTEN, last.position, "the last record is not the one that was sealed as the head"
        )
    return None


def _noted_fault(last: Head, noted: Head | None) -> Fault | None:
    if noted is None or noted.position <= last.position:
        return None
    return _removed(last.position + 1, noted.position)


def _parsed(lines: Iterable[str]) -> Iterator[Chained]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            facts = json.loads(line)
        except (ValueError, RecursionError):
            raise InvalidExport(f"line {number} is no JSON") from None
        if not isinstance(facts, dict) or facts.keys() != {*FIELDS, "hash"}:
            raise InvalidExport(f"line {number} is no record of an audit trail")
        yield Chained(facts, str(facts.pop("hash")))


def _changed(position: int) -> Fault:
    return Fault(
        FaultKind.CHANGED,
        position,
        f"record {position} is not as it was chained: it was changed, or another was put in its place",
    )


def _inserted(position: int) -> Fault:
    return Fault(FaultKind.INSERTED, position, f"record {position} was inserted")


def _removed(first: int, last: int) -> Fault:
    which = f"record {first} was" if first == last else f"records {first} to {last} were"
    return Fault(FaultKind.REMOVED, first, f"{which} removed")
