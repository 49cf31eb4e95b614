"""Manifests of a repository page by page, by digest, each with the tags that point at it."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from wherry.identity.tables import users
from wherry.kit.pages import Page
from wherry.oci.artifact_kinds import ArtifactKind, kind_of, kind_of_tag
from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName
from wherry.registry.errors import ManifestUnknown
from wherry.registry.repositories import get_repository
from wherry.registry.tables import manifests, tags
from wherry.registry.tag_details import pull_sizes

# A manifest may have any number of tags; a list shows the first of them.
TAGS_SHOWN = 20
# Of a sigstore bundle they say what it is of; a manifest may have megabytes of them.
_ANNOTATIONS_READ = 8192


@dataclass(frozen=True, slots=True)
class ListedManifest:
    """`manifest_size` are its own bytes, `size` what a pull transfers; `tags` are the first ones."""

    digest: str
    media_type: str
    kind: ArtifactKind
    artifact_type: str | None
    subject: str | None
    manifest_size: int
    size: int
    pushed_at: datetime
    pushed_by: str | None
    tags: tuple[str, ...]
    tag_count: int


def page_of_manifests(
    tx: Connection, name: RepositoryName, *, tagged: bool | None = None, after: str = "", size: int = 100
) -> Page[ListedManifest]:
    """Those behind the digest `after`; with `tagged` only those with a tag, or without. Five statements.

    Raises `RepositoryUnknown`.
    """
    repository = get_repository(tx, name)
    query = _MANIFESTS.where(manifests.c.repository_id == repository.id, manifests.c.digest > after)
    if tagged is not None:
        has_tag = (
            select(tags.c.name)
            .where(tags.c.repository_id == repository.id, tags.c.digest == manifests.c.digest)
            .exists()
        )
        query = query.where(has_tag if tagged else ~has_tag)
    rows = tx.execute(query.order_by(manifests.c.digest).limit(size + 1)).all()
    return Page(_listed(tx, repository.id, rows[:size]), len(rows) > size)


def get_listed_manifest(tx: Connection, name: RepositoryName, digest: Digest) -> ListedManifest:
    """Raises `RepositoryUnknown`, `ManifestUnknown`."""
    repository = get_repository(tx, name)
    one = _MANIFESTS.where(manifests.c.repository_id == repository.id, manifests.c.digest == str(digest))
    found = _listed(tx, repository.id, tx.execute(one).all())
    if not found:
        raise ManifestUnknown(name, digest)
    return found[0]


def _listed(tx: Connection, repository_id: int, rows: Sequence[Any]) -> tuple[ListedManifest, ...]:
    digests = [row[0] for row in rows]
    sizes = pull_sizes(tx, repository_id, digests)
    shown, counts = _tags(tx, repository_id, digests)
    return tuple(
        ListedManifest(
            digest=row[0],
            media_type=row[1],
            kind=_kind(row, shown.get(row[0], [])),
            artifact_type=row[3],
            subject=row[4],
            manifest_size=row[2],
            size=sizes.get(row[0], 0),
            pushed_at=row[6],
            pushed_by=row[7],
            tags=tuple(shown.get(row[0], ())),
            tag_count=counts.get(row[0], 0),
        )
        for row in rows
    )


def _kind(row: Any, tag_names: Sequence[str]) -> ArtifactKind:
    for name in tag_names:
        made = kind_of_tag(name)
        if made is not None:
            return made
    try:
        annotations = json.loads(row[5])
    except ValueError:  # cut off
        annotations = {}
    return kind_of(row[1], row[3], annotations)


def _tags(
    tx: Connection, repository_id: int, digests: Collection[str]
) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The first tags of each, and how many there are."""
    place = func.row_number().over(partition_by=tags.c.digest, order_by=tags.c.name)
    count = func.count().over(partition_by=tags.c.digest)
    every = (
        select(tags.c.digest, tags.c.name, place.label("place"), count.label("many"))
        .where(tags.c.repository_id == repository_id, tags.c.digest.in_(digests))
        .subquery()
    )
    rows = tx.execute(
        select(every.c.digest, every.c.name, every.c.many)
        .where(every.c.place <= TAGS_SHOWN)
        .order_by(every.c.digest, every.c.name)
    )
    shown: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    for digest, name, many in rows:
        shown.setdefault(digest, []).append(name)
        counts[digest] = many
    return shown, counts


_MANIFESTS: Select[Any] = select(
    manifests.c.digest,
    manifests.c.media_type,
    manifests.c.size,
    manifests.c.artifact_type,
    manifests.c.subject,
    func.substr(manifests.c.annotations, 1, _ANNOTATIONS_READ),
    manifests.c.pushed_at,
    users.c.name,
).outerjoin(users, users.c.id == manifests.c.pushed_by)
