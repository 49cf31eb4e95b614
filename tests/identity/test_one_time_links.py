"""One-time links: used once, for a while, by whoever holds them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.databases import Do, FixedClock
from tests.people import add_user
from wherry.db.database import Database
from wherry.identity.errors import InvalidLink, LinkNotMade, UserExists, UserUnknown
from wherry.identity.one_time_links import (
    LIFETIMES,
    Purpose,
    find_link,
    invite_user,
    make_reset_link,
    redeem_link,
    withdraw_links,
)
from wherry.identity.organizations import create_organization
from wherry.identity.robots import create_robot
from wherry.identity.tables import one_time_links
from wherry.identity.users import get_user, set_disabled, set_password


def test_who_is_invited_has_no_password_until_the_link_is_used(do: Do, clock: FixedClock) -> None:
    link = do(invite_user, "ann", clock.now())
    assert (link.purpose, link.expires_at) == (Purpose.INVITATION, clock.now() + timedelta(days=7))
    assert not do(get_user, "ann").has_password
    opened = do(find_link, link.token, clock.now())
    assert (opened.user.name, opened.purpose, opened.expires_at) == ("ann", link.purpose, link.expires_at)
    assert do(redeem_link, link.token, "hash", clock.now()).name == "ann"
    assert do(get_user, "ann").has_password


def test_only_a_hash_of_the_token_is_kept(do: Do, clock: FixedClock) -> None:
    token = do(invite_user, "ann", clock.now()).token
    (row,) = do(lambda tx: tx.execute(select(one_time_links)).all())
    assert len(token) >= 43
    assert token not in map(str, row)


def test_a_link_is_used_once(do: Do, clock: FixedClock) -> None:
    token = do(invite_user, "ann", clock.now()).token
    do(redeem_link, token, "hash", clock.now())
    with pytest.raises(InvalidLink):
        do(find_link, token, clock.now())
    with pytest.raises(InvalidLink):
        do(redeem_link, token, "other hash", clock.now())


def test_of_two_at_once_one_is_let_in(database: Database, do: Do, clock: FixedClock) -> None:
    token = do(invite_user, "ann", clock.now()).token

    def redeem(number: int) -> bool:
        try:
            database.write_now(lambda tx: redeem_link(tx, token, f"hash {number}", clock.now()))
        except InvalidLink:
            return False
        return True

    with ThreadPoolExecutor(4) as people:
        assert sorted(people.map(redeem, range(4))) == [False, False, False, True]


def test_an_expired_link_and_a_made_up_one_look_alike(do: Do, clock: FixedClock) -> None:
    do(invite_user, "ann", clock.now())
    token = do(make_reset_link, "ann", clock.now(), lifetime=timedelta(hours=24)).token
    clock.move(hours=24)
    told = set()
    for presented in (token, "made-up", "", "\0", "\ud800"):
        with pytest.raises(InvalidLink) as refused:
            do(redeem_link, presented, "hash", clock.now())
        told.add(str(refused.value))
    assert len(told) == 1


def test_a_new_link_of_the_same_kind_ends_the_former(do: Do, clock: FixedClock) -> None:
    first = do(invite_user, "ann", clock.now())
    second = do(make_reset_link, "ann", clock.now())
    assert second.purpose is Purpose.INVITATION
    with pytest.raises(InvalidLink):
        do(redeem_link, first.token, "hash", clock.now())
    do(redeem_link, second.token, "hash", clock.now())


def test_the_old_password_holds_until_a_reset_link_is_used(do: Do, clock: FixedClock) -> None:
    add_user(do, clock, "ann")
    link = do(make_reset_link, "ann", clock.now())
    assert (link.purpose, link.expires_at) == (Purpose.RESET, clock.now() + LIFETIMES[Purpose.RESET])
    assert do(get_user, "ann").has_password


def test_a_password_set_otherwise_ends_the_links(do: Do, clock: FixedClock) -> None:
    add_user(do, clock, "ann")
    token = do(make_reset_link, "ann", clock.now()).token
    do(set_password, "ann", "another hash")
    with pytest.raises(InvalidLink):
        do(redeem_link, token, "hash", clock.now())


def test_links_are_withdrawn(do: Do, clock: FixedClock) -> None:
    user_id = add_user(do, clock, "ann")
    token = do(make_reset_link, "ann", clock.now()).token
    do(withdraw_links, user_id)
    with pytest.raises(InvalidLink):
        do(find_link, token, clock.now())


def test_no_link_lets_a_disabled_user_in(do: Do, clock: FixedClock) -> None:
    token = do(invite_user, "ann", clock.now()).token
    do(set_disabled, "ann", True)
    with pytest.raises(InvalidLink):
        do(redeem_link, token, "hash", clock.now())
    with pytest.raises(LinkNotMade, match="disabled"):
        do(make_reset_link, "ann", clock.now())


def test_a_robot_gets_no_link(do: Do, clock: FixedClock) -> None:
    do(create_organization, "acme", None, clock.now())
    robot = do(create_robot, "acme", "ci", "", None, clock.now())
    with pytest.raises(LinkNotMade, match="robot"):
        do(make_reset_link, robot.user_name, clock.now())


@pytest.mark.parametrize("lifetime", [timedelta(minutes=59), timedelta(days=8)])
def test_a_link_lasts_an_hour_to_a_week(do: Do, clock: FixedClock, lifetime: timedelta) -> None:
    with pytest.raises(LinkNotMade, match="an hour"):
        do(invite_user, "ann", clock.now(), lifetime=lifetime)


def test_who_is_there_is_not_invited_and_who_is_not_gets_no_reset(do: Do, clock: FixedClock) -> None:
    add_user(do, clock, "ann")
    with pytest.raises(UserExists):
        do(invite_user, "ann", clock.now())
    with pytest.raises(UserUnknown):
        do(make_reset_link, "bob", clock.now())
