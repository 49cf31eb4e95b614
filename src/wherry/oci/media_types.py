"""Media types of manifests, and which of them are indexes (OCI image-spec, Docker's Image Manifest 2.2)."""

import re

from wherry.oci.errors import InvalidMediaType

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_SCHEMA_1 = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)
INDEXES = frozenset({OCI_INDEX, DOCKER_INDEX})
IMAGES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})

# Layers that a registry need not hold: clients fetch them from the descriptor's `urls`, we never do.
NON_DISTRIBUTABLE = frozenset(
    {
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
    }
)

# RFC 6838 §4.2: restricted names, at most 127 characters each.
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")


def parse_media_type(text: str) -> str:
    """The type without its parameters, as written. Raises `InvalidMediaType`."""
    bare = text.partition(";")[0].strip()
    if not _TYPE.fullmatch(bare):
        raise InvalidMediaType(text, "a media type is written type/subtype")
    return bare


def is_rendered(media_type: str) -> bool:
    """Whether a browser that is sent content of this type might draw it, and run the scripts in it."""
    lowered = media_type.lower()
    return not lowered.startswith("application/") or lowered.endswith(("/xml", "+xml", "/pdf"))
