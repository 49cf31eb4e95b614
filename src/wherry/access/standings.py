"""How somebody stands to each of many images, for lists: two statements, however many there are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, or_, select

from wherry.access.decisions import Actor, Image
from wherry.access.held import held
from wherry.access.levels import Level
from wherry.access.resources import Kind
from wherry.access.tables import shares
from wherry.oci.names import RepositoryName


@dataclass(frozen=True, slots=True)
class ImageStanding:
    """`level` is without what is public; `is_shared` tells that a share with their organization counts."""

    level: Level
    is_shared: bool


NOWHERE = ImageStanding(Level.NONE, is_shared=False)


def standings_of(
    tx: Connection, actor: Actor, names: Collection[RepositoryName], now: datetime
) -> Mapping[RepositoryName, ImageStanding]:
    """The level that a decision would rest on, and how it would be lowered by an access key's ceiling."""
    given = _given(tx, actor, names)
    shared = _shared(tx, actor, names, now)
    return {name: _standing(actor, name, given, shared) for name in names}


def _standing(
    actor: Actor, name: RepositoryName, given: Mapping[str, Level], shared: Collection[str]
) -> ImageStanding:
    is_shared = name.text in shared
    level = max(given.get(name.text, Level.NONE), given.get(_whole(name.organization), Level.NONE))
    if is_shared or actor.sees_everything:
        level = max(level, Level.READ)
    if actor.is_admin:
        level = Level.EDIT
    if actor.ceiling is not None:
        most = max(actor.ceiling.get(scope, 0) for scope in Image(name).scopes)
        level = min(level, Level(most))
    return ImageStanding(level, is_shared and level is not Level.NONE)


def _given(tx: Connection, actor: Actor, names: Collection[RepositoryName]) -> dict[str, Level]:
    """By the image's name, or by `_whole` of the organization's."""
    if actor.user_id is None or actor.is_admin:
        return {}
    images = {name.text for name in names}
    organizations = {name.organization for name in names}
    query = select(held.c.kind, held.c.name, held.c.level).where(
        held.c.user_id == actor.user_id,
        or_(
            (held.c.kind == Kind.IMAGE.value) & held.c.name.in_(images),
            (held.c.kind == Kind.ORGANIZATION.value) & held.c.name.in_(organizations),
        ),
    )
    found: dict[str, Level] = {}
    for kind, name, level in tx.execute(query):
        key = _whole(name) if kind == Kind.ORGANIZATION else name
        found[key] = max(Level(level), found.get(key, Level.NONE))
    return found


def _shared(tx: Connection, actor: Actor, names: Collection[RepositoryName], now: datetime) -> set[str]:
    if actor.user_id is None:
        return set()
    mine = select(held.c.name).where(held.c.user_id == actor.user_id, held.c.kind == Kind.ORGANIZATION.value)
    query = select(shares.c.image).where(
        shares.c.image.in_({name.text for name in names}),
        shares.c.organization.in_(mine),
        or_(shares.c.deadline.is_(None), shares.c.deadline > int(now.timestamp())),
    )
    return set(tx.execute(query).scalars())


def _whole(organization: str) -> str:
    """A key that no image has: an image of the library may have the name of an organization."""
    return f"{organization}/"
