"""Organizations: the first part of a repository's name, and who made it."""

from datetime import datetime

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from wherry.identity.errors import OrganizationReserved
from wherry.identity.tables import organizations

# Paths of other faces, and the home of names without an organization.
RESERVED = frozenset({"manage", "library", "v2", "v3", "token"})
LIBRARY = "library"


def ensure_organization(tx: Connection, name: str, created_by: int | None, now: datetime) -> int:
    """The id of the organization `name`, which is made if it is not there."""
    query = select(organizations.c.id).where(organizations.c.name == name)
    known = tx.execute(query).scalar_one_or_none()
    if known is not None:
        return int(known)
    try:
        with tx.begin_nested():
            made = tx.execute(
                insert(organizations)
                .values(name=name, created_by=created_by, created_at=now)
                .returning(organizations.c.id)
            )
            return int(made.scalar_one())
    except IntegrityError:  # another replica made it in between
        return int(tx.execute(query).scalar_one())


def refuse_reserved(name: str) -> None:
    """Raises `OrganizationReserved` where `name` cannot be written as a repository's first part."""
    if name in RESERVED:
        raise OrganizationReserved(name)
