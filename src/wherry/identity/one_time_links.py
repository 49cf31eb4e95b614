"""One-time links: whoever holds one sets a password and is let in. Invitations, and resets of a password."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, delete, select

from wherry.db.upserts import put_row
from wherry.identity.errors import InvalidLink, LinkNotMade
from wherry.identity.tables import one_time_links, users
from wherry.identity.users import NO_PASSWORD, User, create_user, find_user_by_id, get_user, set_password

SHORTEST = timedelta(hours=1)
LONGEST = timedelta(days=7)


class Purpose(StrEnum):
    """What a link was made for."""

    INVITATION = "invitation"
    RESET = "reset"


LIFETIMES = {Purpose.INVITATION: LONGEST, Purpose.RESET: timedelta(hours=24)}


@dataclass(frozen=True, slots=True)
class Link:
    """A link that was made: `token` is not to be had again."""

    token: str
    user: User
    purpose: Purpose
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link that somebody holds, and that can still be used."""

    user: User
    purpose: Purpose
    expires_at: datetime


def invite_user(
    tx: Connection,
    name: str,
    now: datetime,
    *,
    made_by: int | None = None,
    lifetime: timedelta | None = None,
    is_admin: bool = False,
    is_auditor: bool = False,
) -> Link:
    """Make a user who has no password yet, and the link to set it by.

    Raises `InvalidUserName`, `UserExists`, `LinkNotMade`.
    """
    user = create_user(tx, name, NO_PASSWORD, now, is_admin=is_admin, is_auditor=is_auditor)
    return _make(tx, user, Purpose.INVITATION, now, made_by, lifetime)


def make_reset_link(
    tx: Connection, name: str, now: datetime, *, made_by: int | None = None, lifetime: timedelta | None = None
) -> Link:
    """A link to set another password by; the old one holds until then.

    For who was invited and never came it is a new invitation. Raises `UserUnknown`, `LinkNotMade`.
    """
    user = get_user(tx, name)
    if user.robot_of is not None:
        raise LinkNotMade(f"{name} is a robot, and has access keys but no password")
    if user.is_disabled:
        raise LinkNotMade(f"{name} is disabled; enable the user first")
    purpose = Purpose.RESET if user.has_password else Purpose.INVITATION
    return _make(tx, user, purpose, now, made_by, lifetime)


def find_link(tx: Connection, token: str, now: datetime) -> OpenLink:
    """Raises `InvalidLink`, which does not tell why."""
    row = tx.execute(
        select(one_time_links.c.user_id, one_time_links.c.purpose, one_time_links.c.expires)
        .join(users, users.c.id == one_time_links.c.user_id)
        .where(
            one_time_links.c.token_hash == _hash(token),
            one_time_links.c.expires > int(now.timestamp()),
            users.c.is_disabled.is_(False),
        )
    ).one_or_none()
    user = None if row is None else find_user_by_id(tx, row[0])
    if row is None or user is None:
        raise InvalidLink
    return OpenLink(user, Purpose(row[1]), datetime.fromtimestamp(row[2], UTC))


def redeem_link(tx: Connection, token: str, password_hash: str, now: datetime) -> User:
    """Set the password. The link is used up, the user's other links and sessions are over.

    Of two who come at once one is let in. Raises `InvalidLink`.
    """
    user = find_link(tx, token, now).user
    # The row goes only once: whoever did not remove it came second.
    if tx.execute(delete(one_time_links).where(one_time_links.c.token_hash == _hash(token))).rowcount == 0:
        raise InvalidLink
    set_password(tx, user.name, password_hash)
    return user


def withdraw_links(tx: Connection, user_id: int) -> None:
    """Whoever holds a link of this user holds nothing any more."""
    tx.execute(delete(one_time_links).where(one_time_links.c.user_id == user_id))


def _make(
    tx: Connection,
    user: User,
    purpose: Purpose,
    now: datetime,
    made_by: int | None,
    lifetime: timedelta | None,
) -> Link:
    lasts = lifetime or LIFETIMES[purpose]
    if not SHORTEST <= lasts <= LONGEST:
        raise LinkNotMade("a link lasts an hour at the least and seven days at the most")
    token, expires = secrets.token_urlsafe(32), int((now + lasts).timestamp())
    row = {
        "user_id": user.id,
        "purpose": purpose.value,
        "token_hash": _hash(token),
        "expires": expires,
        "made_by": made_by,
        "made_at": now,
    }
    put_row(tx, one_time_links, row)
    return Link(token, user, purpose, datetime.fromtimestamp(expires, UTC))


def _hash(token: str) -> str:
    """Looked up by hash, so that no comparison of secrets takes a time that tells something."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
