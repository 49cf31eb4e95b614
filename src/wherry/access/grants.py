"""Rights given to users: granted, changed, revoked, listed. The highest one that applies counts."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, or_, select

from wherry.access.errors import InvalidGrant
from wherry.access.events import tell_of_right
from wherry.access.held import held
from wherry.access.levels import Level
from wherry.access.resources import Kind, Resource
from wherry.access.shares import SHARED
from wherry.access.tables import grants, team_grants
from wherry.db.fresh_rows import FreshRows
from wherry.db.pull_reader import Prepared
from wherry.db.upserts import put_row
from wherry.identity.tables import organizations, robots, users
from wherry.identity.users import name_of
from wherry.kit.clock import Clock
from wherry.oci.names import RepositoryName

SHARES_END_WITHIN = 5  # seconds


@dataclass(frozen=True, slots=True)
class Grant:
    """A right as it was given."""

    user: str
    user_id: int
    resource: Resource
    level: Level
    granted_at: datetime


class Standing:
    """Answers, on the hot path, which level a user has on an image."""

    def __init__(self, rows: FreshRows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self._level = Prepared(_LEVEL)
        self._shared = Prepared(SHARED)

    async def level(self, user_id: int, name: RepositoryName) -> Level:
        """The highest level given on the image or its organization; a share is worth `READ`.

        A share that ends, ends within five seconds. Raises `DatabaseUnavailable`.
        """
        row = await self._rows.row(
            self._level, user_id=user_id, image=name.text, organization=name.organization
        )
        if row is not None and row[0]:
            return Level(row[0])
        # Rounded, so that the question is the same one for a while and its answer is remembered.
        now = int(self._clock.now().timestamp()) // SHARES_END_WITHIN * SHARES_END_WITHIN
        shared = await self._rows.row(self._shared, user_id=user_id, image=name.text, now=now)
        return Level.NONE if shared is None else Level.READ


def grant(
    tx: Connection, user_id: int, resource: Resource, level: Level, granted_by: int | None, now: datetime
) -> None:
    """Give the right, in place of the one that the user had on the same resource. Raises `InvalidGrant`."""
    _refuse_beyond_robot(tx, user_id, resource)
    before = _given(tx, user_id, resource)
    row = {
        "user_id": user_id,
        "kind": resource.kind.value,
        "name": resource.name,
        "level": int(level),
        "granted_by": granted_by,
        "granted_at": now,
    }
    put_row(tx, grants, row)
    _tell(tx, user_id, resource, before, level, granted_by, now)


def revoke(tx: Connection, user_id: int, resource: Resource, revoked_by: int | None, now: datetime) -> bool:
    """Take the right back; False where there was none."""
    before = _given(tx, user_id, resource)
    gone = tx.execute(delete(grants).where(*_exactly(user_id, resource)))
    _tell(tx, user_id, resource, before, Level.NONE, revoked_by, now)
    return gone.rowcount > 0


def level_of(tx: Connection, user_id: int, name: RepositoryName, now: datetime) -> Level:
    """`Standing.level` within a transaction."""
    found = tx.execute(
        _LEVEL, {"user_id": user_id, "image": name.text, "organization": name.organization}
    ).scalar_one_or_none()
    if found:
        return Level(found)
    asked = {"user_id": user_id, "image": name.text, "now": int(now.timestamp())}
    return Level.NONE if tx.execute(SHARED, asked).first() is None else Level.READ


def level_on_organization(tx: Connection, user_id: int, organization: str) -> Level:
    """What was given on the whole organization."""
    found = tx.execute(
        select(func.max(held.c.level)).where(
            held.c.user_id == user_id,
            held.c.kind == Kind.ORGANIZATION.value,
            held.c.name == organization,
        )
    ).scalar_one_or_none()
    return Level(found) if found else Level.NONE


def forget_resource(tx: Connection, resource: Resource) -> None:
    """The resource is gone, and all rights on it."""
    for table in (grants, team_grants):
        tx.execute(delete(table).where(table.c.kind == resource.kind.value, table.c.name == resource.name))


def forget_images_of(tx: Connection, organization: str) -> None:
    """The organization is gone, and rights on images that it might have had with it."""
    for table in (grants, team_grants):
        theirs = table.c.name.startswith(f"{organization}/", autoescape=True)
        tx.execute(delete(table).where(table.c.kind == Kind.IMAGE.value, theirs))


def _exactly(user_id: int, resource: Resource) -> tuple[ColumnElement[bool], ...]:
    return (
        grants.c.user_id == user_id,
        grants.c.kind == resource.kind.value,
        grants.c.name == resource.name,
    )


def _given(tx: Connection, user_id: int, resource: Resource) -> Level:
    found = tx.execute(select(grants.c.level).where(*_exactly(user_id, resource))).scalar_one_or_none()
    return Level(found or 0)


def _tell(
    tx: Connection,
    user_id: int,
    resource: Resource,
    before: Level,
    after: Level,
    by: int | None,
    now: datetime,
) -> None:
    holder = name_of(tx, user_id) or ""
    tell_of_right(tx, resource, holder, is_team=False, before=before, after=after, user_id=by, now=now)


def _refuse_beyond_robot(tx: Connection, user_id: int, resource: Resource) -> None:
    """A right there would never count, and whoever gave it would wait for it in vain."""
    query = select(organizations.c.name).join(robots).where(robots.c.user_id == user_id)
    holder = tx.execute(query).scalar_one_or_none()
    if holder is not None and holder != resource.organization:
        raise InvalidGrant(f"a robot of {holder} has rights within {holder} only, not on {resource}")


def list_grants(
    tx: Connection, *, resource: Resource | None = None, user: str | None = None
) -> tuple[Grant, ...]:
    """Rights by resource and user; of one resource or of one user where that is asked."""
    query = (
        select(users.c.name, users.c.id, grants.c.kind, grants.c.name, grants.c.level, grants.c.granted_at)
        .join(users, users.c.id == grants.c.user_id)
        .order_by(grants.c.name, grants.c.kind, users.c.name)
    )
    if resource is not None:
        query = query.where(grants.c.kind == resource.kind.value, grants.c.name == resource.name)
    if user is not None:
        query = query.where(users.c.name == user)
    return tuple(
        Grant(row[0], row[1], Resource(Kind(row[2]), row[3]), Level(row[4]), row[5])
        for row in tx.execute(query)
    )


_ON_IMAGE = (held.c.kind == Kind.IMAGE.value) & (held.c.name == bindparam("image"))
_ON_ORGANIZATION = (held.c.kind == Kind.ORGANIZATION.value) & (held.c.name == bindparam("organization"))
_LEVEL = select(func.max(held.c.level)).where(
    held.c.user_id == bindparam("user_id"), or_(_ON_IMAGE, _ON_ORGANIZATION)
)
