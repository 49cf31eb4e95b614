"""The image that is pulled: an index of a few hundred bytes, with nothing in it that could be run. Pure.

Nodes keep what they have pulled. So each check has an image of its own (`nonce`): all of it has to come over.
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from wherry.oci import media_types
from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName

# Without an organization: nobody's but the administrators', whoever has which organizations.
REPOSITORY = RepositoryName("wherry-pull-check")
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
# The oldest of the variants: a node takes what is older than itself.
_VARIANTS = {"arm": "v5"}


@dataclass(frozen=True, slots=True)
class CheckImage:
    """Content by digest; `manifests` in the order in which they are pushed, the index last."""

    blobs: tuple[tuple[Digest, bytes], ...]
    manifests: tuple[tuple[Digest, bytes], ...]

    @property
    def digest(self) -> Digest:
        """Of the index."""
        return self.manifests[-1][0]


def build_image(architectures: Collection[str], nonce: str) -> CheckImage:
    """For Linux on these; the same nonce gives the same bytes, as far as zlib does."""
    content = _tar(f"{nonce}\n".encode())
    layer = gzip.compress(content, mtime=0)
    blobs, manifests, listed = [(Digest.of(layer), layer)], [], []
    for architecture in sorted(architectures):
        platform = {"architecture": architecture, "os": "linux"}
        if architecture in _VARIANTS:
            platform["variant"] = _VARIANTS[architecture]
        config = _json(platform | {"rootfs": {"type": "layers", "diff_ids": [_sha256(content)]}})
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": media_types.OCI_MANIFEST,
                "config": _descriptor(CONFIG_TYPE, config),
                "layers": [_descriptor(LAYER_TYPE, layer)],
            }
        )
        blobs.append((Digest.of(config), config))
        manifests.append((Digest.of(manifest), manifest))
        listed.append(_descriptor(media_types.OCI_MANIFEST, manifest) | {"platform": platform})
    # Without a platform an index would be the same for every check.
    index = _json(
        {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_INDEX,
            "manifests": listed,
            "annotations": {"dev.wherry.pull-check": nonce},
        }
    )
    return CheckImage(tuple(blobs), (*manifests, (Digest.of(index), index)))


def _tar(content: bytes) -> bytes:
    packed = io.BytesIO()
    # The shortest end that readers take: two empty blocks, without the usual padding to 10 KiB.
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo("wherry-pull-check")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()[: 512 * 4]


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
