"""Many requests with the same password at once, as after a restart."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.databases import FixedClock
from wherry.db.database import Database
from wherry.db.fresh_rows import FreshRows
from wherry.db.pull_reader import open_pull_reader
from wherry.identity.failed_logins import FailedLogins
from wherry.identity.logins import Logins
from wherry.identity.passwords import Passwords
from wherry.identity.users import create_user


class CountingPasswords(Passwords):
    """The real ones; tells how many were checked."""

    checked = 0

    async def matches(self, password_hash: str | None, password: str) -> bool:
        self.checked += 1
        return await super().matches(password_hash, password)


async def _logins(database: Database, clock: FixedClock, passwords: Passwords) -> Logins:
    password_hash = passwords.hash_now("correct horse")
    database.write_now(lambda tx: create_user(tx, "ann", password_hash, clock.now()))
    rows = FreshRows(await open_pull_reader(database))
    return Logins(rows, passwords, FailedLogins(clock, 100, timedelta(minutes=1)))


async def test_the_same_password_at_once_is_checked_once(database: Database, clock: FixedClock) -> None:
    passwords = CountingPasswords()
    logins = await _logins(database, clock, passwords)
    accounts = await asyncio.gather(*(logins.login("ann", "correct horse", "10.0.0.1") for _ in range(20)))
    assert [account.name for account in accounts if account] == ["ann"] * 20
    assert passwords.checked == 1


async def test_a_wrong_password_beside_the_right_one_is_refused(
    database: Database, clock: FixedClock
) -> None:
    passwords = CountingPasswords()
    logins = await _logins(database, clock, passwords)
    right, wrong = await asyncio.gather(
        logins.login("ann", "correct horse", "10.0.0.1"), logins.login("ann", "wrong horse", "10.0.0.1")
    )
    assert right is not None
    assert wrong is None
    assert passwords.checked == 2
