"""Repositories with what people want to see of them: size, tags, times, whose; filtered and sorted."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select

from wherry.identity.tables import organizations, users
from wherry.oci.names import RepositoryName
from wherry.registry.errors import RepositoryUnknown
from wherry.registry.pull_counts import PULLS
from wherry.registry.tables import blobs, pull_counts, repositories, repository_blobs, tags
from wherry.registry.visible import ids_visible_to, inside


class RepositoryOrder(StrEnum):
    """What a list of repositories is sorted by."""

    NAME = "name"
    UPDATED = "updated"
    TAGS = "tags"
    MADE = "made"
    VISIBILITY = "visibility"


@dataclass(frozen=True, slots=True)
class RepositoryDetails:
    """`size` is that of all blobs, each counted once, in bytes; `pulls` as `pull_counts` counts them."""

    id: int
    name: RepositoryName
    organization_id: int
    is_public: bool
    category: str
    description: str
    creator: str | None
    creator_id: int | None
    created_at: datetime
    updated_at: datetime
    tag_count: int
    size: int
    pulls: int


@dataclass(frozen=True, slots=True)
class RepositoryFilter:
    """What a list is narrowed to; None and empty texts narrow nothing.

    `contains` looks at the whole name, `part` behind its organization, both without regard to case;
    `within` has names of organizations and images.
    """

    organization: str | None = None
    contains: str = ""
    part: str = ""
    category: str | None = None
    is_public: bool | None = None
    visible_to: int | None = None
    names: tuple[str, ...] | None = None
    within: Collection[str] | None = None
    after_id: int | None = None


@dataclass(frozen=True, slots=True)
class RepositoryList:
    """A page by number, and how many there are in all."""

    items: tuple[RepositoryDetails, ...]
    total: int


@dataclass(frozen=True, slots=True)
class RepositorySums:
    """`size` counts a blob once for each repository that has it."""

    repositories: int
    tags: int
    size: int


def list_repository_details(
    tx: Connection,
    narrowed: RepositoryFilter,
    *,
    order: RepositoryOrder = RepositoryOrder.UPDATED,
    descending: bool = True,
    offset: int = 0,
    limit: int = 100,
) -> RepositoryList:
    """A page of the repositories that pass the filter."""
    conditions = _conditions(tx, narrowed)
    total = tx.execute(
        select(func.count()).select_from(repositories.join(organizations)).where(*conditions)
    ).scalar_one()
    column = {
        RepositoryOrder.NAME: repositories.c.name,
        RepositoryOrder.UPDATED: _UPDATED,
        RepositoryOrder.TAGS: _TAG_COUNT,
        RepositoryOrder.MADE: repositories.c.id,
        RepositoryOrder.VISIBILITY: repositories.c.is_public,
    }[order]
    sorting = (column.desc() if descending else column, repositories.c.name)
    # What a row shows is worked out for the rows of the page alone.
    page = (
        select(repositories.c.id)
        .select_from(repositories.join(organizations))
        .where(*conditions)
        .order_by(*sorting)
        .offset(offset)
        .limit(limit)
    )
    query = _DETAILS.where(repositories.c.id.in_(page)).order_by(*sorting)
    return RepositoryList(tuple(_repository(row) for row in tx.execute(query)), total)


def get_repository_details(tx: Connection, name: RepositoryName) -> RepositoryDetails:
    """Raises `RepositoryUnknown`."""
    row = tx.execute(_DETAILS.where(repositories.c.name == name.text)).one_or_none()
    if row is None:
        raise RepositoryUnknown(name)
    return _repository(row)


def sum_repositories(tx: Connection, narrowed: RepositoryFilter) -> RepositorySums:
    """Sums over the repositories that pass the filter."""
    each = (
        select(_TAG_COUNT.label("tags"), _SIZE.label("size"))
        .select_from(repositories.join(organizations))
        .where(*_conditions(tx, narrowed))
        .subquery()
    )
    row = tx.execute(
        select(func.count(), func.sum(each.c.tags), func.sum(each.c.size)).select_from(each)
    ).one()
    return RepositorySums(row[0], int(row[1] or 0), int(row[2] or 0))


def sent_by_day(tx: Connection, narrowed: RepositoryFilter, since: str = "") -> tuple[tuple[str, int], ...]:
    """Bytes pulled from the repositories that pass the filter, by days such as 2026-01-31 from `since` on."""
    rows = tx.execute(
        select(pull_counts.c.day, func.sum(pull_counts.c.bytes))
        .select_from(pull_counts.join(repositories).join(organizations))
        .where(*_conditions(tx, narrowed), pull_counts.c.day >= since)
        .group_by(pull_counts.c.day)
        .order_by(pull_counts.c.day)
    )
    return tuple((row[0], int(row[1])) for row in rows)


def _conditions(tx: Connection, narrowed: RepositoryFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if narrowed.organization is not None:
        conditions.append(organizations.c.name == narrowed.organization)
    if narrowed.contains:
        # Names are lowercase; SQLite's LIKE would find them by other spellings, PostgreSQL's would not.
        conditions.append(repositories.c.name.contains(narrowed.contains.lower(), autoescape=True))
    if narrowed.part:
        part = narrowed.part.lower()
        bare = repositories.c.name.not_like("%/%") & repositories.c.name.contains(part, autoescape=True)
        # The first slash is the organization's end, as that has none.
        text = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        conditions.append(or_(bare, repositories.c.name.like(f"%/%{text}%", escape="\\")))
    if narrowed.category is not None:
        conditions.append(repositories.c.category == narrowed.category)
    if narrowed.is_public is not None:
        conditions.append(repositories.c.is_public.is_(narrowed.is_public))
    if narrowed.visible_to is not None:
        conditions.append(repositories.c.id.in_(ids_visible_to(tx, narrowed.visible_to)))
    if narrowed.names is not None:
        conditions.append(repositories.c.name.in_(narrowed.names))
    if narrowed.within is not None:
        conditions.append(inside(narrowed.within))
    if narrowed.after_id is not None:
        conditions.append(repositories.c.id > narrowed.after_id)
    return conditions


def _repository(row: Any) -> RepositoryDetails:
    moved_at = row[11]
    return RepositoryDetails(
        id=row[0],
        name=RepositoryName(row[1]),
        organization_id=row[2],
        is_public=row[3],
        category=row[4],
        description=row[5],
        creator=row[6],
        creator_id=row[7],
        created_at=row[8],
        updated_at=row[8] if moved_at is None else moved_at,
        tag_count=row[9],
        size=int(row[10] or 0),
        pulls=int(row[12]),
    )


_TAG_COUNT = (
    select(func.count()).select_from(tags).where(tags.c.repository_id == repositories.c.id).scalar_subquery()
)
_SIZE = (
    select(func.sum(blobs.c.size))
    .select_from(repository_blobs.join(blobs))
    .where(repository_blobs.c.repository_id == repositories.c.id)
    .scalar_subquery()
)
_MOVED = select(func.max(tags.c.moved_at)).where(tags.c.repository_id == repositories.c.id).scalar_subquery()
_UPDATED = func.coalesce(_MOVED, repositories.c.created_at)

_DETAILS = select(
    repositories.c.id,
    repositories.c.name,
    repositories.c.organization_id,
    repositories.c.is_public,
    repositories.c.category,
    repositories.c.description,
    users.c.name,
    users.c.id,
    repositories.c.created_at,
    _TAG_COUNT,
    _SIZE,
    _MOVED,
    PULLS,
).select_from(repositories.join(organizations).outerjoin(users, users.c.id == repositories.c.created_by))
