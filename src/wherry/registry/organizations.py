"""Organizations with what belongs to them: the maker's right, and the images that keep one from going."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from wherry.access.grants import forget_images_of, forget_resource, grant
from wherry.access.levels import Level
from wherry.access.resources import Kind, Resource
from wherry.access.shares import forget_shares_with
from wherry.identity.organizations import Organization, get_organization
from wherry.identity.organizations import create_organization as make
from wherry.identity.robots import delete_robots_of
from wherry.identity.tables import organizations
from wherry.registry.errors import OrganizationNotEmpty
from wherry.registry.tables import repositories


def create_organization(tx: Connection, name: str, user_id: int, now: datetime) -> Organization:
    """Make it, and let its maker edit it. Raises as the function of `identity` does."""
    made = make(tx, name, user_id, now)
    grant(tx, user_id, Resource(Kind.ORGANIZATION, name), Level.EDIT, user_id, now)
    return made


def delete_organization(tx: Connection, name: str) -> None:
    """Remove it with the rights on it and on images not pushed yet: who makes another one of that name owes
    nobody anything. Raises `OrganizationUnknown`, `OrganizationNotEmpty`."""
    found = get_organization(tx, name)
    held = select(repositories.c.id).where(repositories.c.organization_id == found.id).limit(1)
    if tx.execute(held).first() is not None:
        raise OrganizationNotEmpty(name)
    forget_resource(tx, Resource(Kind.ORGANIZATION, name))
    forget_images_of(tx, name)
    forget_shares_with(tx, name)
    delete_robots_of(tx, name)
    tx.execute(delete(organizations).where(organizations.c.id == found.id))
