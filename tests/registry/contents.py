"""Content to push: blobs as the store would have them, and manifests that name them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from wherry.blobs import StoredBlob
from wherry.oci import media_types
from wherry.oci.digests import Digest
from wherry.oci.manifests import parse_manifest
from wherry.oci.names import RepositoryName, Tag
from wherry.registry.blob_links import link_blob, record_blob
from wherry.registry.push import PushedManifest, put_manifest
from wherry.registry.repositories import ensure_repository

WEB = RepositoryName("acme/web")
API = RepositoryName("acme/api")
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


def tags(*names: str) -> list[Tag]:
    return [Tag(name) for name in names]


def descriptor(content: bytes, media_type: str = LAYER_TYPE, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content), **more}


def image(config: bytes = b"{}", layers: Sequence[bytes] = (b"layer",), **more: Any) -> bytes:
    """An image manifest; `more` are further fields of the document."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": descriptor(config, CONFIG_TYPE),
        "layers": [descriptor(layer) for layer in layers],
        **more,
    }
    return json.dumps(document).encode()


def index(children: Iterable[bytes], media_type: str = media_types.OCI_MANIFEST, **more: Any) -> bytes:
    """An index of `children`, which are manifests."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_INDEX,
        "manifests": [descriptor(child, media_type) for child in children],
        **more,
    }
    return json.dumps(document).encode()


def referrer(subject: bytes, note: str = "") -> bytes:
    """A signature or the like of the manifest `subject`."""
    return image(
        layers=(),
        artifactType="application/vnd.example.signature",
        subject=descriptor(subject, media_types.OCI_MANIFEST),
        annotations={"note": note},
    )


def pushed(content: bytes, content_type: str | None = None) -> PushedManifest:
    return PushedManifest(Digest.of(content), content, parse_manifest(content, content_type))


def add_blob(tx: Connection, name: RepositoryName, content: bytes, user_id: int, now: datetime) -> Digest:
    """As if it had been uploaded."""
    digest = Digest.of(content)
    record_blob(tx, StoredBlob(digest, len(content), f"at/{digest}"), now)
    link_blob(tx, ensure_repository(tx, name, user_id, now), str(digest), now)
    return digest


def add_image(
    tx: Connection,
    name: RepositoryName,
    content: bytes,
    user_id: int,
    now: datetime,
    *tag_names: str,
    blobs: Iterable[bytes] = (b"{}", b"layer"),
) -> Digest:
    """Push `content` after the blobs that it names."""
    for blob in blobs:
        add_blob(tx, name, blob, user_id, now)
    put_manifest(tx, name, pushed(content), tags(*tag_names), user_id, now)
    return Digest.of(content)
