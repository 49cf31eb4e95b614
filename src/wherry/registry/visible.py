"""Which repositories somebody may see: a few walks along an index each, put together.

No walk passes over what the user may not see, so a page costs what it shows, however many private
repositories of others lie between. Which rights there are: `access.held`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal, or_, select, union

from wherry.access.held import held
from wherry.access.resources import Kind
from wherry.access.tables import shares
from wherry.identity.organizations import LIBRARY
from wherry.identity.tables import organizations
from wherry.registry.tables import repositories

# What a page of repositories shows.
COLUMNS = (repositories.c.id, repositories.c.name, repositories.c.is_public, repositories.c.created_at)

Rows = Sequence[Any]


@dataclass(frozen=True, slots=True)
class View:
    """Whose list it is.

    `user_id` None sees everything. With `shared_at` what is shared with the user at that time is in it.
    `within` are the organizations and images that an access key is for; what is public is seen all the same.
    With `organization` only its images are in the list.
    """

    user_id: int | None
    shared_at: datetime | None = None
    within: Collection[str] | None = None
    organization: str | None = None

    @property
    def is_whole(self) -> bool:
        """Nothing is hidden."""
        return self.user_id is None and self.within is None


def ids_visible_to(tx: Connection, user_id: int) -> Select[Any]:
    """Ids of what is public and of what the user has a right on, without what is shared with them; for other
    queries to narrow. One statement."""
    whole = _held_organizations(tx, user_id)
    every = union(
        select(repositories.c.id).where(repositories.c.is_public),
        select(repositories.c.id).where(repositories.c.name.in_(_held(user_id, Kind.IMAGE))),
        select(repositories.c.id).where(repositories.c.organization_id.in_(whole)),
    ).subquery()
    return select(every.c.id)


def visible_page(tx: Connection, view: View, after: str, size: int) -> Rows:
    """At most `size` rows of `COLUMNS` in ASCII order of the names behind `after`; three statements."""
    names = _Names.of(view, after)
    held_whole = None if view.user_id is None else _held_organizations(tx, view.user_id)
    walks = [_walk(names, size, names.behind(), repositories.c.is_public)]
    walks += [_walk(names, size, *conditions) for conditions in _by_name(view, names, held_whole)]
    whole, last = _organizations_of_the_page(tx, view, names, held_whole, size)
    if whole:
        walks.append(_walk(names, size, names.behind(), repositories.c.organization_id.in_(whole)))
    for organization in last:
        walks.append(_walk(names, size, names.behind(), repositories.c.organization_id == organization))
    every = union(*(select(walk.subquery()) for walk in walks)).subquery()
    return tx.execute(select(every).order_by(every.c.name).limit(size)).all()


@dataclass(frozen=True, slots=True)
class _Names:
    """The stretch of names that a page is cut from."""

    after: str
    before: str | None = None
    in_library: bool = False

    @classmethod
    def of(cls, view: View, after: str) -> "_Names":
        organization = view.organization
        if organization is None:
            return cls(after)
        if organization == LIBRARY:
            return cls(after, in_library=True)
        return cls(max(after, f"{organization}/"), f"{organization}0")  # 0 follows / in ASCII

    def behind(self, name: ColumnElement[str] = repositories.c.name) -> ColumnElement[bool]:
        return name > self.after if self.before is None else (name > self.after) & (name < self.before)


def _walk(names: _Names, size: int, *conditions: ColumnElement[bool]) -> Select[Any]:
    walk = select(*COLUMNS).where(*conditions).order_by(repositories.c.name).limit(size)
    return walk.where(repositories.c.name.not_like("%/%")) if names.in_library else walk


def _by_name(view: View, names: _Names, held_whole: list[int] | None) -> list[list[ColumnElement[bool]]]:
    """Conditions that single names fulfil.

    What is behind is told to the inner query alone: told twice, a database may walk along all names instead.
    """
    cut = [] if view.within is None else [inside(view.within)]
    found: list[list[ColumnElement[bool]]] = []
    if view.user_id is not None:
        images = _held(view.user_id, Kind.IMAGE).where(names.behind(held.c.name))
        found.append([repositories.c.name.in_(images), *cut])
        if view.shared_at is not None:
            shared = _shared(view.user_id, view.shared_at).where(names.behind(shares.c.image))
            found.append([repositories.c.name.in_(shared), *cut])
    if view.within is not None:
        named = [repositories.c.name.in_(_images_of(view.within)), names.behind()]
        if held_whole is not None:
            named.append(repositories.c.organization_id.in_(held_whole))
        found.append(named)
    return found


def _organizations_of_the_page(
    tx: Connection, view: View, names: _Names, held_whole: list[int] | None, size: int
) -> tuple[list[int], list[int]]:
    """Organizations that the user sees all of, as far as the page reaches: those that lie in it from end to
    end, and those that may reach beyond it.

    Names begin with their organization's: in their order one organization follows the other, but for the
    library, whose images lie between all others.
    """
    behind = (repositories.c.organization_id == organizations.c.id, names.behind())
    seen = select(organizations.c.id, organizations.c.name).where(
        select(literal(1)).where(*behind).correlate(organizations).exists()
    )
    if held_whole is not None:
        seen = seen.where(organizations.c.id.in_(held_whole))
    if view.within is not None:
        seen = seen.where(organizations.c.name.in_(view.within))
    if view.organization is not None:
        seen = seen.where(organizations.c.name == view.organization)
    next_ones = (
        seen.where(organizations.c.name != LIBRARY)
        .order_by(organizations.c.name + "/")
        .limit(size)
        .subquery()
    )
    library = seen.where(organizations.c.name == LIBRARY).subquery()
    found = union(select(next_ones), select(library)).subquery()
    some = (
        select(literal(1).label("one"))
        .where(repositories.c.organization_id == found.c.id, names.behind())
        .limit(size)
        .correlate(found)
        .subquery()
    )
    count = select(func.count()).select_from(some).scalar_subquery()
    rows = sorted(tx.execute(select(found.c.id, found.c.name, count)).all(), key=lambda row: f"{row[1]}/")
    whole, last, room = [], [], size
    for number, name, many in rows:
        if name == LIBRARY:
            last.append(number)
        elif many < room:
            whole.append(number)
            room -= many
        elif room > 0:
            last.append(number)
            room = 0
    return whole, last


def _held(user_id: int, kind: Kind) -> Select[Any]:
    """Names that the user has a right on, by themselves or by a team."""
    return select(held.c.name).where(held.c.user_id == user_id, held.c.kind == kind.value)


def _held_organizations(tx: Connection, user_id: int) -> list[int]:
    """Read before the question that needs them: a database that sees the numbers knows how many rows come."""
    mine = select(organizations.c.id).where(organizations.c.name.in_(_held(user_id, Kind.ORGANIZATION)))
    return list(tx.execute(mine).scalars())


def _shared(user_id: int, now: datetime) -> Select[Any]:
    return select(shares.c.image).where(
        shares.c.organization.in_(_held(user_id, Kind.ORGANIZATION)),
        or_(shares.c.deadline.is_(None), shares.c.deadline > int(now.timestamp())),
    )


def inside(within: Collection[str]) -> ColumnElement[bool]:
    """What a key's scope names: images with their organization, in the library too, and organizations."""
    of_organizations = select(organizations.c.id).where(organizations.c.name.in_(within))
    return or_(
        repositories.c.name.in_(_images_of(within)), repositories.c.organization_id.in_(of_organizations)
    )


def _images_of(within: Collection[str]) -> list[str]:
    return [name.removeprefix(f"{LIBRARY}/") for name in within if "/" in name]
