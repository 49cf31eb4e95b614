"""Tags and manifests as they are shown, and the facts of an image that only its config has."""

import logging
from datetime import datetime

from pydantic import Field

from wherry.blobs.errors import BlobBytesMissing
from wherry.oci.digests import Digest
from wherry.oci.image_configs import MAX_CONFIG, ImageConfig, parse_config
from wherry.oci.names import RepositoryName
from wherry.registry.errors import BlobUnknown
from wherry.registry.manifest_details import ManifestDetails, Platform
from wherry.registry.manifest_list import ListedManifest
from wherry.registry.tag_list import ListedTag
from wherry.web.api.call import Call
from wherry.web.api.documents import Document

logger = logging.getLogger(__name__)

_KINDS = "`image`, `index`, `signature`, `sbom`, `attestation`, `chart` or `other`."


class LayerDocument(Document):
    """A blob that a manifest names."""

    digest: str
    media_type: str
    size: int = Field(description="In bytes.")


class PlatformDocument(Document):
    """An image for one platform."""

    digest: str = Field(description="Of the image's manifest.")
    os: str | None
    architecture: str | None
    variant: str | None
    os_version: str | None
    size: int | None = Field(description="Bytes that a pull of it transfers; null where it is not here.")
    layers: list[LayerDocument] | None = Field(description="Null where they are not known.")


class TagDocument(Document):
    """A name for a manifest."""

    name: str
    digest: str
    media_type: str
    kind: str = Field(description=_KINDS)
    size: int = Field(description="Bytes that a pull transfers; of an index those of all platforms.")
    pushed_at: datetime = Field(description="When the manifest was first pushed.")
    pushed_by: str | None = Field(description="Who pushed the manifest; null where that user is gone.")
    moved_at: datetime = Field(description="When the tag was last pointed at this manifest.")
    moved_by: str | None = Field(description="Who pointed it there; null where that user is gone.")


class TagDetailDocument(TagDocument):
    """A tag with the platforms of what it points at."""

    platforms: list[PlatformDocument] = Field(
        description="What can be pulled by this tag, one for each platform; attestations are none."
    )
    attestation_count: int = Field(description="Children of an index that attest to others of it.")


class ManifestDocument(Document):
    """A manifest, tagged or not."""

    digest: str
    media_type: str
    kind: str = Field(description=_KINDS)
    artifact_type: str | None = Field(description="As the referrers API reports it.")
    subject: str | None = Field(description="The digest of the manifest that this one refers to.")
    manifest_size: int = Field(description="Bytes of the manifest itself.")
    size: int = Field(description="Bytes that a pull transfers; of an index those of all platforms.")
    pushed_at: datetime
    pushed_by: str | None = Field(description="Null where that user is gone.")
    tags: list[str] = Field(description="The tags that point at it, at most twenty.")
    tag_count: int


class ConfigDocument(Document):
    """What an image's config says. Of the environment only the names are shown."""

    created: str | None = Field(description="When it was built, as the builder wrote it.")
    author: str | None
    os: str | None
    architecture: str | None
    variant: str | None
    user: str | None
    working_dir: str | None
    entrypoint: list[str]
    command: list[str]
    env_names: list[str]
    exposed_ports: list[str]
    volumes: list[str]
    labels: dict[str, str]


class ManifestDetailDocument(ManifestDocument):
    """A manifest with what is in it."""

    annotations: dict[str, str]
    platforms: list[PlatformDocument] = Field(
        description="Of an index its images, of an image itself; attestations are none."
    )
    attestation_count: int
    config: ConfigDocument | None = Field(description="Null for what is no image, and for an index.")
    layers: list[LayerDocument] = Field(description="In the manifest's order, at most 500.")
    needed_by: list[str] = Field(description="Indexes that name it, at most twenty; they are deleted first.")


async def read_config(call: Call, name: RepositoryName, digest: Digest | None) -> ImageConfig | None:
    """What the config says; None where it is not here, or is nothing that people look at.

    Raises `BlobError` where the store does not answer.
    """
    if digest is None:
        return None
    try:
        blob = await call.services.pulls.blob(name, digest)
        if blob.size > MAX_CONFIG:
            return None
        pieces = [piece async for piece in call.services.store.read(blob.location, 0, blob.size)]
    except BlobUnknown:
        return None
    except BlobBytesMissing:
        logger.exception("the config %s of %s is not in the store", digest, name)
        return None
    return parse_config(b"".join(pieces))


def tag_document(tag: ListedTag) -> TagDocument:
    return TagDocument.model_validate(tag, from_attributes=True)


def tag_detail_document(
    tag: ListedTag, details: ManifestDetails, config: ImageConfig | None
) -> TagDetailDocument:
    return TagDetailDocument(
        **tag_document(tag).model_dump(),
        platforms=_platforms(details, config),
        attestation_count=details.attestation_count,
    )


def manifest_document(listed: ListedManifest) -> ManifestDocument:
    return ManifestDocument.model_validate(listed, from_attributes=True)


def manifest_detail_document(details: ManifestDetails, config: ImageConfig | None) -> ManifestDetailDocument:
    return ManifestDetailDocument(
        **manifest_document(details.listed).model_dump(),
        annotations=dict(details.annotations),
        platforms=_platforms(details, config),
        attestation_count=details.attestation_count,
        config=None if config is None else ConfigDocument.model_validate(config, from_attributes=True),
        layers=[LayerDocument.model_validate(each, from_attributes=True) for each in details.layers],
        needed_by=list(details.needed_by),
    )


def _platforms(details: ManifestDetails, config: ImageConfig | None) -> list[PlatformDocument]:
    """Of an index those that it names; an image is one by itself."""
    found = details.platforms
    if config is not None:
        listed = details.listed
        found = (
            Platform(
                listed.digest,
                config.os,
                config.architecture,
                config.variant,
                config.os_version,
                listed.size,
                details.layers,
            ),
        )
    return [PlatformDocument.model_validate(each, from_attributes=True) for each in found]
