"""Referrers: manifests that name another one as their subject (distribution-spec, "Listing Referrers").

Clients that did not know the referrers API kept the same list as an index under a tag made of the digest;
what such an index names is included.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from wherry.kit.pages import Page
from wherry.oci import media_types
from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import find_repository
from wherry.registry.tables import manifest_contents, manifests, tags

# Characters of annotations on one page. Each manifest may bring megabytes of them; many clients read no index
# beyond 4 MiB, and a thousand such manifests in one answer would take gigabytes (CVE-2024-29902).
MAX_ANNOTATIONS = 3 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest as the referrers API describes it."""

    digest: str
    media_type: str
    size: int
    artifact_type: str | None
    annotations: Mapping[str, str]


def list_referrers(
    tx: Connection,
    name: RepositoryName,
    subject: Digest,
    *,
    artifact_type: str | None = None,
    after: str = "",
    size: int = 100,
) -> Page[Referrer]:
    """A page in the order of digests; empty where the repository or the subject is not there."""
    repository = find_repository(tx, name)
    if repository is None:
        return Page((), False)
    of_subject = manifests.c.subject == str(subject)
    fallback = _fallback_digests(tx, repository.id, subject)
    query = (
        select(
            manifests.c.digest,
            manifests.c.media_type,
            manifests.c.size,
            manifests.c.artifact_type,
            func.length(manifests.c.annotations),
        )
        .where(
            manifests.c.repository_id == repository.id,
            of_subject | manifests.c.digest.in_(fallback) if fallback else of_subject,
            manifests.c.digest > after,
        )
        .order_by(manifests.c.digest)
        .limit(size + 1)
    )
    if artifact_type is not None:
        query = query.where(manifests.c.artifact_type == artifact_type)
    rows = tx.execute(query).all()
    fitting = _fitting([row[4] for row in rows[:size]])
    annotations = _annotations(tx, repository.id, [row[0] for row in rows[:fitting]])
    items = tuple(Referrer(row[0], row[1], row[2], row[3], annotations[row[0]]) for row in rows[:fitting])
    return Page(items, more=len(rows) > fitting)


def fallback_tag(subject: Digest) -> str:
    """The tag that clients without the API use: algorithm cut to 32 characters, hex to 64."""
    return f"{subject.algorithm.value[:32]}-{subject.encoded[:64]}"


def _fitting(lengths: list[int]) -> int:
    """How many of them one answer may carry: at least one, so that a reader gets on."""
    room, count = MAX_ANNOTATIONS, 0
    for length in lengths:
        room -= length
        if count and room < 0:
            break
        count += 1
    return count


def _annotations(tx: Connection, repository_id: int, digests: list[str]) -> dict[str, dict[str, str]]:
    rows = tx.execute(
        select(manifests.c.digest, manifests.c.annotations).where(
            manifests.c.repository_id == repository_id, manifests.c.digest.in_(digests)
        )
    )
    return {digest: json.loads(annotations) for digest, annotations in rows}


def _fallback_digests(tx: Connection, repository_id: int, subject: Digest) -> list[str]:
    """What the fallback index names; only manifests that are still in the repository count in the end."""
    content = tx.execute(
        select(manifest_contents.c.content)
        .join(tags, tags.c.digest == manifest_contents.c.digest)
        .join(
            manifests,
            (manifests.c.digest == tags.c.digest) & (manifests.c.repository_id == tags.c.repository_id),
        )
        .where(
            tags.c.repository_id == repository_id,
            tags.c.name == fallback_tag(subject),
            manifests.c.media_type.in_(media_types.INDEXES),
        )
    ).scalar_one_or_none()
    if content is None:
        return []
    listed: list[dict[str, Any]] = json.loads(content).get("manifests") or []
    return [str(descriptor["digest"]) for descriptor in listed][:1000]
