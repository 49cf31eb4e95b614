"""What is pushed: random blobs, and the images, indexes and artifacts that name them; all from a seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"

KiB = 1024
MiB = 1024 * KiB


@dataclass(frozen=True, slots=True)
class Blob:
    digest: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """`blobs` and `children` are what has to be in the repository for it to be whole."""

    digest: str
    media_type: str
    content: bytes
    blobs: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    subject: str | None = None


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def random_blob(random: Random, *, largest: int = 3 * MiB) -> Blob:
    """Mostly small, now and then larger than what a server takes in one piece; some by sha512; none empty."""
    low, high = random.choices(
        [(1, 2 * KiB), (2 * KiB, 64 * KiB), (64 * KiB, 512 * KiB), (2 * MiB, 3 * MiB)], [50, 40, 7, 3]
    )[0]
    content = random.randbytes(random.randint(min(low, largest), min(high, largest)))
    return Blob(digest_of(content, "sha512" if random.random() < 0.05 else "sha256"), content)


def image(config: Blob, layers: Sequence[Blob], *, note: str, subject: Manifest | None = None) -> Manifest:
    """An image, or with a subject an artifact that refers to it; `note` makes it another one."""
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar", layer) for layer in layers],
        "annotations": {"note": note},
    }
    if subject is not None:
        document["artifactType"] = "application/vnd.example.note"
        document["subject"] = _child(subject)
    content = json.dumps(document).encode()
    return Manifest(
        digest_of(content),
        MANIFEST,
        content,
        tuple({blob.digest for blob in (config, *layers)}),
        subject=None if subject is None else subject.digest,
    )


def index(children: Sequence[Manifest], *, note: str) -> Manifest:
    document = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [_child(child) for child in children],
        "annotations": {"note": note},
    }
    content = json.dumps(document).encode()
    return Manifest(digest_of(content), INDEX, content, children=tuple({child.digest for child in children}))


def _descriptor(media_type: str, blob: Blob) -> dict[str, object]:
    return {"mediaType": media_type, "digest": blob.digest, "size": len(blob.content)}


def _child(manifest: Manifest) -> dict[str, object]:
    return {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.content)}
