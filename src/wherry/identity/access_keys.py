"""Access keys (AK/SK) of users: made, rotated, disabled, deleted. The secret leaves the server once."""

import json
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update

from wherry.identity.errors import AccessKeyUnknown, InvalidAccessKey, TooManyAccessKeys
from wherry.identity.login_keys import login_key, login_key_hash
from wherry.identity.tables import access_keys, users
from wherry.kit.secrets import Sealer

# Enough for a rotation of many programs, few enough to look through.
MAX_KEYS = 100
SHORTEST, LONGEST = timedelta(minutes=15), timedelta(hours=24)
OVERLAP, LONGEST_OVERLAP = timedelta(hours=24), timedelta(days=30)
# Far from where calendars end: what is added to an expiry is still one.
LONGEST_LIFE = timedelta(days=36_525)
_ID_LENGTH = 20
_SECRET_LENGTH = 40


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key without its secret. `scope` maps organizations and images to levels; None is no limit."""

    id: str
    user: str
    name: str
    scope: Mapping[str, int] | None
    expires_at: datetime | None
    is_disabled: bool
    created_at: datetime
    last_used_at: datetime | None
    last_used_from: str | None


@dataclass(frozen=True, slots=True)
class NewAccessKey:
    """A key as it is made: the only time that its secret is there."""

    id: str
    secret: str
    expires_at: datetime | None = None


def create_access_key(
    tx: Connection,
    sealer: Sealer,
    user_id: int,
    name: str,
    now: datetime,
    *,
    scope: Mapping[str, int] | None = None,
    expires_at: datetime | None = None,
) -> NewAccessKey:
    """Raises `TooManyAccessKeys`, `InvalidAccessKey`."""
    _check_name(name)
    if expires_at is not None and not now < expires_at <= now + LONGEST_LIFE:
        raise InvalidAccessKey("an access key expires in the future, within a hundred years")
    held = select(func.count()).select_from(access_keys).where(*_lasting(user_id))
    if tx.execute(held).scalar_one() >= MAX_KEYS:
        raise TooManyAccessKeys(MAX_KEYS)
    return _insert(tx, sealer, user_id, name, now, scope, expires_at, is_temporary=False)


def rotate_access_key(
    tx: Connection,
    sealer: Sealer,
    key_id: str,
    now: datetime,
    *,
    overlap: timedelta = OVERLAP,
    expires_at: datetime | None = None,
) -> NewAccessKey:
    """A new key of the same owner, name and scope; the old one works for `overlap` more, and then no longer.

    Without `expires_at` the new one lives for as long as the old one was to. Temporary logins that the old
    one has got end with it. Raises `AccessKeyUnknown`, `InvalidAccessKey`, `TooManyAccessKeys`.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise InvalidAccessKey(f"both keys work side by side for 0 to {LONGEST_OVERLAP.days} days")
    owner = tx.execute(_OWNER.where(access_keys.c.id == key_id)).scalar_one_or_none()
    if owner is None:
        raise AccessKeyUnknown(key_id)
    old = get_access_key(tx, key_id)
    if old.is_disabled:
        raise InvalidAccessKey(f"the access key {key_id} is disabled; enable it, or make a new one")
    if old.expires_at is not None and old.expires_at <= now:
        raise InvalidAccessKey(f"the access key {key_id} has expired; make a new one")
    if expires_at is None and old.expires_at is not None:
        expires_at = now + (old.expires_at - old.created_at)
    new = create_access_key(tx, sealer, owner, old.name, now, scope=old.scope, expires_at=expires_at)
    ends = int((now + overlap).timestamp())
    ending = or_(access_keys.c.id == key_id, access_keys.c.made_by == key_id)
    later = or_(access_keys.c.expires.is_(None), access_keys.c.expires > ends)
    tx.execute(update(access_keys).where(ending, later).values(expires=ends))
    return new


def create_temporary_login(
    tx: Connection,
    sealer: Sealer,
    user_id: int,
    lifetime: timedelta,
    now: datetime,
    scope: Mapping[str, int] | None = None,
    made_by: str | None = None,
) -> NewAccessKey:
    """A key that lives for 15 minutes to 24 hours and is listed nowhere.

    It ends with the key `made_by` that asked for it, however that one ends. Raises `InvalidAccessKey`.
    """
    if not SHORTEST <= lifetime <= LONGEST:
        raise InvalidAccessKey("a temporary login lives for 900 to 86400 seconds")
    outlived = (access_keys.c.is_temporary, access_keys.c.expires < int(now.timestamp()))
    tx.execute(delete(access_keys).where(*outlived))
    ends = now + lifetime
    parent = None if made_by is None else get_access_key(tx, made_by)
    if parent is not None and parent.expires_at is not None:
        ends = min(ends, parent.expires_at)
    return _insert(
        tx, sealer, user_id, "temporary login", now, scope, ends, is_temporary=True, made_by=made_by
    )


def _insert(
    tx: Connection,
    sealer: Sealer,
    user_id: int,
    name: str,
    now: datetime,
    scope: Mapping[str, int] | None,
    expires_at: datetime | None,
    *,
    is_temporary: bool,
    made_by: str | None = None,
) -> NewAccessKey:
    key_id = _random(_ID_LENGTH, string.ascii_uppercase + string.digits)
    key = NewAccessKey(key_id, _random(_SECRET_LENGTH), expires_at)
    tx.execute(
        insert(access_keys).values(
            id=key.id,
            user_id=user_id,
            name=name,
            sealed_secret=sealer.seal(key.secret.encode()),
            login_key_hash=login_key_hash(login_key(key.id, key.secret)),
            scope=None if scope is None else json.dumps(dict(scope)),
            expires=None if expires_at is None else int(expires_at.timestamp()),
            is_disabled=False,
            is_temporary=is_temporary,
            made_by=made_by,
            created_at=now,
        )
    )
    return key


def list_access_keys(tx: Connection, user: str | None = None) -> tuple[AccessKey, ...]:
    """All keys, or those of one user, the oldest first."""
    query = _KEYS.where(access_keys.c.is_temporary.is_(False)).order_by(
        access_keys.c.created_at, access_keys.c.id
    )
    rows = tx.execute(query if user is None else query.where(users.c.name == user))
    return tuple(_key(row) for row in rows)


def get_access_key(tx: Connection, key_id: str) -> AccessKey:
    """Raises `AccessKeyUnknown`."""
    row = tx.execute(_KEYS.where(access_keys.c.id == key_id)).one_or_none()
    if row is None:
        raise AccessKeyUnknown(key_id)
    return _key(row)


def get_key_of(tx: Connection, user_id: int, key_id: str) -> AccessKey:
    """The user's own access key; a temporary login is none. Raises `AccessKeyUnknown`."""
    row = tx.execute(_KEYS.where(access_keys.c.id == key_id, *_lasting(user_id))).one_or_none()
    if row is None:
        raise AccessKeyUnknown(key_id)
    return _key(row)


def list_keys_of(tx: Connection, user_id: int) -> tuple[AccessKey, ...]:
    """The user's access keys, at most `MAX_KEYS`, the oldest first."""
    rows = tx.execute(_KEYS.where(*_lasting(user_id)).order_by(access_keys.c.created_at, access_keys.c.id))
    return tuple(_key(row) for row in rows)


def rename_key(tx: Connection, key_id: str, name: str) -> None:
    """Raises `AccessKeyUnknown`, `InvalidAccessKey`."""
    _check_name(name)
    change = update(access_keys).where(access_keys.c.id == key_id).values(name=name)
    _require(tx.execute(change).rowcount, key_id)


def set_key_disabled(tx: Connection, key_id: str, disabled: bool) -> None:
    """Takes effect with the next request, also on tokens and temporary logins that it has got.

    Raises `AccessKeyUnknown`.
    """
    change = update(access_keys).where(access_keys.c.id == key_id).values(is_disabled=disabled)
    _require(tx.execute(change).rowcount, key_id)
    if disabled:
        tx.execute(delete(access_keys).where(access_keys.c.made_by == key_id))


def delete_access_key(tx: Connection, key_id: str) -> None:
    """It goes with the temporary logins that it has got. Raises `AccessKeyUnknown`."""
    _require(tx.execute(delete(access_keys).where(access_keys.c.id == key_id)).rowcount, key_id)


def record_use(tx: Connection, key_id: str, address: str, now: datetime) -> None:
    """When and from where the key was used last; one that is gone meanwhile is no error."""
    tx.execute(
        update(access_keys).where(access_keys.c.id == key_id).values(last_used_at=now, last_used_from=address)
    )


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= 64 or not name.isprintable():
        raise InvalidAccessKey("the name of an access key has 1 to 64 printable characters")


def _lasting(user_id: int) -> tuple[ColumnElement[bool], ...]:
    return (access_keys.c.user_id == user_id, access_keys.c.is_temporary.is_(False))


def _require(changed: int, key_id: str) -> None:
    if changed == 0:
        raise AccessKeyUnknown(key_id)


def _random(length: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


def _key(row: Sequence[Any]) -> AccessKey:
    scope, expires = row[3], row[4]
    return AccessKey(
        id=row[0],
        user=row[1],
        name=row[2],
        scope=None if scope is None else json.loads(scope),
        expires_at=None if expires is None else datetime.fromtimestamp(expires, tz=UTC),
        is_disabled=row[5],
        created_at=row[6],
        last_used_at=row[7],
        last_used_from=row[8],
    )


_KEYS = select(
    access_keys.c.id,
    users.c.name,
    access_keys.c.name,
    access_keys.c.scope,
    access_keys.c.expires,
    access_keys.c.is_disabled,
    access_keys.c.created_at,
    access_keys.c.last_used_at,
    access_keys.c.last_used_from,
).join(users, users.c.id == access_keys.c.user_id)
_OWNER = select(access_keys.c.user_id).where(access_keys.c.is_temporary.is_(False))
