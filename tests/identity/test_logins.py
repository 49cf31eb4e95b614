"""Logins: a right password is remembered for as long as it is the user's."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from tests.databases import Do, FixedClock
from wherry.db.database import Database
from wherry.db.fresh_rows import FreshRows
from wherry.db.pull_reader import open_pull_reader
from wherry.identity import logins as module
from wherry.identity.errors import TooManyLogins
from wherry.identity.failed_logins import FailedLogins
from wherry.identity.logins import Account, Logins
from wherry.identity.passwords import Passwords
from wherry.identity.users import NO_PASSWORD, create_user, set_disabled, set_password

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash
HERE = "192.0.2.1"


class Counted(Passwords):
    """The real ones; `checked` counts the costly checks."""

    checked = 0

    async def matches(self, password_hash: str | None, password: str, address: str = "") -> bool:
        self.checked += 1
        return await super().matches(password_hash, password, address)


@pytest.fixture
async def passwords() -> AsyncIterator[Counted]:
    made = Counted()
    yield made
    made.close()


@pytest.fixture
async def logins(database: Database, do: Do, clock: FixedClock, passwords: Counted) -> AsyncIterator[Logins]:
    do(create_user, "ann", HASH("correct horse"), clock.now())
    reader = await open_pull_reader(database)
    yield Logins(FreshRows(reader), passwords, FailedLogins(clock, 3, timedelta(minutes=1)))
    await reader.close()


async def test_the_right_password(logins: Logins, passwords: Counted) -> None:
    for _ in range(5):
        assert await logins.login("ann", "correct horse", HERE) == Account(1, "ann", False)
    assert passwords.checked == 1


async def test_a_wrong_password_or_name(logins: Logins) -> None:
    assert await logins.login("ann", "wrong", HERE) is None
    assert await logins.login("bob", "correct horse", HERE) is None
    assert await logins.login("ann\0", "correct horse", HERE) is None


async def test_a_new_password_ends_the_old_one_at_once(
    logins: Logins, database: Database, passwords: Counted
) -> None:
    assert await logins.login("ann", "correct horse", HERE)
    new = HASH("battery staple")
    await database.write(lambda tx: set_password(tx, "ann", new))
    assert await logins.login("ann", "correct horse", HERE) is None
    assert await logins.login("ann", "battery staple", HERE)
    assert passwords.checked == 3


async def test_a_disabled_user_is_out_at_once_and_in_again(logins: Logins, database: Database) -> None:
    assert await logins.login("ann", "correct horse", HERE)
    await database.write(lambda tx: set_disabled(tx, "ann", True))
    assert await logins.login("ann", "correct horse", HERE) is None
    assert await logins.account(1) is None
    await database.write(lambda tx: set_disabled(tx, "ann", False))
    assert await logins.login("ann", "correct horse", HERE)
    assert await logins.account(1) == Account(1, "ann", False)


async def test_guessers_are_refused_and_who_was_right_is_not(logins: Logins) -> None:
    assert await logins.login("ann", "correct horse", HERE)
    for guess in ("a", "b", "c"):
        assert await logins.login("ann", guess, "198.51.100.1") is None
    with pytest.raises(TooManyLogins):
        await logins.login("ann", "d", "198.51.100.1")
    with pytest.raises(TooManyLogins):
        await logins.login("ann", "d", HERE)
    assert await logins.login("ann", "correct horse", HERE)


async def test_name_and_password_cannot_flow_into_each_other(
    logins: Logins, do: Do, clock: FixedClock
) -> None:
    """`a:b` with `c` is not `a` with `b:c`."""
    do(create_user, "an", HASH("n:correct horse"), clock.now())
    assert await logins.login("an", "n:correct horse", HERE)
    assert await logins.login("ann", "correct horse", HERE) == Account(1, "ann", False)
    assert await logins.login("ann:", "correct horse", HERE) is None


async def test_the_memory_is_bounded(
    logins: Logins, do: Do, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 3)
    for number in range(5):
        do(create_user, f"user{number}", HASH("correct horse"), clock.now())
        assert await logins.login(f"user{number}", "correct horse", HERE)
    assert len(logins._right) == 3


async def test_the_same_password_many_times_at_once_is_checked_once(
    logins: Logins, passwords: Counted
) -> None:
    """As after a restart, when all connections of a busy client come back."""
    accounts = await asyncio.gather(*(logins.login("ann", "correct horse", HERE) for _ in range(20)))
    assert accounts == [Account(1, "ann", False)] * 20
    assert passwords.checked == 1


async def test_a_wrong_password_beside_the_right_one_is_refused(logins: Logins, passwords: Counted) -> None:
    right, wrong = await asyncio.gather(
        logins.login("ann", "correct horse", HERE), logins.login("ann", "wrong horse", HERE)
    )
    assert (right, wrong) == (Account(1, "ann", False), None)
    assert passwords.checked == 2


async def test_who_has_no_password_logs_in_with_none(logins: Logins, do: Do, clock: FixedClock) -> None:
    """Neither with an empty one, nor with what unknown names are compared with, nor with any other."""
    do(create_user, "invited", NO_PASSWORD, clock.now())
    assert await logins.login("nobody", "wrong", "198.51.100.1") is None  # makes the decoy
    for password in ("", "nobody has this password", "any"):
        assert await logins.login("invited", password, f"198.51.100.{len(password)}") is None
        clock.move(minutes=2)
