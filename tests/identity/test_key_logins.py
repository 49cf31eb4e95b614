"""Logging in with an access key: what ends it, what is told to whom, and what guessers learn: nothing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.databases import Do, FixedClock
from tests.people import add_user, fresh_rows
from wherry.db.database import Database
from wherry.identity.access_keys import (
    NewAccessKey,
    create_access_key,
    delete_access_key,
    set_key_disabled,
)
from wherry.identity.errors import AccessKeyRefused, TooManyLogins
from wherry.identity.failed_logins import FailedLogins
from wherry.identity.key_logins import NOTED_EVERY, KeyLogins
from wherry.identity.login_keys import login_key
from wherry.identity.logins import Account
from wherry.identity.users import set_disabled
from wherry.kit.secrets import Sealer, new_master_key

SEALER = Sealer(new_master_key())
HERE = "192.0.2.1"
ATTEMPTS = 5


@dataclass
class Gate:
    """Logs in and remembers which uses were noted."""

    logins: KeyLogins
    uses: list[tuple[str, str]] = field(default_factory=list)

    async def login(self, key: NewAccessKey, password: str | None = None, address: str = HERE) -> Any:
        wanted = login_key(key.id, key.secret) if password is None else password
        return await self.logins.login(key.id, wanted, address)


@pytest.fixture
def ann(do: Do, clock: FixedClock) -> int:
    add_user(do, clock, "root", is_admin=True)
    return add_user(do, clock, "ann", is_admin=True)


@pytest.fixture
async def gate(database: Database, clock: FixedClock) -> AsyncIterator[Gate]:
    async with fresh_rows(database) as rows:
        uses: list[tuple[str, str]] = []
        failures = FailedLogins(clock, ATTEMPTS, timedelta(minutes=5))
        yield Gate(KeyLogins(rows, failures, clock, lambda *use: uses.append(use)), uses)


def make(do: Do, clock: FixedClock, user_id: int, **more: Any) -> NewAccessKey:
    made: NewAccessKey = do(create_access_key, SEALER, user_id, "ci", clock.now(), **more)
    return made


async def test_the_login_key_opens_for_the_owner_within_the_scope(
    do: Do, ann: int, clock: FixedClock, gate: Gate
) -> None:
    key = make(do, clock, ann, scope={"acme/web": 3})
    expected = Account(ann, "ann", True, key.id, {"acme/web": 3})
    assert await gate.login(key) == expected
    assert await gate.logins.account(key.id) == expected
    free = make(do, clock, ann)
    assert (await gate.login(free)).scope is None


async def test_the_secret_itself_is_no_password(do: Do, ann: int, clock: FixedClock, gate: Gate) -> None:
    key = make(do, clock, ann)
    password = login_key(key.id, key.secret)
    for wrong in (key.secret, "", password[:-1], password.upper(), password + " ", "hash"):
        if wrong != password:
            assert await gate.login(key, wrong, f"address of {wrong!r}") is None
            clock.move(minutes=6)


async def test_the_login_key_of_another_key_is_wrong(do: Do, ann: int, clock: FixedClock, gate: Gate) -> None:
    one, two = make(do, clock, ann), make(do, clock, ann)
    assert await gate.login(one, login_key(two.id, two.secret)) is None


async def test_a_disabled_key_ends_with_the_next_request_and_comes_back(
    do: Do, database: Database, ann: int, clock: FixedClock, gate: Gate
) -> None:
    key = make(do, clock, ann)
    await gate.login(key)
    await database.write(lambda tx: set_key_disabled(tx, key.id, True))
    assert await gate.logins.account(key.id) is None
    with pytest.raises(AccessKeyRefused, match=f"{key.id} is disabled"):
        await gate.login(key)
    await database.write(lambda tx: set_key_disabled(tx, key.id, False))
    assert await gate.logins.account(key.id)


async def test_an_expired_key_ends_at_its_second(do: Do, ann: int, clock: FixedClock, gate: Gate) -> None:
    key = make(do, clock, ann, expires_at=clock.now() + timedelta(hours=1))
    clock.move(minutes=59, seconds=59)
    assert await gate.login(key)
    clock.move(seconds=1)
    assert await gate.logins.account(key.id) is None
    with pytest.raises(AccessKeyRefused, match="has expired"):
        await gate.login(key)


async def test_a_deleted_key_ends_with_the_next_request_and_nothing_is_told(
    do: Do, database: Database, ann: int, clock: FixedClock, gate: Gate
) -> None:
    key = make(do, clock, ann)
    await gate.login(key)
    await database.write(lambda tx: delete_access_key(tx, key.id))
    assert await gate.logins.account(key.id) is None
    assert await gate.login(key) is None


async def test_a_disabled_owner_ends_all_their_keys(
    do: Do, database: Database, ann: int, clock: FixedClock, gate: Gate
) -> None:
    key = make(do, clock, ann)
    await gate.login(key)
    await database.write(lambda tx: set_disabled(tx, "ann", True))
    assert await gate.logins.account(key.id) is None
    with pytest.raises(AccessKeyRefused, match="owner"):
        await gate.login(key)


async def test_who_guesses_is_not_told_whether_the_key_is_there_disabled_or_expired(
    do: Do, ann: int, clock: FixedClock, gate: Gate
) -> None:
    disabled = make(do, clock, ann)
    do(set_key_disabled, disabled.id, True)
    expired = make(do, clock, ann, expires_at=clock.now() + timedelta(seconds=1))
    clock.move(seconds=2)
    for place, key in enumerate((make(do, clock, ann), disabled, expired, NewAccessKey("NOSUCHKEY", "x"))):
        assert await gate.login(key, "a guess", f"192.0.2.{place}") is None


async def test_guessing_is_slowed_by_key_and_by_address_and_locks_nobody_out(
    do: Do, ann: int, clock: FixedClock, gate: Gate
) -> None:
    key, other = make(do, clock, ann), make(do, clock, ann)
    for place in range(ATTEMPTS):
        assert await gate.login(key, "a guess", f"192.0.2.{place}") is None
    with pytest.raises(TooManyLogins):
        await gate.login(key, "a guess", "203.0.113.9")
    assert await gate.login(key, address="192.0.2.0"), "the right login key is never counted"
    for place in range(ATTEMPTS):
        assert await gate.login(NewAccessKey(f"GUESSED{place}", "x"), "a guess", "203.0.113.1") is None
    with pytest.raises(TooManyLogins):
        await gate.login(other, "a guess", "203.0.113.1")
    clock.move(minutes=6)
    assert await gate.login(other, "a guess", "203.0.113.1") is None


@pytest.mark.parametrize("name", ["nul\0", "\0", "ümlaut", "x" * 10_000, ""])
async def test_any_key_id_is_an_answer(gate: Gate, name: str) -> None:
    assert await gate.login(NewAccessKey(name, "x"), "a guess") is None


async def test_a_key_in_use_is_noted_now_and_then(do: Do, ann: int, clock: FixedClock, gate: Gate) -> None:
    key = make(do, clock, ann)
    await gate.login(key, "wrong")
    assert gate.uses == []
    for _ in range(3):
        await gate.login(key)
    assert gate.uses == [(key.id, HERE)]
    clock.move(seconds=NOTED_EVERY.total_seconds())
    await gate.login(key, address="192.0.2.2")
    assert gate.uses == [(key.id, HERE), (key.id, "192.0.2.2")]
