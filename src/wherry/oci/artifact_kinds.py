"""What kind of thing a manifest is, by the types that tools give their artifacts."""

import re
from collections.abc import Mapping
from enum import StrEnum

from wherry.oci import media_types

IMAGE_CONFIGS = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)
# Of a sigstore bundle: which predicate is signed with it; none where the image itself is.
PREDICATE_TYPE = "dev.sigstore.bundle.predicateType"

_SIGNATURES = (
    "application/vnd.cncf.notary.signature",
    "application/vnd.dev.cosign.artifact.sig.",
    "application/vnd.dev.cosign.simplesigning.",
)
_SBOMS = (
    "application/spdx",
    "application/vnd.cyclonedx",
    "application/vnd.dev.cosign.artifact.sbom.",
    "application/vnd.syft",
    "text/spdx",
)
_SBOM_PREDICATES = ("https://spdx.dev/", "https://cyclonedx.org/")
_ATTESTATIONS = (
    "application/vnd.in-toto",
    "application/vnd.dev.cosign.artifact.att.",
    "application/vnd.dsse.envelope.",
)
_BUNDLES = ("application/vnd.dev.sigstore.bundle",)
_CHARTS = ("application/vnd.cncf.helm.config.",)
_COSIGN_TAG = re.compile(r"sha(?:256|512)-[0-9a-f]{64,128}\.(sig|att|sbom)")


class ArtifactKind(StrEnum):
    """An image for one platform, an index of several, and what is no image."""

    IMAGE = "image"
    INDEX = "index"
    SIGNATURE = "signature"
    SBOM = "sbom"
    ATTESTATION = "attestation"
    CHART = "chart"
    OTHER = "other"


def kind_of(
    media_type: str, artifact_type: str | None, annotations: Mapping[str, str] | None = None
) -> ArtifactKind:
    """`artifact_type` as the referrers API reports it: that of the config where the manifest names none."""
    said = artifact_type or ""
    if said.startswith(_BUNDLES):
        return _kind_of_bundle((annotations or {}).get(PREDICATE_TYPE, ""))
    for beginnings, kind in (
        (_SIGNATURES, ArtifactKind.SIGNATURE),
        (_SBOMS, ArtifactKind.SBOM),
        (_ATTESTATIONS, ArtifactKind.ATTESTATION),
        (_CHARTS, ArtifactKind.CHART),
    ):
        if said.startswith(beginnings):
            return kind
    if media_type in media_types.INDEXES:
        return ArtifactKind.INDEX
    return ArtifactKind.IMAGE if said in IMAGE_CONFIGS else ArtifactKind.OTHER


def kind_of_tag(name: str) -> ArtifactKind | None:
    """What cosign keeps under a tag that is made of an image's digest."""
    made = _COSIGN_TAG.fullmatch(name)
    return None if made is None else _COSIGN_SUFFIXES[made[1]]


def _kind_of_bundle(predicate: str) -> ArtifactKind:
    if not predicate or predicate.startswith("https://sigstore.dev/cosign/sign/"):
        return ArtifactKind.SIGNATURE
    return ArtifactKind.SBOM if predicate.startswith(_SBOM_PREDICATES) else ArtifactKind.ATTESTATION


_COSIGN_SUFFIXES = {
    "sig": ArtifactKind.SIGNATURE,
    "att": ArtifactKind.ATTESTATION,
    "sbom": ArtifactKind.SBOM,
}
