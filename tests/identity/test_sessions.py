"""Sessions: found by their token, ended by time, by sign-out and by what happens to the user."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.databases import Do, FixedClock
from tests.people import add_user
from wherry.db.database import Database
from wherry.db.pull_reader import open_pull_reader
from wherry.identity import sessions as module
from wherry.identity.logins import Account
from wherry.identity.sessions import (
    SessionRules,
    Sessions,
    SignedIn,
    Way,
    begin_session,
    end_session,
    end_sessions,
    list_sessions,
    record_seen,
    session_id_of,
)
from wherry.identity.tables import sessions as table
from wherry.identity.users import Role, delete_user, set_disabled, set_password, set_role

RULES = SessionRules(timedelta(hours=12), timedelta(hours=1))


class Noted(list[str]):
    """The sessions that were noted as seen."""


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
async def sessions(database: Database, clock: FixedClock, noted: Noted) -> AsyncIterator[Sessions]:
    reader = await open_pull_reader(database)
    yield Sessions(reader, clock, RULES, noted.append)
    await reader.close()


@pytest.fixture
def ann(do: Do, clock: FixedClock) -> int:
    return add_user(do, clock, "ann")


def begin(do: Do, clock: FixedClock, user_id: int, agent: str = "a browser") -> str:
    token: str = do(
        begin_session, user_id, Way.PASSWORD, clock.now(), RULES, address="192.0.2.1", agent=agent
    )
    return token


async def test_a_token_finds_its_user_and_no_other_text_does(
    sessions: Sessions, do: Do, clock: FixedClock, ann: int
) -> None:
    token = begin(do, clock, ann)
    assert await sessions.find(token) == SignedIn(Account(ann, "ann", False), session_id_of(token))
    for other in ("", token[:-1], token.swapcase(), session_id_of(token), "\0", "\ud800"):
        assert await sessions.find(other) is None


async def test_only_a_hash_of_the_token_is_kept(do: Do, clock: FixedClock, ann: int) -> None:
    token = begin(do, clock, ann)
    (row,) = do(lambda tx: tx.execute(select(table)).all())
    assert len(token) >= 43
    assert token not in map(str, row)


async def test_two_sign_ins_are_two_sessions(do: Do, clock: FixedClock, ann: int) -> None:
    assert begin(do, clock, ann) != begin(do, clock, ann)
    assert len(do(list_sessions, ann, clock.now(), RULES)) == 2


async def test_a_session_ends_when_nothing_came_of_it(
    sessions: Sessions, do: Do, clock: FixedClock, ann: int
) -> None:
    token = begin(do, clock, ann)
    clock.move(minutes=59)
    assert await sessions.find(token)
    clock.move(minutes=1)
    assert await sessions.find(token) is None
    assert do(list_sessions, ann, clock.now(), RULES) == ()


async def test_a_session_that_is_used_lasts_until_its_absolute_end(
    sessions: Sessions, do: Do, clock: FixedClock, ann: int, noted: Noted
) -> None:
    token = begin(do, clock, ann)
    for _ in range(23):
        clock.move(minutes=30)
        assert await sessions.find(token)
        do(record_seen, noted[-1], clock.now())
    clock.move(minutes=30)
    assert await sessions.find(token) is None


async def test_being_seen_is_noted_once_a_minute(
    sessions: Sessions, do: Do, clock: FixedClock, ann: int, noted: Noted
) -> None:
    token = begin(do, clock, ann)
    for _ in range(8):
        clock.move(seconds=20)
        before = len(noted)
        assert await sessions.find(token)
        if len(noted) > before:
            do(record_seen, noted[-1], clock.now())
    assert noted == [session_id_of(token)] * 2


async def test_signing_out_ends_this_session_only(
    sessions: Sessions, do: Do, clock: FixedClock, ann: int
) -> None:
    here, there = begin(do, clock, ann), begin(do, clock, ann)
    assert do(end_session, ann, session_id_of(here))
    assert not do(end_session, ann, session_id_of(here))
    assert await sessions.find(here) is None
    assert await sessions.find(there)


async def test_nobody_ends_somebody_elses_session(
    sessions: Sessions, do: Do, clock: FixedClock, ann: int
) -> None:
    token, bob = begin(do, clock, ann), add_user(do, clock, "bob")
    assert not do(end_session, bob, session_id_of(token))
    assert do(end_sessions, bob) == 0
    assert await sessions.find(token)


async def test_all_other_sessions_are_ended(sessions: Sessions, do: Do, clock: FixedClock, ann: int) -> None:
    here, *others = (begin(do, clock, ann) for _ in range(3))
    assert do(end_sessions, ann, but=session_id_of(here)) == 2
    assert await sessions.find(here)
    assert [await sessions.find(other) for other in others] == [None, None]


@pytest.mark.parametrize(
    "event",
    [
        lambda tx: set_password(tx, "ann", "another hash"),
        lambda tx: set_disabled(tx, "ann", True),
        lambda tx: delete_user(tx, "ann"),
    ],
    ids=["another password", "disabled", "deleted"],
)
async def test_what_happens_to_the_user_ends_all_sessions(
    sessions: Sessions, do: Do, clock: FixedClock, ann: int, event: object
) -> None:
    token = begin(do, clock, ann)
    do(event)
    assert await sessions.find(token) is None
    assert do(list_sessions, ann, clock.now(), RULES) == ()


async def test_a_session_does_not_come_back_when_the_user_is_enabled_again(
    sessions: Sessions, do: Do, clock: FixedClock, ann: int
) -> None:
    token = begin(do, clock, ann)
    do(set_disabled, "ann", True)
    do(set_disabled, "ann", False)
    assert await sessions.find(token) is None


async def test_another_role_holds_with_the_next_request(
    sessions: Sessions, do: Do, clock: FixedClock, ann: int
) -> None:
    token = begin(do, clock, ann)
    do(set_role, "ann", Role.AUDITOR)
    found = await sessions.find(token)
    assert found
    assert found.account.is_auditor


async def test_a_session_says_from_where_and_by_what(do: Do, clock: FixedClock, ann: int) -> None:
    begin(do, clock, ann, "Mozilla/5.0\n" + "x" * 1000)
    (session,) = do(list_sessions, ann, clock.now(), RULES)
    assert (session.address, session.way, session.made_at) == ("192.0.2.1", Way.PASSWORD, clock.now())
    assert session.agent.startswith("Mozilla/5.0x")
    assert len(session.agent) < module.MAX_AGENT
    assert session.ends_at == clock.now() + RULES.lifetime


async def test_sessions_are_bounded_and_ended_ones_forgotten(
    do: Do, clock: FixedClock, ann: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SESSIONS", 3)
    tokens = []
    for _ in range(5):
        tokens.append(begin(do, clock, ann))
        clock.move(seconds=1)
    kept = [session.id for session in do(list_sessions, ann, clock.now(), RULES)]
    assert kept == [session_id_of(token) for token in reversed(tokens[2:])]
    clock.move(hours=13)
    begin(do, clock, add_user(do, clock, "bob"))
    assert do(lambda tx: len(tx.execute(select(table)).all())) == 1
