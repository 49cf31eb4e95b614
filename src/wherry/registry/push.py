"""Pushing a manifest, in one transaction: what it names must be here, its bytes are kept, its tags move."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Insert, Select, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from wherry.db.upserts import insert_new, insert_or_lock
from wherry.events.outbox import append, append_all
from wherry.identity.tables import users
from wherry.identity.users import name_of
from wherry.oci import media_types
from wherry.oci.digests import Digest
from wherry.oci.manifests import Descriptor, Manifest
from wherry.oci.names import RepositoryName, Tag
from wherry.registry.errors import ReferenceSizeWrong, ReferencesUnknown
from wherry.registry.events import ManifestPushed, TagMoved
from wherry.registry.repositories import ensure_repository
from wherry.registry.tables import (
    blobs,
    manifest_contents,
    manifest_references,
    manifests,
    repository_blobs,
    tags,
)

# Below what the databases take as parameters of one statement.
_AT_ONCE = 500

_MANIFEST_TYPES = media_types.IMAGES | media_types.INDEXES


@dataclass(frozen=True, slots=True)
class PushedManifest:
    """A manifest as it came in: `content` are the bytes to keep, `view` what they say."""

    digest: Digest
    content: bytes
    view: Manifest


def put_manifest(
    tx: Connection,
    name: RepositoryName,
    pushed: PushedManifest,
    tag_names: Sequence[Tag],
    user_id: int,
    now: datetime,
    *,
    sparse: bool = False,
) -> None:
    """Keep the manifest and point the tags at it; pushing the same again changes nothing but the tags.

    With `sparse`, content that it names may be absent. Raises `ReferencesUnknown`, `ReferenceSizeWrong`,
    `OrganizationReserved`, `InvalidOrganizationName`.
    """
    repository_id = keep_manifest(tx, name, pushed, user_id, now, sparse=sparse)
    target = TagTarget(repository_id, name, str(pushed.digest), pushed.view.media_type)
    if tag_names:
        move_tags(tx, target, tag_names, user_id, now)
    else:
        event = ManifestPushed(name.text, target.digest, target.media_type, user_id, name_of(tx, user_id))
        append(tx, event.to_event(), now)


def keep_manifest(
    tx: Connection,
    name: RepositoryName,
    pushed: PushedManifest,
    user_id: int,
    now: datetime,
    *,
    sparse: bool = False,
) -> int:
    """`put_manifest` without a tag, and without telling anybody; answers the repository's id."""
    repository_id = ensure_repository(tx, name, user_id, now)
    view = pushed.view
    _check_references(tx, repository_id, view, sparse)
    digest = str(pushed.digest)
    insert_new(tx, manifest_contents, {"digest": digest, "content": pushed.content})
    # Locked, so that a delete of the same manifest comes before all of this or after it, never between.
    insert_or_lock(
        tx,
        manifests,
        {
            "repository_id": repository_id,
            "digest": digest,
            "media_type": view.media_type,
            "size": len(pushed.content),
            "artifact_type": view.artifact_type,
            "subject": None if view.subject is None else str(view.subject.digest),
            "annotations": json.dumps(dict(view.annotations)),
            "pushed_by": user_id,
            "pushed_at": now,
        },
    )
    targets = sorted({str(target.digest) for target in (*view.blobs, *view.children)})
    if targets:
        rows = [{"repository_id": repository_id, "manifest": digest, "target": target} for target in targets]
        insert_new(tx, manifest_references, *rows)
    return repository_id


@dataclass(frozen=True, slots=True)
class TagTarget:
    """A manifest that is in the repository, for tags to point at."""

    repository_id: int
    name: RepositoryName
    digest: str
    media_type: str


def move_tags(
    tx: Connection,
    target: TagTarget,
    tag_names: Iterable[Tag],
    user_id: int,
    now: datetime,
    *,
    is_retag: bool = False,
) -> None:
    """Point the tags at the manifest, and tell of each."""
    moves = []
    for tag in tag_names:
        row = {
            "repository_id": target.repository_id,
            "name": tag.text,
            "digest": target.digest,
            "moved_by": user_id,
            "moved_at": now,
            "mover": user_id,
        }
        # The row is held until the commit, so events of one tag get their ids in the order of its moves.
        previous, user = tx.execute(_MOVE[tx.dialect.name], row).one()
        moves.append(
            TagMoved(
                target.name.text,
                tag.text,
                target.digest,
                previous,
                target.media_type,
                is_retag,
                user_id,
                user,
            ).to_event()
        )
    append_all(tx, moves, now)


def _check_references(tx: Connection, repository_id: int, view: Manifest, sparse: bool) -> None:
    named_blobs = {str(descriptor.digest): descriptor for descriptor in view.blobs}
    named_manifests = {str(descriptor.digest): descriptor for descriptor in view.children}
    found_blobs = _blob_sizes(tx, repository_id, list(named_blobs))
    found_manifests = _manifest_sizes(tx, repository_id, list(named_manifests))
    # BuildKit keeps its cache as an index whose children are layers.
    layers = [
        key
        for key, named in named_manifests.items()
        if key not in found_manifests and named.media_type not in _MANIFEST_TYPES
    ]
    found_manifests |= _blob_sizes(tx, repository_id, layers)
    missing = [named.digest for key, named in named_blobs.items() if key not in found_blobs]
    missing += [named.digest for key, named in named_manifests.items() if key not in found_manifests]
    if missing and not sparse:
        raise ReferencesUnknown(tuple(missing))
    _check_sizes(view.blobs, found_blobs)
    _check_sizes(view.children, found_manifests)


def _check_sizes(named: Iterable[Descriptor], sizes: dict[str, int]) -> None:
    for descriptor in named:
        actual = sizes.get(str(descriptor.digest), descriptor.size)
        if actual != descriptor.size:
            raise ReferenceSizeWrong(descriptor.digest, descriptor.size, actual)


def _blob_sizes(tx: Connection, repository_id: int, digests: list[str]) -> dict[str, int]:
    """Sizes of those that the repository has; the links are locked until the commit, against a delete."""
    return _sizes(tx, _BLOB_SIZES, repository_id, digests)


def _manifest_sizes(tx: Connection, repository_id: int, digests: list[str]) -> dict[str, int]:
    return _sizes(tx, _MANIFEST_SIZES, repository_id, digests)


def _sizes(tx: Connection, query: Select[Any], repository_id: int, digests: list[str]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for start in range(0, len(digests), _AT_ONCE):
        wanted = {"repository_id": repository_id, "digests": digests[start : start + _AT_ONCE]}
        sizes.update((row[0], row[1]) for row in tx.execute(query, wanted))
    return sizes


_BLOB_SIZES = (
    select(blobs.c.digest, blobs.c.size)
    .join(repository_blobs)
    .where(
        repository_blobs.c.repository_id == bindparam("repository_id"),
        repository_blobs.c.digest.in_(bindparam("digests", expanding=True)),
    )
    .with_for_update(read=True, of=repository_blobs)
)
_MANIFEST_SIZES = (
    select(manifests.c.digest, manifests.c.size)
    .where(
        manifests.c.repository_id == bindparam("repository_id"),
        manifests.c.digest.in_(bindparam("digests", expanding=True)),
    )
    .with_for_update(read=True)
)


def _move(insert: "sqlite.Insert | postgresql.Insert") -> Insert:
    """What the tag pointed at before, and the mover's name, come with the same statement."""
    names = ("digest", "moved_by", "moved_at")
    changed = {name: insert.excluded[name] for name in names} | {"previous_digest": tags.c.digest}
    mover = select(users.c.name).where(users.c.id == bindparam("mover")).scalar_subquery()
    return insert.on_conflict_do_update(
        index_elements=[tags.c.repository_id, tags.c.name], set_=changed
    ).returning(tags.c.previous_digest, mover)


_MOVE = {"sqlite": _move(sqlite.insert(tags)), "postgresql": _move(postgresql.insert(tags))}
