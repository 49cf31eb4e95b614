"""Logging in with user name and password, on the hot path too: Basic credentials come with every request."""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select

from wherry.db.fresh_rows import FreshRows
from wherry.db.metadata import seconds_of_raw
from wherry.db.pull_reader import Prepared, Row
from wherry.identity.failed_logins import FailedLogins
from wherry.identity.passwords import Passwords
from wherry.identity.tables import users

MAX_REMEMBERED = 10_000

_COLUMNS = (
    users.c.id,
    users.c.name,
    users.c.is_admin,
    users.c.is_disabled,
    users.c.password_hash,
    users.c.is_auditor,
    users.c.created_at,
)


@dataclass(frozen=True, slots=True)
class Account:
    """A user who may log in, as of now, by the password or by the access key `key_id`.

    `scope` limits what the key may: levels by names of organizations and images; None is no limit.
    `robot_of` is the organization that holds a robot; `is_temporary` tells a temporary login from a key.
    `made_at` is when the user was made, in seconds since 1970: an id may have been another's before.
    """

    id: int
    name: str
    is_admin: bool
    key_id: str | None = None
    scope: Mapping[str, int] | None = None
    is_auditor: bool = False
    robot_of: str | None = None
    is_temporary: bool = False
    made_at: float = field(default=0.0, compare=False)


class Logins:
    """Checks passwords, and remembers the ones that were right for as long as they stay the user's.

    What is remembered is a keyed hash, under a key that only this process knows, and the argon2 hash that it
    was checked against: another password or a disabled user ends it at the next request.
    """

    def __init__(self, rows: FreshRows, passwords: Passwords, failures: FailedLogins) -> None:
        self._rows = rows
        self._passwords = passwords
        self._failures = failures
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, str] = OrderedDict()
        self._checking: dict[tuple[bytes, str | None], asyncio.Future[bool]] = {}
        self._by_id = Prepared(select(*_COLUMNS).where(users.c.id == bindparam("user_id")))
        self._by_name = Prepared(select(*_COLUMNS).where(users.c.name == bindparam("user_name")))

    async def account(self, user_id: int) -> Account | None:
        """The user of that id, unless there is none or they are disabled."""
        row = await self._rows.row(self._by_id, user_id=user_id)
        return None if row is None or row[3] else _account(row)

    async def login(self, name: str, password: str, address: str) -> Account | None:
        """The user with that name and password; None tells nothing about which of them was wrong.

        `address` is where the request comes from; too many wrong passwords from there or for that name are
        refused.

        Raises `TooManyLogins`, `DatabaseUnavailable`.
        """
        # No user has such a name, and PostgreSQL would fail on the question.
        row = None if "\0" in name else await self._rows.row(self._by_name, user_name=name)
        # Who has no password has an empty hash: that must never look like one that was right before.
        known_hash = None if row is None else str(row[4]) or None
        claim = hmac.digest(self._key, f"{len(name)}:{name}:{password}".encode(), hashlib.sha256)
        if known_hash is None or not hmac.compare_digest(self._right.get(claim, ""), known_hash):
            self._failures.refuse_if_many(name, address)
            if not await self._matches(claim, known_hash, password, address):
                self._failures.record(name, address)
                return None
        if row is None or row[3]:
            return None
        return _account(row)

    async def _matches(self, claim: bytes, known_hash: str | None, password: str, address: str) -> bool:
        """Requests that come at once with the same password wait for one check of it.

        After a restart a busy client's connections all do.
        """
        asked = (claim, known_hash)
        checking = self._checking.get(asked)
        if checking is None:
            checking = asyncio.ensure_future(self._check(claim, known_hash, password, address))
            self._checking[asked] = checking
            checking.add_done_callback(lambda _: self._checking.pop(asked, None))
        return await asyncio.shield(checking)

    async def _check(self, claim: bytes, known_hash: str | None, password: str, address: str) -> bool:
        right = await self._passwords.matches(known_hash, password, address)
        if right:  # remembered before those who wait go on: nobody comes between and checks again
            self._remember(claim, known_hash or "")
        return right

    def _remember(self, claim: bytes, password_hash: str) -> None:
        self._right[claim] = password_hash
        while len(self._right) > MAX_REMEMBERED:
            self._right.popitem(last=False)


def _account(row: Row) -> Account:
    return Account(row[0], row[1], bool(row[2]), is_auditor=bool(row[5]), made_at=seconds_of_raw(row[6]))
