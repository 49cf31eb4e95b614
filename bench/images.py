"""What is pushed: blobs that are never twice the same, and manifests that name them."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_STAMP = 32


class Filler:
    """Random bytes of one size; `stamped` gives them a new head, and so a new digest, at little cost."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._rest = os.urandom(size - _STAMP)

    def stamped(self) -> Blob:
        stamp = os.urandom(_STAMP)
        digest = hashlib.sha256(stamp)
        digest.update(self._rest)
        return Blob(f"sha256:{digest.hexdigest()}", self.size, (stamp, memoryview(self._rest)))


@dataclass(frozen=True, slots=True)
class Blob:
    """A digest and the pieces that make it up."""

    digest: str
    size: int
    pieces: tuple[bytes | memoryview, ...]


def blob_of(content: bytes) -> Blob:
    return Blob(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content), (content,))


def config_of(layers: list[Blob]) -> Blob:
    """An image config as small as real ones get."""
    return blob_of(
        json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/app"]},
                "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
            }
        ).encode()
    )


def manifest_of(config: Blob, layers: list[Blob]) -> Blob:
    """An OCI image manifest; its exact bytes are its digest."""
    layer_type = "application/vnd.oci.image.layer.v1.tar+gzip"
    return blob_of(
        json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": {
                    "mediaType": "application/vnd.oci.image.config.v1+json",
                    "digest": config.digest,
                    "size": config.size,
                },
                "layers": [
                    {"mediaType": layer_type, "digest": layer.digest, "size": layer.size} for layer in layers
                ],
            }
        ).encode()
    )
