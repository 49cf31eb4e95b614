"""Users: made, looked up, given another password or role, disabled, deleted."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from wherry.identity.errors import InvalidUserName, LastAdministrator, UserExists, UserUnknown
from wherry.identity.tables import one_time_links, organizations, robots, sessions, users
from wherry.kit.pages import Page

# No password verifies against it: of who is invited and has not set one, of robots, of OIDC's users.
NO_PASSWORD = ""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Role(StrEnum):
    """What somebody is on the whole site. An auditor sees all and changes nothing."""

    USER = "user"
    AUDITOR = "auditor"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class User:
    """A person or a program that logs in by name. `robot_of` is the organization that holds a robot."""

    id: int
    name: str
    is_admin: bool
    is_disabled: bool
    created_at: datetime
    is_auditor: bool = False
    has_password: bool = True
    robot_of: str | None = None

    @property
    def role(self) -> Role:
        """An administrator's right contains an auditor's."""
        if self.is_admin:
            return Role.ADMIN
        return Role.AUDITOR if self.is_auditor else Role.USER


def create_user(
    tx: Connection,
    name: str,
    password_hash: str,
    now: datetime,
    *,
    is_admin: bool = False,
    is_auditor: bool = False,
) -> User:
    """Raises `InvalidUserName`, `UserExists`."""
    if not _NAME.fullmatch(name):
        raise InvalidUserName(name)
    insert_user(tx, name, password_hash, now, is_admin=is_admin, is_auditor=is_auditor)
    return get_user(tx, name)


def insert_user(
    tx: Connection,
    name: str,
    password_hash: str,
    now: datetime,
    *,
    is_admin: bool = False,
    is_auditor: bool = False,
) -> int:
    """The row alone, under a name that the caller vouches for. Raises `UserExists`."""
    if find_user(tx, name) is not None:
        raise UserExists(name)
    row = insert(users).values(
        name=name,
        password_hash=password_hash,
        is_admin=is_admin,
        is_auditor=is_auditor,
        is_disabled=False,
        created_at=now,
    )
    try:
        with tx.begin_nested():
            return int(tx.execute(row.returning(users.c.id)).scalar_one())
    except IntegrityError:  # made by somebody else in between
        raise UserExists(name) from None


def find_user(tx: Connection, name: str) -> User | None:
    """The user of that name, disabled or not, robots too."""
    row = tx.execute(_USERS.where(users.c.name == name)).one_or_none()
    return None if row is None else User(*row)


def find_user_by_id(tx: Connection, user_id: int) -> User | None:
    """The user of that id, disabled or not, robots too."""
    row = tx.execute(_USERS.where(users.c.id == user_id)).one_or_none()
    return None if row is None else User(*row)


def name_of(tx: Connection, user_id: int | None) -> str | None:
    """The name of who did something; None for the command line, and for who is gone."""
    if user_id is None:
        return None
    found: str | None = tx.execute(_NAME_OF, {"id": user_id}).scalar_one_or_none()
    return found


def get_user(tx: Connection, name: str) -> User:
    """Raises `UserUnknown`."""
    user = find_user(tx, name)
    if user is None:
        raise UserUnknown(name)
    return user


def list_users(tx: Connection) -> tuple[User, ...]:
    """All of them, by name; robots are listed with their organization."""
    return tuple(User(*row) for row in tx.execute(_PEOPLE))


def page_of_users(
    tx: Connection,
    *,
    after: str = "",
    size: int = 100,
    contains: str = "",
    role: Role | None = None,
    is_disabled: bool | None = None,
) -> Page[User]:
    """A page by name of those behind `after`; `contains` folds case."""
    query = _PEOPLE.where(users.c.name > after).limit(size + 1)
    if contains:
        query = query.where(func.lower(users.c.name).contains(contains.lower(), autoescape=True))
    if role is not None:
        query = query.where(*_IN_ROLE[role])
    if is_disabled is not None:
        query = query.where(users.c.is_disabled == is_disabled)
    return Page.cut([User(*row) for row in tx.execute(query)], size)


def set_password(tx: Connection, name: str, password_hash: str) -> None:
    """Raises `UserUnknown`. Logins with the old password, sessions and one-time links end at once."""
    _change(tx, name, password_hash=password_hash)
    _end_sign_ins(tx, name)


def set_disabled(tx: Connection, name: str, disabled: bool) -> None:
    """Raises `UserUnknown`, `LastAdministrator`. A disabled user's tokens and sessions end at once."""
    if disabled:
        _refuse_last(tx, name)
        _end_sign_ins(tx, name)
    _change(tx, name, is_disabled=disabled)


def set_role(tx: Connection, name: str, role: Role) -> None:
    """Takes effect with the next request. Raises `UserUnknown`, `LastAdministrator`."""
    if role is not Role.ADMIN:
        _refuse_last(tx, name)
    _change(tx, name, is_admin=role is Role.ADMIN, is_auditor=role is Role.AUDITOR)


def delete_user(tx: Connection, name: str) -> None:
    """They go with their keys, rights, memberships and sessions; what they made stays, without its maker.

    Raises `UserUnknown`, `LastAdministrator`.
    """
    _refuse_last(tx, name)
    if tx.execute(delete(users).where(users.c.name == name)).rowcount == 0:
        raise UserUnknown(name)


def _change(tx: Connection, name: str, **values: object) -> None:
    if tx.execute(update(users).where(users.c.name == name).values(**values)).rowcount == 0:
        raise UserUnknown(name)


def _end_sign_ins(tx: Connection, name: str) -> None:
    """What opens the console without the password."""
    theirs = select(users.c.id).where(users.c.name == name).scalar_subquery()
    for table in (sessions, one_time_links):
        tx.execute(delete(table).where(table.c.user_id == theirs))


def _refuse_last(tx: Connection, name: str) -> None:
    """Somebody must be left who can let others in. The rows are held, so that two do not go at once."""
    query = select(users.c.name).where(users.c.is_admin, users.c.is_disabled.is_(False)).with_for_update()
    if tx.execute(query).scalars().all() == [name]:
        raise LastAdministrator(name)


_USERS = (
    select(
        users.c.id,
        users.c.name,
        users.c.is_admin,
        users.c.is_disabled,
        users.c.created_at,
        users.c.is_auditor,
        users.c.password_hash != NO_PASSWORD,
        organizations.c.name,
    )
    .outerjoin(robots, robots.c.user_id == users.c.id)
    .outerjoin(organizations, organizations.c.id == robots.c.organization_id)
)
_PEOPLE = _USERS.where(robots.c.user_id.is_(None)).order_by(users.c.name)
_IN_ROLE = {
    Role.ADMIN: (users.c.is_admin,),
    Role.AUDITOR: (users.c.is_admin.is_(False), users.c.is_auditor),
    Role.USER: (users.c.is_admin.is_(False), users.c.is_auditor.is_(False)),
}


_NAME_OF = select(users.c.name).where(users.c.id == bindparam("id"))
