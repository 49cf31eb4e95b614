"""Logging in with an access key: `[region or project]@[AK]` and the login key, as SWR's clients do."""

import hmac
import json
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import bindparam, select

from wherry.db.fresh_rows import FreshRows
from wherry.db.metadata import seconds_of_raw
from wherry.db.pull_reader import Prepared, Row
from wherry.identity.errors import AccessKeyRefused
from wherry.identity.failed_logins import FailedLogins
from wherry.identity.login_keys import login_key_hash
from wherry.identity.logins import Account
from wherry.identity.tables import access_keys, organizations, robots, users
from wherry.kit.clock import Clock

# A key in use is noted this often, not at each of its requests.
NOTED_EVERY = timedelta(minutes=1)
MAX_NOTED = 10_000

NoteUse = Callable[[str, str], None]


class KeyLogins:
    """Checks login keys. A disabled, expired or deleted key ends with the next request."""

    def __init__(self, rows: FreshRows, failures: FailedLogins, clock: Clock, note_use: NoteUse) -> None:
        self._rows = rows
        self._failures = failures
        self._clock = clock
        self._note_use = note_use
        self._noted: OrderedDict[str, float] = OrderedDict()
        self._by_id = Prepared(
            select(
                access_keys.c.id,
                access_keys.c.login_key_hash,
                access_keys.c.scope,
                access_keys.c.expires,
                access_keys.c.is_disabled,
                users.c.id,
                users.c.name,
                users.c.is_admin,
                users.c.is_disabled,
                users.c.is_auditor,
                organizations.c.name,
                access_keys.c.is_temporary,
                users.c.created_at,
            )
            .join(users, users.c.id == access_keys.c.user_id)
            .outerjoin(robots, robots.c.user_id == users.c.id)
            .outerjoin(organizations, organizations.c.id == robots.c.organization_id)
            .where(access_keys.c.id == bindparam("key_id"))
        )

    async def login(self, key_id: str, key: str, address: str) -> Account | None:
        """The owner of the access key; None tells nothing about which of the two was wrong.

        Raises `AccessKeyRefused` where the login key was right and the access key cannot be used,
        `TooManyLogins`, `DatabaseUnavailable`.
        """
        # No key has such an id, and PostgreSQL would fail on the question.
        row = None if "\0" in key_id else await self._rows.row(self._by_id, key_id=key_id)
        known_hash = "" if row is None else str(row[1])
        if row is None or not hmac.compare_digest(login_key_hash(key), known_hash):
            self._failures.refuse_if_many(key_id, address)
            self._failures.record(key_id, address)
            return None
        reason = self._unusable(row)
        if reason is not None:
            raise AccessKeyRefused(reason)
        self._note(key_id, address)
        return _account(row)

    async def account(self, key_id: str) -> Account | None:
        """The owner of a key that came in a token, unless the key cannot be used any more."""
        row = await self._rows.row(self._by_id, key_id=key_id)
        return None if row is None or self._unusable(row) is not None else _account(row)

    def _unusable(self, row: Row) -> str | None:
        expires, key_is_disabled, owner_is_disabled = row[3], row[4], row[8]
        if key_is_disabled:
            return f"the access key {row[0]} is disabled"
        if owner_is_disabled:
            return f"the owner of the access key {row[0]} is disabled"
        if expires is not None and expires <= self._clock.now().timestamp():
            return f"the access key {row[0]} has expired"
        return None

    def _note(self, key_id: str, address: str) -> None:
        now = self._clock.now().timestamp()
        if now - self._noted.get(key_id, 0.0) >= NOTED_EVERY.total_seconds():
            self._noted[key_id] = now
            self._noted.move_to_end(key_id)
            while len(self._noted) > MAX_NOTED:
                self._noted.popitem(last=False)
            self._note_use(key_id, address)


def _account(row: Row) -> Account:
    scope = None if row[2] is None else json.loads(row[2])
    return Account(
        id=row[5],
        name=row[6],
        is_admin=bool(row[7]),
        key_id=row[0],
        scope=scope,
        is_auditor=bool(row[9]),
        robot_of=row[10],
        is_temporary=bool(row[11]),
        made_at=seconds_of_raw(row[12]),
    )
