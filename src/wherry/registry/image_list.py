"""The images that somebody may see, page by page, with what a list shows of each.

Names come from `registry.visible`, which passes over nothing that is hidden. A filter looks through them in
batches, a bounded number for a page: a page may have fewer than asked for and still not be the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from wherry.access.decisions import Actor
from wherry.access.levels import Level
from wherry.access.standings import ImageStanding, standings_of
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import Repository, list_repositories
from wherry.registry.repository_details import (
    RepositoryDetails,
    RepositoryFilter,
    RepositoryOrder,
    get_repository_details,
    list_repository_details,
)
from wherry.registry.tables import repositories

BATCH = 1000
MAX_BATCHES = 10


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """None and empty texts narrow nothing. `contains` looks at the whole name, without regard to case;
    `level` is the least that one has by rights and shares."""

    organization: str | None = None
    contains: str = ""
    category: str | None = None
    is_public: bool | None = None
    level: Level | None = None

    @property
    def looks_at_each(self) -> bool:
        return bool(self.contains) or (self.category, self.is_public, self.level) != (None, None, None)


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image as a list shows it to one actor."""

    details: RepositoryDetails
    standing: ImageStanding


@dataclass(frozen=True, slots=True)
class ImageList:
    """`next_after` is the name that the next page begins behind; None at the end."""

    items: tuple[ListedImage, ...]
    next_after: str | None


def list_images(
    tx: Connection, actor: Actor, wanted: ImageFilter, now: datetime, *, after: str = "", size: int = 100
) -> ImageList:
    """By name; without a filter ten statements at the most, with one at the most sixty."""
    found, next_after = _found(tx, actor, wanted, now, after, size)
    names = tuple(each.name.text for each in found)
    page = list_repository_details(
        tx,
        RepositoryFilter(names=names),
        order=RepositoryOrder.NAME,
        descending=False,
        limit=max(1, len(names)),
    )
    standings = standings_of(tx, actor, [item.name for item in page.items], now)
    items = tuple(ListedImage(item, standings[item.name]) for item in page.items)
    return ImageList(items, next_after)


def _found(
    tx: Connection, actor: Actor, wanted: ImageFilter, now: datetime, after: str, size: int
) -> tuple[list[Repository], str | None]:
    """The repositories of the page, and where the next one begins."""
    found: list[Repository] = []
    batch = BATCH if wanted.looks_at_each else size
    for _ in range(MAX_BATCHES if wanted.looks_at_each else 1):
        page = list_repositories(
            tx,
            after=after,
            size=batch,
            visible_to=None if actor.sees_everything else actor.user_id,
            shared_at=now,
            within=None if actor.ceiling is None else tuple(actor.ceiling),
            organization=wanted.organization,
        )
        found += _fitting(tx, actor, wanted, now, page.items)
        if len(found) > size or (len(found) == size and page.more):
            return found[:size], found[size - 1].name.text
        if not page.more:
            return found, None
        after = page.items[-1].name.text
    return found, after


def _fitting(
    tx: Connection, actor: Actor, wanted: ImageFilter, now: datetime, found: Sequence[Repository]
) -> list[Repository]:
    part = wanted.contains.lower()
    fitting = [
        each
        for each in found
        if part in each.name.text and (wanted.is_public is None or each.is_public is wanted.is_public)
    ]
    if wanted.category is not None and fitting:
        of_category = select(repositories.c.id).where(
            repositories.c.id.in_([each.id for each in fitting]), repositories.c.category == wanted.category
        )
        ids = set(tx.execute(of_category).scalars())
        fitting = [each for each in fitting if each.id in ids]
    if wanted.level is not None and fitting:
        standings = standings_of(tx, actor, [each.name for each in fitting], now)
        fitting = [each for each in fitting if standings[each.name].level >= wanted.level]
    return fitting


def show_image(tx: Connection, actor: Actor, name: RepositoryName, now: datetime) -> ListedImage:
    """One of them. Raises `RepositoryUnknown`."""
    return ListedImage(get_repository_details(tx, name), standings_of(tx, actor, [name], now)[name])
