"""Tags page by page, in ASCII order, with what each of them points at; four statements for any page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from wherry.identity.tables import users
from wherry.kit.pages import Page
from wherry.oci.artifact_kinds import ArtifactKind, kind_of, kind_of_tag
from wherry.oci.names import RepositoryName, Tag
from wherry.registry.errors import ManifestUnknown
from wherry.registry.repositories import get_repository
from wherry.registry.tables import manifests, tags
from wherry.registry.tag_details import pull_sizes


@dataclass(frozen=True, slots=True)
class ListedTag:
    """`size` is what a pull transfers, of an index all its platforms'. `moved_by` gave the tag, `pushed_by`
    brought the manifest; None where that user is gone."""

    name: str
    digest: str
    media_type: str
    kind: ArtifactKind
    size: int
    pushed_at: datetime
    pushed_by: str | None
    moved_at: datetime
    moved_by: str | None


def page_of_tags(
    tx: Connection, name: RepositoryName, *, contains: str = "", after: str = "", size: int = 100
) -> Page[ListedTag]:
    """Those behind `after` that have `contains` in their name, in any case. Raises `RepositoryUnknown`."""
    repository = get_repository(tx, name)
    query = _TAGS.where(tags.c.repository_id == repository.id, tags.c.name > after)
    if contains:
        query = query.where(func.lower(tags.c.name).contains(contains.lower(), autoescape=True))
    rows = tx.execute(query.order_by(tags.c.name).limit(size + 1)).all()
    found = _listed(tx, repository.id, rows[:size])
    return Page(found, len(rows) > size)


def find_listed_tag(tx: Connection, name: RepositoryName, tag: Tag) -> ListedTag | None:
    """The tag as a list shows it. Raises `RepositoryUnknown`."""
    repository = get_repository(tx, name)
    rows = tx.execute(_TAGS.where(tags.c.repository_id == repository.id, tags.c.name == tag.text)).all()
    return next(iter(_listed(tx, repository.id, rows)), None)


def get_listed_tag(tx: Connection, name: RepositoryName, tag: Tag) -> ListedTag:
    """Raises `RepositoryUnknown`, `ManifestUnknown`."""
    found = find_listed_tag(tx, name, tag)
    if found is None:
        raise ManifestUnknown(name, tag)
    return found


def _listed(tx: Connection, repository_id: int, rows: Sequence[Any]) -> tuple[ListedTag, ...]:
    sizes = pull_sizes(tx, repository_id, {row[1] for row in rows})
    return tuple(
        ListedTag(
            name=row[0],
            digest=row[1],
            media_type=row[2],
            kind=kind_of_tag(row[0]) or kind_of(row[2], row[3]),
            size=sizes.get(row[1], 0),
            pushed_at=row[4],
            pushed_by=row[5],
            moved_at=row[6],
            moved_by=row[7],
        )
        for row in rows
    )


_pusher, _mover = users.alias("pusher"), users.alias("mover")
_TAGS: Select[Any] = (
    select(
        tags.c.name,
        manifests.c.digest,
        manifests.c.media_type,
        manifests.c.artifact_type,
        manifests.c.pushed_at,
        _pusher.c.name,
        tags.c.moved_at,
        _mover.c.name,
    )
    .join(
        manifests, (manifests.c.repository_id == tags.c.repository_id) & (manifests.c.digest == tags.c.digest)
    )
    .outerjoin(_pusher, _pusher.c.id == manifests.c.pushed_by)
    .outerjoin(_mover, _mover.c.id == tags.c.moved_by)
)
