"""Users whom an OIDC provider vouches for: known by issuer and subject, never by a name or a mail address.

Names can be chosen and given to somebody else; whoever gets one must not become the user who had it.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from wherry.identity.errors import InvalidUserName, SignInRefused, UserExists
from wherry.identity.tables import federated_users, team_members, users
from wherry.identity.users import NO_PASSWORD, Role, User, create_user, find_user_by_id, get_user, set_role

MAX_SUBJECT = 255

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider means, and the name that it suggests for them."""

    issuer: str
    subject: str
    suggested_name: str


@dataclass(frozen=True, slots=True)
class FederatedUser:
    """A user's tie to a provider's person."""

    user: str
    issuer: str
    subject: str
    linked_at: datetime
    last_sign_in_at: datetime | None


def sign_in_person(
    tx: Connection, person: Person, now: datetime, *, create: bool, role: Role | None = None
) -> User:
    """The user that the person is, made at the first sign-in if `create`.

    `role` is what the provider's groups say, None where they say nothing; it is taken over for users whom a
    sign-in made, and left alone for those who were linked by hand. Raises `SignInRefused` with a text for the
    person, and `LastAdministrator`.
    """
    _check(person)
    tie = _tie(tx, person) or _made(tx, person, now, create)
    user = find_user_by_id(tx, tie[0])
    assert user is not None, "the tie goes with its user"
    if user.is_disabled:
        raise SignInRefused(f"the user {user.name} is disabled; ask an administrator")
    tx.execute(update(federated_users).where(*_is(person)).values(last_sign_in_at=now))
    if tie[1] and role is not None and user.role is not role:
        set_role(tx, user.name, role)
    return get_user(tx, user.name)


def link_user(tx: Connection, name: str, issuer: str, subject: str, now: datetime) -> None:
    """Let the person sign in as this user, who is there already. Raises `UserUnknown`, `SignInRefused`."""
    user = get_user(tx, name)
    if user.robot_of is not None:
        raise SignInRefused(f"{name} is a robot; it signs in nowhere")
    person = Person(issuer, subject, name)
    _check(person)
    _link(tx, person, user.id, now, made_user=False)


def unlink_user(tx: Connection, name: str) -> int:
    """Take all of a user's ties away, and the memberships that claims brought; how many ties there were.

    Raises `UserUnknown`.
    """
    user_id = get_user(tx, name).id
    tx.execute(delete(team_members).where(team_members.c.user_id == user_id, team_members.c.from_oidc))
    return tx.execute(delete(federated_users).where(federated_users.c.user_id == user_id)).rowcount


def list_federated_users(tx: Connection, name: str | None = None) -> tuple[FederatedUser, ...]:
    """All ties by user, or those of one."""
    query = (
        select(
            users.c.name,
            federated_users.c.issuer,
            federated_users.c.subject,
            federated_users.c.linked_at,
            federated_users.c.last_sign_in_at,
        )
        .join(users, users.c.id == federated_users.c.user_id)
        .order_by(users.c.name, federated_users.c.issuer, federated_users.c.subject)
    )
    if name is not None:
        query = query.where(users.c.name == name)
    return tuple(FederatedUser(*row) for row in tx.execute(query))


def user_name_for(suggested: str) -> str:
    """A name that users can have, close to the suggested one; of a mail address what is before the @."""
    return _NOT_IN_NAMES.sub("-", suggested.partition("@")[0]).strip("._-")[:64]


def _tie(tx: Connection, person: Person) -> tuple[int, bool] | None:
    """The user's id, and whether a sign-in made them."""
    query = select(federated_users.c.user_id, federated_users.c.made_user).where(*_is(person))
    row = tx.execute(query).one_or_none()
    return None if row is None else (int(row[0]), bool(row[1]))


def _made(tx: Connection, person: Person, now: datetime, create: bool) -> tuple[int, bool]:
    name = user_name_for(person.suggested_name)
    if not create:
        raise SignInRefused(
            "no user here is linked to you; ask an administrator to link you, who are the subject"
            f" {person.subject} of {person.issuer}"
        )
    try:
        user = create_user(tx, name, NO_PASSWORD, now)
    except InvalidUserName:
        raise SignInRefused(
            f"{person.issuer} gives you no name that can be a user's here; ask an administrator to link you"
        ) from None
    except UserExists:
        tie = _tie(tx, person)
        if tie is not None:  # the same person came twice at once
            return tie
        raise SignInRefused(
            f"there is a user {name} here already who is not linked to you; if that is you, ask an"
            f" administrator to link {name} to the subject {person.subject} of {person.issuer}"
        ) from None
    _link(tx, person, user.id, now, made_user=True)
    return user.id, True


def _link(tx: Connection, person: Person, user_id: int, now: datetime, *, made_user: bool) -> None:
    row = {
        "issuer": person.issuer,
        "subject": person.subject,
        "user_id": user_id,
        "made_user": made_user,
        "linked_at": now,
    }
    try:
        with tx.begin_nested():
            tx.execute(insert(federated_users).values(row))
    except IntegrityError:
        raise SignInRefused(f"the person {person.subject!r} of {person.issuer} is linked already") from None


def _check(person: Person) -> None:
    if not 1 <= len(person.subject) <= MAX_SUBJECT or not person.subject.isprintable():
        raise SignInRefused(f"a subject has 1 to {MAX_SUBJECT} printable characters")


def _is(person: Person) -> tuple[ColumnElement[bool], ...]:
    return (federated_users.c.issuer == person.issuer, federated_users.c.subject == person.subject)
