"""Tags with what people want to see of them: digest, kind, size, times. Four queries for any page."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from wherry.oci import media_types
from wherry.oci.names import RepositoryName, Tag
from wherry.registry.errors import ManifestUnknown
from wherry.registry.repositories import get_repository
from wherry.registry.tables import blobs, manifest_contents, manifest_references, manifests, tags


class TagOrder(StrEnum):
    """What a list of tags is sorted by."""

    NAME = "name"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class TagDetails:
    """`size` is what a pull transfers: config and layers, of an index all its platforms'. In bytes."""

    name: str
    digest: str
    media_type: str
    content: bytes
    size: int
    pushed_at: datetime
    moved_at: datetime

    @property
    def is_index(self) -> bool:
        return self.media_type in media_types.INDEXES

    @property
    def config_digest(self) -> str | None:
        """The digest of the image's config, which Docker calls the image id."""
        config = json.loads(self.content).get("config")
        return None if config is None else str(config["digest"])


@dataclass(frozen=True, slots=True)
class TagPosition:
    """Where a list goes on, whether the tag that was there has moved since, is gone, or not."""

    moved_at: datetime
    name: str


@dataclass(frozen=True, slots=True)
class TagList:
    """A page by number, and how many there are in all."""

    items: tuple[TagDetails, ...]
    total: int


def list_tag_details(
    tx: Connection,
    name: RepositoryName,
    *,
    contains: str = "",
    order: TagOrder = TagOrder.MOVED,
    descending: bool = True,
    after: TagPosition | None = None,
    offset: int = 0,
    limit: int = 100,
) -> TagList:
    """Those whose name has `contains` in it, in upper or lower case; with `after` the ones behind it.

    The total is that of all pages. Raises `RepositoryUnknown`.
    """
    repository = get_repository(tx, name)
    wanted = [tags.c.repository_id == repository.id]
    if contains:
        wanted.append(func.lower(tags.c.name).contains(contains.lower(), autoescape=True))
    total = tx.execute(select(func.count()).select_from(tags).where(*wanted)).scalar_one()
    column = tags.c.name if order is TagOrder.NAME else tags.c.moved_at
    if after is not None:
        wanted.append(_behind(after, order, descending=descending))
    query = (
        _DETAILS.where(*wanted)
        .order_by(column.desc() if descending else column, tags.c.name)
        .offset(offset)
        .limit(limit)
    )
    return TagList(_details(tx, repository.id, query), total)


def _behind(after: TagPosition, order: TagOrder, *, descending: bool) -> ColumnElement[bool]:
    if order is TagOrder.NAME:
        return tags.c.name < after.name if descending else tags.c.name > after.name
    moved = tags.c.moved_at
    return or_(
        moved < after.moved_at if descending else moved > after.moved_at,
        and_(moved == after.moved_at, tags.c.name > after.name),
    )


def get_tag_details(tx: Connection, name: RepositoryName, tag: Tag) -> TagDetails:
    """Raises `RepositoryUnknown`, `ManifestUnknown`."""
    repository = get_repository(tx, name)
    query = _DETAILS.where(tags.c.repository_id == repository.id, tags.c.name == tag.text)
    found = _details(tx, repository.id, query)
    if not found:
        raise ManifestUnknown(name, tag)
    return found[0]


def _details(tx: Connection, repository_id: int, query: Select[Any]) -> tuple[TagDetails, ...]:
    rows: Sequence[Any] = tx.execute(query).all()
    sizes = pull_sizes(tx, repository_id, {row[1] for row in rows})
    return tuple(
        TagDetails(row[0], row[1], row[2], row[3], sizes.get(row[1], 0), row[4], row[5]) for row in rows
    )


def pull_sizes(tx: Connection, repository_id: int, digests: Collection[str]) -> dict[str, int]:
    """Bytes of the blobs below each manifest, through at most one level of index."""
    below = (
        select(manifest_references.c.manifest, manifest_references.c.target)
        .where(
            manifest_references.c.repository_id == repository_id, manifest_references.c.manifest.in_(digests)
        )
        .subquery()
    )
    deeper = manifest_references.alias()
    direct = select(below.c.manifest.label("top"), blobs.c.digest, blobs.c.size).join(
        blobs, blobs.c.digest == below.c.target
    )
    indirect = (
        select(below.c.manifest.label("top"), blobs.c.digest, blobs.c.size)
        .join(deeper, (deeper.c.manifest == below.c.target) & (deeper.c.repository_id == repository_id))
        .join(blobs, blobs.c.digest == deeper.c.target)
    )
    # A union drops what several platforms share: it is stored, and pulled, once.
    every = direct.union(indirect).subquery()
    rows = tx.execute(select(every.c.top, func.sum(every.c.size)).group_by(every.c.top))
    return {row[0]: int(row[1]) for row in rows}


_DETAILS: Select[Any] = (
    select(
        tags.c.name,
        manifests.c.digest,
        manifests.c.media_type,
        manifest_contents.c.content,
        manifests.c.pushed_at,
        tags.c.moved_at,
    )
    .join(
        manifests, (manifests.c.repository_id == tags.c.repository_id) & (manifests.c.digest == tags.c.digest)
    )
    .join(manifest_contents, manifest_contents.c.digest == manifests.c.digest)
)
