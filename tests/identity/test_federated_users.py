"""Federated users: known by issuer and subject; a name is never enough."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.databases import Do, FixedClock
from tests.people import add_user
from wherry.db.database import Database
from wherry.identity.errors import LastAdministrator, SignInRefused, UserUnknown
from wherry.identity.federated_users import (
    Person,
    link_user,
    list_federated_users,
    sign_in_person,
    unlink_user,
    user_name_for,
)
from wherry.identity.organizations import create_organization
from wherry.identity.teams import add_member, create_team, list_teams, sync_oidc_memberships
from wherry.identity.users import Role, get_user, list_users, set_disabled

ISSUER = "https://id.example.com"
ANN = Person(ISSUER, "4711", "ann@example.com")


def sign_in(
    do: Do, clock: FixedClock, person: Person = ANN, *, create: bool = True, role: Role | None = None
):
    return do(sign_in_person, person, clock.now(), create=create, role=role)


def test_the_first_sign_in_makes_a_user_without_a_password(do: Do, clock: FixedClock) -> None:
    user = sign_in(do, clock)
    assert (user.name, user.has_password, user.role) == ("ann", False, Role.USER)
    clock.move(hours=1)
    assert sign_in(do, clock).id == user.id
    (tie,) = do(list_federated_users, "ann")
    assert (tie.issuer, tie.subject, tie.last_sign_in_at) == (ISSUER, "4711", clock.now())


def test_who_comes_twice_at_once_is_one_user(database: Database, do: Do, clock: FixedClock) -> None:
    def come(_number: int) -> int:
        return database.write_now(lambda tx: sign_in_person(tx, ANN, clock.now(), create=True).id)

    with ThreadPoolExecutor(8) as tabs:
        assert len(set(tabs.map(come, range(8)))) == 1
    assert len(do(list_users)) == 1


def test_another_name_of_the_same_person_changes_nothing(do: Do, clock: FixedClock) -> None:
    user = sign_in(do, clock)
    assert sign_in(do, clock, Person(ISSUER, "4711", "renamed")).name == user.name


def test_another_person_of_the_same_name_is_refused(do: Do, clock: FixedClock) -> None:
    sign_in(do, clock)
    for other in (Person(ISSUER, "4712", "ann"), Person("https://other.example", "4711", "ann")):
        with pytest.raises(SignInRefused, match="not linked to you"):
            sign_in(do, clock, other)


def test_a_local_users_name_is_refused_until_an_administrator_links_it(do: Do, clock: FixedClock) -> None:
    add_user(do, clock, "ann")
    with pytest.raises(SignInRefused, match="there is a user ann here already"):
        sign_in(do, clock)
    do(link_user, "ann", ISSUER, "4711", clock.now())
    assert sign_in(do, clock).name == "ann"
    assert do(get_user, "ann").has_password


def test_who_is_not_linked_is_refused_where_no_users_are_made(do: Do, clock: FixedClock) -> None:
    with pytest.raises(SignInRefused, match="link you"):
        sign_in(do, clock, create=False)
    assert do(list_users) == ()


def test_a_disabled_user_is_refused(do: Do, clock: FixedClock) -> None:
    sign_in(do, clock)
    do(set_disabled, "ann", True)
    with pytest.raises(SignInRefused, match="disabled"):
        sign_in(do, clock)


def test_the_role_follows_the_providers_groups(do: Do, clock: FixedClock) -> None:
    add_user(do, clock, "admin", is_admin=True)
    assert sign_in(do, clock, role=Role.ADMIN).role is Role.ADMIN
    assert sign_in(do, clock).role is Role.ADMIN  # nothing is said about roles
    assert sign_in(do, clock, role=Role.AUDITOR).role is Role.AUDITOR
    assert sign_in(do, clock, role=Role.USER).role is Role.USER


def test_the_role_of_a_user_who_was_linked_by_hand_is_left_alone(do: Do, clock: FixedClock) -> None:
    add_user(do, clock, "admin", is_admin=True)
    do(link_user, "admin", ISSUER, "4711", clock.now())
    assert sign_in(do, clock, role=Role.USER).role is Role.ADMIN


def test_no_claim_takes_the_last_administrator_away(do: Do, clock: FixedClock) -> None:
    sign_in(do, clock, role=Role.ADMIN)
    with pytest.raises(LastAdministrator):
        sign_in(do, clock, role=Role.USER)


def test_a_tie_is_taken_away(do: Do, clock: FixedClock) -> None:
    sign_in(do, clock)
    assert do(unlink_user, "ann") == 1
    assert do(list_federated_users) == ()
    with pytest.raises(SignInRefused):
        sign_in(do, clock)
    with pytest.raises(UserUnknown):
        do(unlink_user, "bob")


def test_memberships_that_claims_brought_go_with_the_tie(do: Do, clock: FixedClock) -> None:
    user = sign_in(do, clock)
    do(create_organization, "acme", None, clock.now())
    do(create_team, "acme", "dev", None, clock.now(), oidc_group="developers")
    by_hand = do(create_team, "acme", "ops", None, clock.now())
    do(sync_oidc_memberships, user.id, ["developers"], clock.now())
    do(add_member, by_hand, user.id, clock.now())
    do(unlink_user, "ann")
    assert [team.name for team in do(list_teams, user_id=user.id)] == ["ops"]


def test_a_person_is_linked_to_one_user(do: Do, clock: FixedClock) -> None:
    add_user(do, clock, "ann")
    add_user(do, clock, "bob")
    do(link_user, "ann", ISSUER, "4711", clock.now())
    with pytest.raises(SignInRefused, match="linked already"):
        do(link_user, "bob", ISSUER, "4711", clock.now())


@pytest.mark.parametrize("subject", ["", "x" * 256, "a\0b", "a\nb"])
def test_a_subject_that_is_none(do: Do, clock: FixedClock, subject: str) -> None:
    with pytest.raises(SignInRefused):
        sign_in(do, clock, Person(ISSUER, subject, "ann"))


@pytest.mark.parametrize(
    ("suggested", "name"),
    [
        ("ann", "ann"),
        ("ann@example.com", "ann"),
        ("Ann Miller", "Ann-Miller"),
        ("DOMAIN\\ann", "DOMAIN-ann"),
        (".ann.", "ann"),
        ("Änne", "nne"),
        ("a" * 80, "a" * 64),
    ],
)
def test_names_that_are_made_of_what_the_provider_says(suggested: str, name: str) -> None:
    assert user_name_for(suggested) == name


@pytest.mark.parametrize("suggested", ["", "@example.com", "---", "日本"])
def test_a_name_that_cannot_be_made_is_refused(do: Do, clock: FixedClock, suggested: str) -> None:
    with pytest.raises(SignInRefused, match="no name"):
        sign_in(do, clock, Person(ISSUER, "4711", suggested))
