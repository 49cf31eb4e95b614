"""A read-only view of a manifest's JSON. The bytes stay the truth; nothing is ever written back from here.

Strict where two readers could see two different manifests (duplicate keys, both kinds at once, a Content-Type
that contradicts the document: CVE-2021-41190), open everywhere else: unknown fields and types are no concern
of ours.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from wherry.oci import media_types
from wherry.oci.digests import Digest
from wherry.oci.errors import InvalidDigest, InvalidManifest, InvalidMediaType

# Each JSON value of a document costs a Python object; a 4 MiB document of `[],[],…` would cost 100 MiB.
MAX_VALUES = 500_000
# RFC 6838 §4.2: type, slash, subtype.
MAX_TYPE_LENGTH = 255

# Readers in Go take `Layers` for `layers`, and of both the last: an index here would be an image to them.
_FIELDS = {
    field.casefold(): field
    for field in (
        *("schemaVersion", "mediaType", "artifactType", "config", "layers", "fsLayers", "blobs", "manifests"),
        *("subject", "annotations", "digest", "size"),
    )
}


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Names content by media type, digest and size."""

    media_type: str
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the registry needs to know of a manifest.

    `blobs`: config, layers and artifact blobs that a pull will ask this registry for (non-distributable
    layers are left out). `children`: manifests that an index names. `artifact_type`: as the referrers API
    reports it.
    """

    media_type: str
    blobs: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]
    subject: Descriptor | None
    artifact_type: str | None
    annotations: Mapping[str, str]


def parse_manifest(content: bytes, content_type: str | None, max_depth: int = 64) -> Manifest:
    """Read `content` as what `content_type` (the request's header, without parameters) says it is.

    Raises `InvalidManifest`.
    """
    document = _load(content, max_depth)
    media_type = _media_type(document, content_type)
    is_index = "manifests" in document
    for other in ("layers", "config", "fsLayers", "blobs"):
        if is_index and other in document:
            raise InvalidManifest(f"a manifest has either 'manifests' or {other!r}, not both")
    if is_index and media_type in media_types.IMAGES:
        raise InvalidManifest(f"a document with 'manifests' is not a {media_type}")
    if not is_index and media_type in media_types.INDEXES:
        raise InvalidManifest(f"a {media_type} has a list 'manifests'")
    if media_type in media_types.IMAGES and ("config" not in document or "layers" not in document):
        raise InvalidManifest(f"a {media_type} has 'config' and 'layers'")
    config = _descriptor(document["config"], "config") if "config" in document else None
    listed = [*_descriptors(document, "layers"), *_descriptors(document, "blobs")]
    subject = document.get("subject")
    artifact_type = _text(document, "artifactType")
    if not artifact_type and config is not None:
        artifact_type = config.media_type
    return Manifest(
        media_type=media_type,
        blobs=tuple(([config] if config else []) + [d for d in listed if not _held_elsewhere(d)]),
        children=tuple(_descriptors(document, "manifests")),
        subject=None if subject is None else _descriptor(subject, "subject"),
        artifact_type=artifact_type or None,
        annotations=_annotations(document),
    )


def _held_elsewhere(descriptor: Descriptor) -> bool:
    return descriptor.media_type in media_types.NON_DISTRIBUTABLE


def _load(content: bytes, max_depth: int) -> dict[str, Any]:
    if content.count(b",") + content.count(b"[") + content.count(b"{") > MAX_VALUES:
        raise InvalidManifest(f"a manifest has at most {MAX_VALUES} values")
    try:
        document = json.loads(
            content.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except InvalidManifest:
        raise
    except RecursionError:
        raise InvalidManifest(f"a manifest nests at most {max_depth} levels") from None
    except ValueError as error:
        raise InvalidManifest(f"a manifest is a JSON object in UTF-8: {str(error)[:200]}") from None
    if not isinstance(document, dict):
        raise InvalidManifest("a manifest is a JSON object")
    _check_depth(document, max_depth)
    _check_spelling(document)
    version = document.get("schemaVersion")
    if version == 1:
        raise InvalidManifest("Docker's schema 1 is not supported; push with a client of 2017 or newer")
    if version is not None and (version != 2 or isinstance(version, bool)):
        raise InvalidManifest("schemaVersion is 2")
    return document


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise InvalidManifest("a JSON object of a manifest has the same key twice")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidManifest(f"{name} is not JSON")


def _check_depth(document: object, max_depth: int) -> None:
    level: list[object] = [document]
    for _ in range(max_depth):
        level = [
            child
            for value in level
            for child in (
                value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
            )
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise InvalidManifest(f"a manifest nests at most {max_depth} levels")


def _check_spelling(item: dict[str, Any]) -> None:
    for key in item:
        field = _FIELDS.get(key.casefold(), key)
        if field != key:
            raise InvalidManifest(f"{key[:40]!r} is written {field!r} in a manifest")


def _media_type(document: dict[str, Any], content_type: str | None) -> str:
    stated = _text(document, "mediaType")
    if stated and content_type and stated != content_type:
        raise InvalidManifest(
            f"Content-Type is {content_type[:200]!r}, but mediaType in the manifest is {stated[:200]!r}"
        )
    media_type = stated or content_type
    if not media_type:
        media_type = media_types.OCI_INDEX if "manifests" in document else media_types.OCI_MANIFEST
    try:
        parsed = media_types.parse_media_type(media_type)
    except InvalidMediaType as error:
        raise InvalidManifest(str(error)) from None
    if parsed in media_types.DOCKER_SCHEMA_1:
        raise InvalidManifest("Docker's schema 1 is not supported; push with a client of 2017 or newer")
    if media_types.is_rendered(parsed):
        raise InvalidManifest(f"{parsed} is for browsers; a manifest's type is application/… and not of XML")
    return parsed


def _descriptors(document: dict[str, Any], field: str) -> list[Descriptor]:
    listed = document.get(field)
    if listed is None:
        if field == "manifests" and field in document:
            raise InvalidManifest("'manifests' is a list")
        return []
    if not isinstance(listed, list):
        raise InvalidManifest(f"{field!r} is a list")
    return [_descriptor(item, f"{field}[{place}]") for place, item in enumerate(listed)]


def _descriptor(item: object, where: str) -> Descriptor:
    if not isinstance(item, dict):
        raise InvalidManifest(f"{where} is a descriptor")
    _check_spelling(item)
    digest, size = item.get("digest"), item.get("size")
    if not isinstance(digest, str):
        raise InvalidManifest(f"{where} has a digest")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 2**63:
        raise InvalidManifest(f"{where} has a size, a whole number of bytes")
    try:
        return Descriptor(_text(item, "mediaType") or "", Digest.parse(digest), size)
    except InvalidDigest as error:
        raise InvalidManifest(f"{where}: {error}") from None


def _text(document: dict[str, Any], field: str) -> str | None:
    value = document.get(field)
    if value is not None and not isinstance(value, str):
        raise InvalidManifest(f"{field} is a string")
    # Not every database keeps NUL or half a surrogate pair, and none needs them in a type.
    if value is not None and not (len(value) <= MAX_TYPE_LENGTH and value.isprintable()):
        raise InvalidManifest(f"{field} has at most {MAX_TYPE_LENGTH} printable characters")
    return value


def _annotations(document: dict[str, Any]) -> Mapping[str, str]:
    annotations = document.get("annotations")
    if annotations is None:
        return {}
    if not isinstance(annotations, dict) or not all(isinstance(value, str) for value in annotations.values()):
        raise InvalidManifest("annotations are an object of strings")
    return annotations
