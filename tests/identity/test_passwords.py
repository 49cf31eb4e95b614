"""Passwords: what may be set, what matches, and no more at once than the machine takes."""

import asyncio
import os
import sys
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher, extract_parameters

from wherry.identity.errors import InvalidPassword, TooManyLogins
from wherry.identity.fair_threads import FairThreads
from wherry.identity.passwords import MAX_LENGTH, Passwords

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords()
    yield made
    made.close()


async def test_a_password_matches_its_hash_only(passwords: Passwords) -> None:
    hashed = passwords.hash_now("correct horse")
    assert await passwords.matches(hashed, "correct horse")
    assert not await passwords.matches(hashed, "correct horses")
    assert passwords.hash_now("correct horse") != hashed


def test_the_hash_is_as_costly_as_rfc_9106_asks(passwords: Passwords) -> None:
    cost = extract_parameters(passwords.hash_now("correct horse"))
    assert (cost.type.name, cost.memory_cost, cost.time_cost) == ("ID", 64 * 1024, 3)


@pytest.mark.parametrize("password", ["", "short", "x" * (MAX_LENGTH + 1)])
def test_what_may_not_be_set(passwords: Passwords, password: str) -> None:
    with pytest.raises(InvalidPassword):
        passwords.hash_now(password)


async def test_no_user_matches_nothing(passwords: Passwords) -> None:
    assert not await passwords.matches(None, "nobody has this password")


async def test_a_hash_that_is_none_and_a_password_without_end(passwords: Passwords) -> None:
    assert not await passwords.matches("not a hash", "correct horse")
    assert not await passwords.matches(CHEAP.hash("x"), "x" * 10_000_000)


async def test_an_address_that_guesses_much_waits_behind_itself() -> None:
    passwords = Passwords(at_once=1, waiting=4)
    hashed, order = CHEAP.hash("correct horse"), []

    async def ask(address: str) -> None:
        try:
            await passwords.matches(hashed, "correct horse", address)
        except TooManyLogins:
            order.append(f"{address} refused")
        else:
            order.append(address)

    async with asyncio.TaskGroup() as asking:
        for address in ("guesser",) * 6 + ("ann", "bob"):
            asking.create_task(ask(address))
    passwords.close()
    assert order.count("guesser refused") == 3
    assert [address for address in order if "refused" not in address] == [
        "guesser",
        "guesser",
        "ann",
        "bob",
        "guesser",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere niceness is not a thread's own")
async def test_checks_give_way_to_everything_else() -> None:
    threads = FairThreads(at_once=1, waiting=1)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert await threads.run(lambda: os.getpriority(os.PRIO_PROCESS, 0), "") == min(19, own + 10)
    assert os.getpriority(os.PRIO_PROCESS, 0) == own
    threads.close()


async def test_more_than_may_wait_are_refused_and_room_comes_back() -> None:
    passwords = Passwords(at_once=1, waiting=2)
    hashed = CHEAP.hash("correct horse")
    results = await asyncio.gather(
        *(passwords.matches(hashed, "correct horse") for _ in range(5)), return_exceptions=True
    )
    assert results[:3] == [True, True, True]
    assert all(isinstance(result, TooManyLogins) for result in results[3:])
    assert await passwords.matches(hashed, "correct horse")
    passwords.close()
