"""What describes a repository: made by hand before its first push, and changed later."""

from datetime import datetime

from sqlalchemy import Connection, update

from wherry.identity.organizations import get_organization
from wherry.oci.names import RepositoryName
from wherry.registry.errors import (
    DescriptionTooLong,
    InvalidAttribute,
    RepositoryExists,
    RepositoryUnknown,
)
from wherry.registry.repositories import ensure_repository, find_repository
from wherry.registry.tables import repositories

# SWR's words.
CATEGORIES = frozenset(
    {"app_server", "linux", "framework_app", "database", "lang", "other", "windows", "arm"}
)
MAX_DESCRIPTION = 30_000


def create_repository(
    tx: Connection,
    name: RepositoryName,
    user_id: int,
    now: datetime,
    *,
    is_public: bool = False,
    category: str = "other",
    description: str = "",
) -> None:
    """Make an empty repository in an organization that is there.

    Raises `OrganizationUnknown`, `RepositoryExists`, `InvalidAttribute`.
    """
    get_organization(tx, name.organization)
    if find_repository(tx, name) is not None:
        raise RepositoryExists(name)
    ensure_repository(tx, name, user_id, now)
    change_repository(tx, name, is_public=is_public, category=category, description=description)


def change_repository(
    tx: Connection,
    name: RepositoryName,
    *,
    is_public: bool | None = None,
    category: str | None = None,
    description: str | None = None,
) -> None:
    """Change what is given. Raises `RepositoryUnknown`, `InvalidAttribute`."""
    if category is not None and category not in CATEGORIES:
        raise InvalidAttribute(f"{category[:40]!r} is no category; valid are {', '.join(sorted(CATEGORIES))}")
    if description is not None and len(description) > MAX_DESCRIPTION:
        raise DescriptionTooLong(MAX_DESCRIPTION)
    asked = {"is_public": is_public, "category": category, "description": description}
    values = {column: value for column, value in asked.items() if value is not None}
    if find_repository(tx, name) is None:
        raise RepositoryUnknown(name)
    if values:
        tx.execute(update(repositories).where(repositories.c.name == name.text).values(**values))
