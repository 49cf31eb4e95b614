"""Organizations: the first part of a repository's name, and who made it."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from wherry.identity.errors import (
    InvalidOrganizationName,
    OrganizationExists,
    OrganizationReserved,
    OrganizationUnknown,
)
from wherry.identity.tables import organizations, users

# Paths of other faces, and the home of names without an organization.
RESERVED = frozenset({"manage", "library", "v2", "v3", "token"})
LIBRARY = "library"
MAX_NAME = 64

# SWR's rules: letters and digits, one separator between two of them. OCI's are wider, and organizations that
# were made under those stay as they are.
_NAME = re.compile(r"[a-z][a-z0-9]*(?:(?:\.|__|_|-+)[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Organization:
    """A holder of images. `creator` is None where the user is gone, or where nobody made it by hand."""

    id: int
    name: str
    creator: str | None
    created_at: datetime


def create_organization(tx: Connection, name: str, created_by: int | None, now: datetime) -> Organization:
    """Raises `InvalidOrganizationName`, `OrganizationReserved`, `OrganizationExists`."""
    _refuse_invalid(name)
    refuse_reserved(name)
    if find_organization(tx, name) is not None:
        raise OrganizationExists(name)
    ensure_organization(tx, name, created_by, now)
    return get_organization(tx, name)


def find_organization(tx: Connection, name: str) -> Organization | None:
    """The organization of that name."""
    row = tx.execute(_ORGANIZATIONS.where(organizations.c.name == name)).one_or_none()
    return None if row is None else Organization(row[0], row[1], row[2], row[3])


def get_organization(tx: Connection, name: str) -> Organization:
    """Raises `OrganizationUnknown`."""
    found = find_organization(tx, name)
    if found is None:
        raise OrganizationUnknown(name)
    return found


def list_organizations(tx: Connection) -> tuple[Organization, ...]:
    """All of them, by name; `library` is not one that anybody made."""
    rows = tx.execute(_ORGANIZATIONS.where(organizations.c.name != LIBRARY).order_by(organizations.c.name))
    return tuple(Organization(row[0], row[1], row[2], row[3]) for row in rows)


def ensure_organization(tx: Connection, name: str, created_by: int | None, now: datetime) -> int:
    """The id of the organization `name`, which is made if it is not there.

    Raises `InvalidOrganizationName`.
    """
    query = select(organizations.c.id).where(organizations.c.name == name)
    known = tx.execute(query).scalar_one_or_none()
    if known is not None:
        return int(known)
    if name != LIBRARY:
        _refuse_invalid(name)
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


def _refuse_invalid(name: str) -> None:
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise InvalidOrganizationName(name)


_ORGANIZATIONS = select(
    organizations.c.id, organizations.c.name, users.c.name, organizations.c.created_at
).outerjoin(users, users.c.id == organizations.c.created_by)
