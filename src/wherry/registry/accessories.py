"""What belongs to an image: its referrers, and what cosign keeps under tags made of the image's digest."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from wherry.oci.names import RepositoryName, Tag
from wherry.registry.errors import ManifestUnknown
from wherry.registry.repositories import get_repository
from wherry.registry.tables import manifests, tags

# What one image is asked for at the most; a list this long is a mistake somewhere.
MAX_ACCESSORIES = 1000

_SUFFIXES = ("sig", "att", "sbom")
_MADE_OF_DIGEST = re.compile(rf"(sha256|sha512)-([0-9a-f]{{64,128}})\.(?:{'|'.join(_SUFFIXES)})")


@dataclass(frozen=True, slots=True)
class Accessory:
    """A signature, an attestation, or another artifact; `tag` is None for a referrer without one."""

    tag: str | None
    digest: str
    target: str
    size: int
    artifact_type: str | None
    pushed_at: datetime


def list_accessories(tx: Connection, name: RepositoryName, tag: Tag) -> tuple[Accessory, ...]:
    """Those of the image that the tag points at. Raises `RepositoryUnknown`, `ManifestUnknown`."""
    repository_id, digest = _digest_of(tx, name, tag)
    made = [f"{digest.replace(':', '-')}.{suffix}" for suffix in _SUFFIXES]
    at_tag = (tags.c.repository_id == manifests.c.repository_id) & (tags.c.digest == manifests.c.digest)
    rows = tx.execute(
        select(
            tags.c.name,
            manifests.c.digest,
            manifests.c.size,
            manifests.c.artifact_type,
            manifests.c.pushed_at,
        )
        .select_from(manifests.outerjoin(tags, at_tag))
        .where(
            manifests.c.repository_id == repository_id,
            (manifests.c.subject == digest) | tags.c.name.in_(made),
        )
        .order_by(manifests.c.pushed_at, manifests.c.digest, tags.c.name)
        .limit(MAX_ACCESSORIES)
    )
    return tuple(Accessory(row[0], row[1], digest, row[2], row[3], row[4]) for row in rows)


def list_targets(
    tx: Connection, name: RepositoryName, tag: Tag, *, after: str = "", size: int = 10
) -> tuple[str, ...]:
    """Tags, behind `after`, of the image that the artifact under `tag` belongs to; none for an image.

    Raises `RepositoryUnknown`, `ManifestUnknown`.
    """
    repository_id, digest = _digest_of(tx, name, tag)
    made = _MADE_OF_DIGEST.fullmatch(tag.text)
    target = f"{made[1]}:{made[2]}" if made else None
    if target is None:
        target = tx.execute(
            select(manifests.c.subject).where(
                manifests.c.repository_id == repository_id, manifests.c.digest == digest
            )
        ).scalar_one()
    if target is None:
        return ()
    rows = tx.execute(
        select(tags.c.name)
        .where(tags.c.repository_id == repository_id, tags.c.digest == target, tags.c.name > after)
        .order_by(tags.c.name)
        .limit(size)
    )
    return tuple(row[0] for row in rows)


def _digest_of(tx: Connection, name: RepositoryName, tag: Tag) -> tuple[int, str]:
    repository = get_repository(tx, name)
    digest = tx.execute(
        select(tags.c.digest).where(tags.c.repository_id == repository.id, tags.c.name == tag.text)
    ).scalar_one_or_none()
    if digest is None:
        raise ManifestUnknown(name, tag)
    return repository.id, digest
