"""Access keys as they are kept: made with limits, listed without secrets, disabled, deleted."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from tests.databases import Do, FixedClock
from tests.people import add_user
from wherry.identity.access_keys import (
    MAX_KEYS,
    NewAccessKey,
    create_access_key,
    create_temporary_login,
    delete_access_key,
    get_access_key,
    get_key_of,
    list_access_keys,
    list_keys_of,
    record_use,
    rename_key,
    rotate_access_key,
    set_key_disabled,
)
from wherry.identity.errors import AccessKeyUnknown, InvalidAccessKey, TooManyAccessKeys
from wherry.identity.login_keys import login_key, login_key_hash
from wherry.identity.tables import access_keys
from wherry.kit.secrets import Sealer, new_master_key

SEALER = Sealer(new_master_key())


@pytest.fixture
def ann(do: Do, clock: FixedClock) -> int:
    return add_user(do, clock, "ann")


def make(do: Do, clock: FixedClock, user_id: int, name: str = "ci", **more: Any) -> NewAccessKey:
    made: NewAccessKey = do(create_access_key, SEALER, user_id, name, clock.now(), **more)
    return made


def raw(tx: Connection, key_id: str) -> dict[str, Any]:
    return dict(tx.execute(select(access_keys).where(access_keys.c.id == key_id)).mappings().one())


def test_a_key_has_the_shape_that_clients_expect_and_is_like_no_other(
    do: Do, ann: int, clock: FixedClock
) -> None:
    made = [make(do, clock, ann) for _ in range(20)]
    for key in made:
        assert len(key.id) == 20
        assert key.id.isascii()
        assert key.id.isalnum()
        assert key.id == key.id.upper()
        assert len(key.secret) == 40
        assert key.secret.isalnum()
    assert len({key.id for key in made}) == len({key.secret for key in made}) == 20


def test_neither_secret_nor_login_key_is_in_the_database(do: Do, ann: int, clock: FixedClock) -> None:
    key = make(do, clock, ann)
    password = login_key(key.id, key.secret)
    row = do(raw, key.id)
    for value in row.values():
        assert key.secret not in str(value)
        assert password not in str(value)
    assert SEALER.open(row["sealed_secret"]).decode() == key.secret
    assert row["login_key_hash"] == login_key_hash(password)


def test_keys_are_listed_the_oldest_first_with_their_limits(do: Do, ann: int, clock: FixedClock) -> None:
    bob = add_user(do, clock, "bob")
    until = clock.now() + timedelta(days=90)
    first = make(do, clock, ann, "first", scope={"acme/web": 3, "acme": 1}, expires_at=until)
    made_at = clock.now()
    clock.move(minutes=1)
    second = make(do, clock, bob, "second")
    clock.move(minutes=1)
    third = make(do, clock, ann, "third")
    assert [key.id for key in do(list_access_keys)] == [first.id, second.id, third.id]
    assert [key.id for key in do(list_access_keys, "ann")] == [first.id, third.id]
    shown = do(get_access_key, first.id)
    assert (shown.user, shown.name, shown.scope) == ("ann", "first", {"acme/web": 3, "acme": 1})
    assert (shown.expires_at, shown.created_at, shown.is_disabled) == (until, made_at, False)
    assert (shown.last_used_at, shown.last_used_from) == (None, None)
    assert do(get_access_key, third.id).scope is None


def test_a_use_is_noted_and_one_of_a_key_that_is_gone_is_no_error(
    do: Do, ann: int, clock: FixedClock
) -> None:
    key = make(do, clock, ann)
    clock.move(hours=1)
    do(record_use, key.id, "192.0.2.1", clock.now())
    shown = do(get_access_key, key.id)
    assert (shown.last_used_at, shown.last_used_from) == (clock.now(), "192.0.2.1")
    do(delete_access_key, key.id)
    do(record_use, key.id, "192.0.2.1", clock.now())


def test_a_key_is_disabled_enabled_and_deleted(do: Do, ann: int, clock: FixedClock) -> None:
    key, other = make(do, clock, ann), make(do, clock, ann)
    do(set_key_disabled, key.id, True)
    assert do(get_access_key, key.id).is_disabled
    assert not do(get_access_key, other.id).is_disabled
    do(set_key_disabled, key.id, False)
    assert not do(get_access_key, key.id).is_disabled
    do(delete_access_key, key.id)
    assert [left.id for left in do(list_access_keys)] == [other.id]


def test_a_key_that_is_not_there_is_said_to_be_unknown(do: Do) -> None:
    for function, arguments in (
        (get_access_key, ()),
        (set_key_disabled, (True,)),
        (delete_access_key, ()),
    ):
        with pytest.raises(AccessKeyUnknown):
            do(function, "NOSUCHKEY", *arguments)


@pytest.mark.parametrize("name", ["", "x" * 65, "two\nlines", "nul\0"])
def test_a_name_that_nobody_could_read_is_refused(do: Do, ann: int, clock: FixedClock, name: str) -> None:
    with pytest.raises(InvalidAccessKey):
        make(do, clock, ann, name)


def test_a_key_cannot_be_born_expired(do: Do, ann: int, clock: FixedClock) -> None:
    with pytest.raises(InvalidAccessKey, match="future"):
        make(do, clock, ann, expires_at=clock.now())


def test_a_user_has_so_many_keys_and_others_are_not_counted(do: Do, ann: int, clock: FixedClock) -> None:
    def fill(tx: Connection) -> None:
        for _ in range(MAX_KEYS):
            create_access_key(tx, SEALER, ann, "one more", clock.now())

    do(fill)
    with pytest.raises(TooManyAccessKeys):
        make(do, clock, ann)
    make(do, clock, add_user(do, clock, "bob"))
    do(create_temporary_login, SEALER, ann, timedelta(hours=6), clock.now())
    do(delete_access_key, do(list_access_keys, "ann")[0].id)
    make(do, clock, ann)


@pytest.mark.parametrize("seconds", [900, 901, 6 * 3600, 86400])
def test_a_temporary_login_lives_as_long_as_asked_and_is_not_listed(
    do: Do, ann: int, clock: FixedClock, seconds: int
) -> None:
    made = do(create_temporary_login, SEALER, ann, timedelta(seconds=seconds), clock.now(), {"acme": 1})
    row = do(raw, made.id)
    assert row["expires"] == int(clock.now().timestamp()) + seconds
    assert row["scope"] == '{"acme": 1}'
    assert do(list_access_keys) == ()


@pytest.mark.parametrize("seconds", [-1, 0, 899, 86401])
def test_a_temporary_login_is_neither_shorter_than_a_quarter_hour_nor_longer_than_a_day(
    do: Do, ann: int, clock: FixedClock, seconds: int
) -> None:
    with pytest.raises(InvalidAccessKey, match="900 to 86400"):
        do(create_temporary_login, SEALER, ann, timedelta(seconds=seconds), clock.now())


def test_temporary_logins_that_ended_are_swept_and_keys_that_expired_are_kept(
    do: Do, ann: int, clock: FixedClock
) -> None:
    kept = make(do, clock, ann, expires_at=clock.now() + timedelta(minutes=5))
    old = do(create_temporary_login, SEALER, ann, timedelta(minutes=15), clock.now())
    clock.move(minutes=14)
    young = do(create_temporary_login, SEALER, ann, timedelta(minutes=15), clock.now())
    clock.move(minutes=2)
    do(create_temporary_login, SEALER, ann, timedelta(minutes=15), clock.now())
    with pytest.raises(AccessKeyUnknown):
        do(get_access_key, old.id)
    do(get_access_key, young.id)
    do(get_access_key, kept.id)


@pytest.mark.parametrize(
    "end",
    [delete_access_key, lambda tx, key_id: set_key_disabled(tx, key_id, True)],
    ids=["deleted", "disabled"],
)
def test_a_temporary_login_ends_with_the_key_that_asked_for_it(
    do: Do, ann: int, clock: FixedClock, end: Callable[[Connection, str], None]
) -> None:
    lifetime = timedelta(hours=1)
    asking, other = make(do, clock, ann), make(do, clock, ann)
    first = do(create_temporary_login, SEALER, ann, lifetime, clock.now(), None, asking.id)
    second = do(create_temporary_login, SEALER, ann, lifetime, clock.now(), None, first.id)
    others = do(create_temporary_login, SEALER, ann, lifetime, clock.now(), None, other.id)
    do(end, asking.id)
    for gone in (first.id, second.id):
        with pytest.raises(AccessKeyUnknown):
            do(get_access_key, gone)
    do(get_access_key, others.id)


def test_temporary_logins_cannot_prolong_each_other(do: Do, ann: int, clock: FixedClock) -> None:
    first = do(create_temporary_login, SEALER, ann, timedelta(minutes=20), clock.now())
    clock.move(minutes=10)
    second = do(create_temporary_login, SEALER, ann, timedelta(minutes=20), clock.now(), None, first.id)
    assert do(get_access_key, second.id).expires_at == do(get_access_key, first.id).expires_at
    assert int(second.expires_at.timestamp()) == int(first.expires_at.timestamp())


def test_a_rotated_key_works_beside_the_new_one_for_a_while(do: Do, ann: int, clock: FixedClock) -> None:
    old = make(do, clock, ann, "ci", scope={"acme/web": 3}, expires_at=clock.now() + timedelta(days=90))
    clock.move(days=80)
    new = do(rotate_access_key, SEALER, old.id, clock.now(), overlap=timedelta(hours=2))
    ended, begun = do(get_key_of, ann, old.id), do(get_key_of, ann, new.id)
    assert new.secret != old.secret
    assert (begun.name, begun.scope, begun.user) == ("ci", {"acme/web": 3}, "ann")
    assert begun.expires_at == clock.now() + timedelta(days=90)
    assert ended.expires_at == clock.now() + timedelta(hours=2)
    assert [key.id for key in do(list_keys_of, ann)] == [old.id, new.id]


def test_a_rotation_never_lengthens_the_old_key_nor_what_it_has_got(
    do: Do, ann: int, clock: FixedClock
) -> None:
    soon = clock.now() + timedelta(hours=1)
    old = make(do, clock, ann, expires_at=soon)
    do(rotate_access_key, SEALER, old.id, clock.now())
    assert do(get_key_of, ann, old.id).expires_at == soon
    free = make(do, clock, ann)
    login = do(create_temporary_login, SEALER, ann, timedelta(hours=6), clock.now(), None, free.id)
    new = do(rotate_access_key, SEALER, free.id, clock.now(), overlap=timedelta(0))
    assert do(get_access_key, login.id).expires_at == clock.now()
    assert new.expires_at is None


def test_what_cannot_be_rotated(do: Do, ann: int, clock: FixedClock) -> None:
    disabled, ended = make(do, clock, ann), make(do, clock, ann, expires_at=clock.now() + timedelta(hours=1))
    login = do(create_temporary_login, SEALER, ann, timedelta(hours=6), clock.now())
    do(set_key_disabled, disabled.id, True)
    clock.move(hours=1)
    for key, error in ((disabled, InvalidAccessKey), (ended, InvalidAccessKey), (login, AccessKeyUnknown)):
        with pytest.raises(error):
            do(rotate_access_key, SEALER, key.id, clock.now())
    for overlap in (timedelta(days=31), timedelta(seconds=-1)):
        with pytest.raises(InvalidAccessKey):
            do(rotate_access_key, SEALER, make(do, clock, ann).id, clock.now(), overlap=overlap)
    assert len(do(list_keys_of, ann)) == 4


def test_a_key_is_its_owners_and_a_temporary_login_is_no_key(do: Do, ann: int, clock: FixedClock) -> None:
    bob, key = add_user(do, clock, "bob"), make(do, clock, ann)
    login = do(create_temporary_login, SEALER, ann, timedelta(hours=6), clock.now())
    do(rename_key, key.id, "build")
    assert do(get_key_of, ann, key.id).name == "build"
    for user_id, key_id in ((bob, key.id), (ann, login.id), (ann, "NONE")):
        with pytest.raises(AccessKeyUnknown):
            do(get_key_of, user_id, key_id)
    with pytest.raises(InvalidAccessKey):
        do(rename_key, key.id, "\n")
