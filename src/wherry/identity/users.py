"""Users: made, looked up, given another password, disabled."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from wherry.identity.errors import InvalidUserName, UserExists, UserUnknown
from wherry.identity.tables import users

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class User:
    """A person or a program that logs in by name."""

    id: int
    name: str
    is_admin: bool
    is_disabled: bool
    created_at: datetime


def create_user(
    tx: Connection, name: str, password_hash: str, now: datetime, *, is_admin: bool = False
) -> User:
    """Raises `InvalidUserName`, `UserExists`."""
    if not _NAME.fullmatch(name):
        raise InvalidUserName(name)
    if find_user(tx, name) is not None:
        raise UserExists(name)
    row = insert(users).values(
        name=name, password_hash=password_hash, is_admin=is_admin, is_disabled=False, created_at=now
    )
    try:
        with tx.begin_nested():
            created = tx.execute(row.returning(users.c.id)).scalar_one()
    except IntegrityError:  # made by somebody else in between
        raise UserExists(name) from None
    return User(created, name, is_admin, False, now)


def find_user(tx: Connection, name: str) -> User | None:
    """The user of that name, disabled or not."""
    row = tx.execute(_USERS.where(users.c.name == name)).one_or_none()
    return None if row is None else User(*row)


def find_user_by_id(tx: Connection, user_id: int) -> User | None:
    """The user of that id, disabled or not."""
    row = tx.execute(_USERS.where(users.c.id == user_id)).one_or_none()
    return None if row is None else User(*row)


def get_user(tx: Connection, name: str) -> User:
    """Raises `UserUnknown`."""
    user = find_user(tx, name)
    if user is None:
        raise UserUnknown(name)
    return user


def list_users(tx: Connection) -> tuple[User, ...]:
    """All of them, by name."""
    return tuple(User(*row) for row in tx.execute(_USERS.order_by(users.c.name)))


def set_password(tx: Connection, name: str, password_hash: str) -> None:
    """Raises `UserUnknown`. Logins with the old password end at once."""
    _change(tx, name, password_hash=password_hash)


def set_disabled(tx: Connection, name: str, disabled: bool) -> None:
    """Raises `UserUnknown`. A disabled user's tokens end at once."""
    _change(tx, name, is_disabled=disabled)


def _change(tx: Connection, name: str, **values: object) -> None:
    if tx.execute(update(users).where(users.c.name == name).values(**values)).rowcount == 0:
        raise UserUnknown(name)


_USERS = select(users.c.id, users.c.name, users.c.is_admin, users.c.is_disabled, users.c.created_at)
