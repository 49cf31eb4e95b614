"""Rights given to users: granted, changed, revoked, listed. The highest one that applies counts."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, or_, select

from wherry.access.levels import Level
from wherry.access.resources import Kind, Resource
from wherry.access.tables import grants
from wherry.db.fresh_rows import FreshRows
from wherry.db.pull_reader import Prepared
from wherry.db.upserts import put_row
from wherry.identity.tables import users
from wherry.oci.names import RepositoryName


@dataclass(frozen=True, slots=True)
class Grant:
    """A right as it was given."""

    user: str
    resource: Resource
    level: Level
    granted_at: datetime


class Standing:
    """Answers, on the hot path, which level a user has on an image."""

    def __init__(self, rows: FreshRows) -> None:
        self._rows = rows
        self._level = Prepared(_LEVEL)

    async def level(self, user_id: int, name: RepositoryName) -> Level:
        """The highest level that was given on the image or its organization. Raises `DatabaseUnavailable`."""
        row = await self._rows.row(
            self._level, user_id=user_id, image=name.text, organization=name.organization
        )
        return Level(row[0]) if row is not None and row[0] else Level.NONE


def grant(
    tx: Connection, user_id: int, resource: Resource, level: Level, granted_by: int | None, now: datetime
) -> None:
    """Give the right, in place of the one that the user had on the same resource."""
    row = {
        "user_id": user_id,
        "kind": resource.kind.value,
        "name": resource.name,
        "level": int(level),
        "granted_by": granted_by,
        "granted_at": now,
    }
    put_row(tx, grants, row)


def revoke(tx: Connection, user_id: int, resource: Resource) -> bool:
    """Take the right back; False where there was none."""
    gone = tx.execute(
        delete(grants).where(
            grants.c.user_id == user_id,
            grants.c.kind == resource.kind.value,
            grants.c.name == resource.name,
        )
    )
    return gone.rowcount > 0


def level_of(tx: Connection, user_id: int, name: RepositoryName) -> Level:
    """`Standing.level` within a transaction."""
    found = tx.execute(
        _LEVEL, {"user_id": user_id, "image": name.text, "organization": name.organization}
    ).scalar_one_or_none()
    return Level(found) if found else Level.NONE


def list_grants(
    tx: Connection, *, resource: Resource | None = None, user: str | None = None
) -> tuple[Grant, ...]:
    """Rights by resource and user; of one resource or of one user where that is asked."""
    query = (
        select(users.c.name, grants.c.kind, grants.c.name, grants.c.level, grants.c.granted_at)
        .join(users, users.c.id == grants.c.user_id)
        .order_by(grants.c.name, grants.c.kind, users.c.name)
    )
    if resource is not None:
        query = query.where(grants.c.kind == resource.kind.value, grants.c.name == resource.name)
    if user is not None:
        query = query.where(users.c.name == user)
    return tuple(
        Grant(row[0], Resource(Kind(row[1]), row[2]), Level(row[3]), row[4]) for row in tx.execute(query)
    )


_ON_IMAGE = (grants.c.kind == Kind.IMAGE.value) & (grants.c.name == bindparam("image"))
_ON_ORGANIZATION = (grants.c.kind == Kind.ORGANIZATION.value) & (grants.c.name == bindparam("organization"))
_LEVEL = select(func.max(grants.c.level)).where(
    grants.c.user_id == bindparam("user_id"), or_(_ON_IMAGE, _ON_ORGANIZATION)
)
