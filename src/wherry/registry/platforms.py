"""For which platforms an image is there: of an index by its own word, of one image by its config."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from wherry.oci.artifact_kinds import IMAGE_CONFIGS
from wherry.oci.digests import Digest
from wherry.oci.image_configs import text_of
from wherry.oci.names import Reference, RepositoryName, Tag
from wherry.registry.tables import blobs, manifest_contents, manifests, repositories, repository_blobs, tags


@dataclass(frozen=True, slots=True)
class Platforms:
    """`architectures` of Linux, such as `amd64`; where there are none, the config at this location knows."""

    architectures: frozenset[str]
    config: str | None
    config_digest: Digest | None = None


def platforms_of(tx: Connection, name: RepositoryName, reference: Reference) -> Platforms | None:
    """None where there is no such image here. Two statements at the most."""
    query = (
        select(manifests.c.repository_id, manifest_contents.c.content)
        .join(manifest_contents, manifest_contents.c.digest == manifests.c.digest)
        .join(repositories, repositories.c.id == manifests.c.repository_id)
        .where(repositories.c.name == name.text)
    )
    if isinstance(reference, Tag):
        query = query.join(
            tags, (tags.c.repository_id == manifests.c.repository_id) & (tags.c.digest == manifests.c.digest)
        ).where(tags.c.name == reference.text)
    else:
        query = query.where(manifests.c.digest == str(reference))
    row = tx.execute(query).one_or_none()
    if row is None:
        return None
    document = json.loads(row[1])
    if "manifests" in document:
        said = (child.get("platform") for child in document["manifests"])
        known = (text_of(one.get("architecture")) for one in said if _is_linux(one))
        return Platforms(frozenset(one for one in known if one and one != "unknown"), None)
    config = document.get("config") or {}
    if config.get("mediaType") not in IMAGE_CONFIGS:
        return Platforms(frozenset(), None)
    digest = Digest.parse(config["digest"])
    return Platforms(frozenset(), _location(tx, row[0], digest), digest)


def _is_linux(platform: object) -> bool:
    return isinstance(platform, dict) and platform.get("os") in ("linux", None)


def _location(tx: Connection, repository_id: int, digest: Digest) -> str | None:
    query = (
        select(blobs.c.location)
        .join(repository_blobs, repository_blobs.c.digest == blobs.c.digest)
        .where(repository_blobs.c.repository_id == repository_id, blobs.c.digest == str(digest))
    )
    return tx.execute(query).scalar_one_or_none()
