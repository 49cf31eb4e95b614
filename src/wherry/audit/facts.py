"""A record as the chain sees it: one object of plain values, its canonical bytes, and the hash that links it.

The same object, with its `hash`, is a line of an export. Values are taken as they are, also where somebody
has changed them to what they cannot be: to find that is what the hash is for.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

# What the first record is linked to.
START = "0" * 64

# Below any position that somebody may have planted.
BEFORE_ALL = -(2**62)

FIELDS = (
    "position",
    "at",
    "actor",
    "actor_id",
    "means",
    "key_id",
    "client",
    "request_id",
    "action",
    "kind",
    "name",
    "organization",
    "result",
    "reason",
    "detail",
)


def canonical(value: object) -> str:
    """JSON that is the same for the same value: ASCII, keys in order, no space."""
    return _encode(value)


def link(previous: str, facts: Mapping[str, Any]) -> str:
    """The hash of a record that follows the one whose hash is `previous`."""
    return hashlib.sha256(f"{previous}\n{canonical(facts)}".encode()).hexdigest()


def written_moment(when: datetime) -> str:
    """A time as records have it: UTC, with microseconds."""
    return when.astimezone(UTC).isoformat(timespec="microseconds")


def microseconds(when: datetime) -> int:
    """A time as the table has it. Exact, as a float would not be."""
    since = when.astimezone(UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(count: int) -> datetime:
    """The time of `microseconds`. Raises `OverflowError`, `ValueError` for one that no calendar has."""
    seconds, rest = divmod(count, 1_000_000)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest)


def facts_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The facts of a row of the table."""
    facts = {name: row[name] for name in FIELDS}
    try:
        facts["at"] = written_moment(moment(row["at"]))
    except (TypeError, ValueError, OverflowError):
        facts["at"] = str(row["at"])
    try:
        facts["detail"] = json.loads(row["detail"])
    except (TypeError, ValueError, RecursionError):
        facts["detail"] = str(row["detail"])
    return facts


# Made once: `json.dumps` with options makes an encoder at each call.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
