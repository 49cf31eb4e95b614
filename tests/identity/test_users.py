"""Users: made once, looked up, changed."""

import pytest

from tests.databases import Do, FixedClock
from wherry.identity.errors import (
    InvalidUserName,
    LastAdministrator,
    OrganizationReserved,
    UserExists,
    UserUnknown,
)
from wherry.identity.organizations import ensure_organization, refuse_reserved
from wherry.identity.users import (
    Role,
    User,
    create_user,
    delete_user,
    find_user,
    get_user,
    list_users,
    page_of_users,
    set_disabled,
    set_password,
    set_role,
)


def test_a_user_is_found_as_made(do: Do, clock: FixedClock) -> None:
    made = do(create_user, "ann", "hash", clock.now(), is_admin=True)
    assert made == User(1, "ann", True, False, clock.now())
    assert do(find_user, "ann") == made
    assert do(find_user, "Ann") is None


def test_a_name_is_taken_once(do: Do, clock: FixedClock) -> None:
    do(create_user, "ann", "hash", clock.now())
    with pytest.raises(UserExists):
        do(create_user, "ann", "other", clock.now())
    assert len(do(list_users)) == 1


@pytest.mark.parametrize("name", ["", "-ann", "a b", "a:b", "a\n", "a" * 65, "ä", "a/b", "\0"])
def test_a_name_that_could_not_log_in_is_refused(do: Do, clock: FixedClock, name: str) -> None:
    with pytest.raises(InvalidUserName):
        do(create_user, name, "hash", clock.now())


def test_users_are_listed_by_name(do: Do, clock: FixedClock) -> None:
    for name in ("b", "A", "a"):
        do(create_user, name, "hash", clock.now())
    assert [user.name for user in do(list_users)] == ["A", "a", "b"]


def test_a_change_of_nobody_is_an_error(do: Do) -> None:
    with pytest.raises(UserUnknown):
        do(set_password, "ann", "hash")
    with pytest.raises(UserUnknown):
        do(set_disabled, "ann", True)


def test_an_organization_is_made_once(do: Do, clock: FixedClock) -> None:
    ann = do(create_user, "ann", "hash", clock.now()).id
    made = do(ensure_organization, "acme", ann, clock.now())
    assert do(ensure_organization, "acme", ann, clock.now()) == made
    assert do(ensure_organization, "other", None, clock.now()) != made


@pytest.mark.parametrize("name", ["manage", "library", "v2", "v3", "token"])
def test_reserved_names_are_refused(name: str) -> None:
    with pytest.raises(OrganizationReserved):
        refuse_reserved(name)
    refuse_reserved(name + "s")


def test_somebody_is_left_who_can_let_others_in(do: Do, clock: FixedClock) -> None:
    do(create_user, "root", "hash", clock.now(), is_admin=True)
    for going in (
        lambda tx: set_disabled(tx, "root", True),
        lambda tx: set_role(tx, "root", Role.AUDITOR),
        lambda tx: delete_user(tx, "root"),
    ):
        with pytest.raises(LastAdministrator):
            do(going)
    do(create_user, "second", "hash", clock.now(), is_admin=True)
    do(set_role, "root", Role.AUDITOR)
    assert do(get_user, "root").role is Role.AUDITOR
    do(delete_user, "root")
    with pytest.raises(UserUnknown):
        do(delete_user, "root")


def test_people_are_listed_page_by_page(do: Do, clock: FixedClock) -> None:
    for name in ("Ann", "bob", "anton"):
        do(create_user, name, "", clock.now())
    first = do(page_of_users, size=2)
    assert ([user.name for user in first.items], first.more) == (["Ann", "anton"], True)
    assert [user.name for user in do(page_of_users, after="anton", size=2).items] == ["bob"]
    assert [user.name for user in do(page_of_users, contains="AN").items] == ["Ann", "anton"]
    assert not do(get_user, "bob").has_password
