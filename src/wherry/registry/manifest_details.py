"""One manifest with what people want to see of it: layers, platforms with sizes, what needs it.

Read from the exact bytes that were pushed. What tools wrote into fields that the registry does not check is
left out where it is not of the image-spec's form.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from wherry.oci.artifact_kinds import IMAGE_CONFIGS
from wherry.oci.digests import Digest
from wherry.oci.image_configs import labels_of, text_of
from wherry.oci.names import RepositoryName
from wherry.registry.manifest_list import ListedManifest, get_listed_manifest
from wherry.registry.repositories import get_repository
from wherry.registry.tables import manifest_contents, manifest_references, manifests
from wherry.registry.tag_details import pull_sizes

# What one answer shows at the most; an image beyond it is a mistake, or an attack.
MAX_LAYERS = 500
MAX_PLATFORMS = 100
NEEDED_BY_SHOWN = 20
# Of a child whose manifest is larger the layers are not shown.
_MAX_CHILD = 128 * 1024

# How BuildKit marks children of an index that are no platform.
_REFERENCE_TYPE = "vnd.docker.reference.type"
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Layer:
    """A descriptor of a blob: of a layer, or of a config. In bytes."""

    digest: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Platform:
    """An image of an index. `size` is what a pull of it transfers; `layers` is None where they are not known,
    as of a child that is not here."""

    digest: str
    os: str | None
    architecture: str | None
    variant: str | None
    os_version: str | None
    size: int | None
    layers: tuple[Layer, ...] | None


@dataclass(frozen=True, slots=True)
class ManifestDetails:
    """`platforms` are those of an index; of one image only its config knows. `needed_by` are the first of the
    indexes that name it: as long as there is one it is not deleted."""

    listed: ListedManifest
    annotations: Mapping[str, str]
    config: Layer | None
    layers: tuple[Layer, ...]
    platforms: tuple[Platform, ...]
    attestation_count: int
    needed_by: tuple[str, ...]

    @property
    def image_config(self) -> Digest | None:
        """Where the facts of an image are; None for an index, and for what is no image."""
        if self.config is None or self.config.media_type not in IMAGE_CONFIGS:
            return None
        return Digest.parse(self.config.digest)


def get_manifest_details(tx: Connection, name: RepositoryName, digest: Digest) -> ManifestDetails:
    """Nine statements. Raises `RepositoryUnknown`, `ManifestUnknown`."""
    listed = get_listed_manifest(tx, name, digest)
    repository = get_repository(tx, name)
    content = select(manifest_contents.c.content).where(manifest_contents.c.digest == str(digest))
    document: dict[str, Any] = json.loads(tx.execute(content).scalar_one())
    children = document.get("manifests") or []
    platforms = [child for child in children if not _is_attestation(child)]
    config = document.get("config")
    return ManifestDetails(
        listed=listed,
        annotations=labels_of(document.get("annotations")),
        config=None if config is None else _layer(config),
        layers=_layers(document),
        platforms=_platforms(tx, repository.id, platforms[:MAX_PLATFORMS]),
        attestation_count=len(children) - len(platforms),
        needed_by=_needed_by(tx, repository.id, digest),
    )


def _platforms(
    tx: Connection, repository_id: int, children: Sequence[dict[str, Any]]
) -> tuple[Platform, ...]:
    digests = [str(child["digest"]) for child in children]
    sizes = pull_sizes(tx, repository_id, digests)
    rows = tx.execute(
        select(manifests.c.digest, manifest_contents.c.content)
        .join(manifest_contents, manifest_contents.c.digest == manifests.c.digest)
        .where(
            manifests.c.repository_id == repository_id,
            manifests.c.digest.in_(digests),
            manifests.c.size <= _MAX_CHILD,
        )
    )
    layers = {digest: _layers(json.loads(content)) for digest, content in rows}
    return tuple(_platform(child, sizes, layers) for child in children)


def _platform(
    child: dict[str, Any], sizes: Mapping[str, int], layers: Mapping[str, tuple[Layer, ...]]
) -> Platform:
    digest, said = str(child["digest"]), child.get("platform")
    said = said if isinstance(said, dict) else {}
    return Platform(
        digest=digest,
        os=text_of(said.get("os")),
        architecture=text_of(said.get("architecture")),
        variant=text_of(said.get("variant")),
        os_version=text_of(said.get("os.version")),
        size=sizes.get(digest),
        layers=layers.get(digest),
    )


def _is_attestation(child: dict[str, Any]) -> bool:
    annotations, platform = child.get("annotations"), child.get("platform")
    if isinstance(annotations, dict) and _REFERENCE_TYPE in annotations:
        return True
    return isinstance(platform, dict) and platform.get("os") == platform.get("architecture") == _UNKNOWN


def _layers(document: dict[str, Any]) -> tuple[Layer, ...]:
    listed = document.get("layers") or document.get("blobs") or []
    return tuple(_layer(each) for each in listed[:MAX_LAYERS])


def _layer(descriptor: dict[str, Any]) -> Layer:
    media_type = text_of(descriptor.get("mediaType")) or ""
    return Layer(str(descriptor["digest"]), media_type, int(descriptor["size"]))


def _needed_by(tx: Connection, repository_id: int, digest: Digest) -> tuple[str, ...]:
    rows = tx.execute(
        select(manifest_references.c.manifest)
        .where(
            manifest_references.c.repository_id == repository_id,
            manifest_references.c.target == str(digest),
        )
        .order_by(manifest_references.c.manifest)
        .limit(NEEDED_BY_SHOWN)
    )
    return tuple(rows.scalars())
