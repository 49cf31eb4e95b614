"""Repositories: made by the first push, looked up, made public or private, listed page by page."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from wherry.events.outbox import append
from wherry.identity.organizations import LIBRARY, ensure_organization, refuse_reserved
from wherry.identity.tables import organizations
from wherry.identity.users import name_of
from wherry.kit.pages import Page
from wherry.oci.names import RepositoryName
from wherry.registry.errors import RepositoryUnknown
from wherry.registry.events import RepositoryCreated
from wherry.registry.tables import repositories
from wherry.registry.visible import COLUMNS, Rows, View, visible_page


@dataclass(frozen=True, slots=True)
class Repository:
    """A place that images of one name are kept in."""

    id: int
    name: RepositoryName
    is_public: bool
    created_at: datetime


def find_repository(tx: Connection, name: RepositoryName) -> Repository | None:
    """The repository of that name."""
    row = tx.execute(_REPOSITORIES.where(repositories.c.name == name.text)).one_or_none()
    return None if row is None else Repository(row[0], RepositoryName(row[1]), row[2], row[3])


def get_repository(tx: Connection, name: RepositoryName) -> Repository:
    """Raises `RepositoryUnknown`."""
    found = find_repository(tx, name)
    if found is None:
        raise RepositoryUnknown(name)
    return found


def ensure_repository(tx: Connection, name: RepositoryName, user_id: int | None, now: datetime) -> int:
    """The id of the repository, which is made, private, if it is not there.

    Raises `OrganizationReserved`, `InvalidOrganizationName`.
    """
    known = tx.execute(_ID, {"name": name.text}).scalar_one_or_none()
    if known is not None:
        return int(known)
    # Of a name without an organization too: `/v2/manage/…` is another face's.
    refuse_reserved(name.text.partition("/")[0])
    organization = ensure_organization(
        tx, name.organization, user_id if name.organization != LIBRARY else None, now
    )
    try:
        with tx.begin_nested():
            made = tx.execute(
                insert(repositories)
                .values(
                    name=name.text,
                    organization_id=organization,
                    is_public=False,
                    created_by=user_id,
                    created_at=now,
                )
                .returning(repositories.c.id)
            )
            repository_id = int(made.scalar_one())
            append(tx, RepositoryCreated(name.text, user_id, name_of(tx, user_id)).to_event(), now)
            return repository_id
    except IntegrityError:  # another replica made it in between
        return int(tx.execute(_ID, {"name": name.text}).scalar_one())


def set_public(tx: Connection, name: RepositoryName, is_public: bool) -> None:
    """Raises `RepositoryUnknown`. Takes effect with the next request."""
    changed = tx.execute(
        update(repositories).where(repositories.c.name == name.text).values(is_public=is_public)
    )
    if changed.rowcount == 0:
        raise RepositoryUnknown(name)


def list_repositories(
    tx: Connection,
    *,
    after: str = "",
    size: int = 100,
    only_public: bool = False,
    visible_to: int | None = None,
    shared_at: datetime | None = None,
    within: Collection[str] | None = None,
    organization: str | None = None,
) -> Page[Repository]:
    """A page in ASCII order of those behind `after`.

    With `visible_to` of those that are public or that this user was given a right on, with `shared_at` also
    of those shared with them at that time. With `within` of those that are public or that it names, by
    themselves or by their organization.
    """
    view = View(visible_to, shared_at, within, organization)
    found: Rows
    if only_public or view.is_whole:
        query = _REPOSITORIES.where(repositories.c.name > after).order_by(repositories.c.name)
        if only_public:
            query = query.where(repositories.c.is_public)
        if organization is not None:
            owner = select(organizations.c.id).where(organizations.c.name == organization).scalar_subquery()
            query = query.where(repositories.c.organization_id == owner)
        found = tx.execute(query.limit(size + 1)).all()
    else:
        found = visible_page(tx, view, after, size + 1)
    return Page.cut([Repository(row[0], RepositoryName(row[1]), row[2], row[3]) for row in found], size)


_REPOSITORIES = select(*COLUMNS)
_ID = select(repositories.c.id).where(repositories.c.name == bindparam("name"))
