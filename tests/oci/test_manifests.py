"""What the registry reads in a manifest: content that it needs, subject, types; nothing else concerns it."""

import json
from typing import Any

import pytest

from tests.registry.contents import CONFIG_TYPE, LAYER_TYPE, descriptor, image, index, referrer
from wherry.oci.digests import Digest
from wherry.oci.errors import InvalidManifest
from wherry.oci.manifests import MAX_VALUES, Manifest, parse_manifest
from wherry.oci.media_types import DOCKER_INDEX, DOCKER_MANIFEST, NON_DISTRIBUTABLE, OCI_INDEX, OCI_MANIFEST


def parsed(document: dict[str, Any] | bytes, content_type: str | None = None) -> Manifest:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse_manifest(content, content_type)


def digests(descriptors: Any) -> list[Digest]:
    return [one.digest for one in descriptors]


def test_an_image() -> None:
    view = parsed(image(layers=(b"a", b"b"), annotations={"x": "y"}))
    assert view.media_type == OCI_MANIFEST
    assert digests(view.blobs) == [Digest.of(b"{}"), Digest.of(b"a"), Digest.of(b"b")]
    assert view.children == ()
    assert view.subject is None
    assert view.artifact_type == CONFIG_TYPE
    assert view.annotations == {"x": "y"}


def test_an_index() -> None:
    view = parsed(index([b"one", b"two"]))
    assert view.media_type == OCI_INDEX
    assert digests(view.children) == [Digest.of(b"one"), Digest.of(b"two")]
    assert (view.blobs, view.artifact_type) == ((), None)


def test_an_artifact_with_a_subject() -> None:
    view = parsed(referrer(b"image"))
    assert view.subject is not None
    assert view.subject.digest == Digest.of(b"image")
    assert view.artifact_type == "application/vnd.example.signature"


@pytest.mark.parametrize("media_type", sorted(NON_DISTRIBUTABLE))
def test_a_layer_that_is_held_elsewhere_is_not_needed_here(media_type: str) -> None:
    foreign = descriptor(b"windows", media_type, urls=["https://example.com/layer"])
    document = json.loads(image())
    view = parsed({**document, "layers": [foreign, descriptor(b"layer")]})
    assert digests(view.blobs) == [Digest.of(b"{}"), Digest.of(b"layer")]


def test_blobs_of_an_artifact_manifest_are_needed() -> None:
    view = parsed({"mediaType": "application/vnd.oci.artifact.manifest.v1+json", "blobs": [descriptor(b"a")]})
    assert digests(view.blobs) == [Digest.of(b"a")]


@pytest.mark.parametrize(
    ("document", "content_type", "media_type"),
    [
        ({"manifests": []}, None, OCI_INDEX),
        ({"config": descriptor(b"{}"), "layers": []}, None, OCI_MANIFEST),
        ({"config": descriptor(b"{}"), "layers": []}, DOCKER_MANIFEST, DOCKER_MANIFEST),
        ({"mediaType": DOCKER_INDEX, "manifests": []}, DOCKER_INDEX, DOCKER_INDEX),
        ({"mediaType": "application/vnd.of.tomorrow+json"}, None, "application/vnd.of.tomorrow+json"),
    ],
)
def test_the_type_is_what_document_and_header_agree_on(
    document: dict[str, Any], content_type: str | None, media_type: str
) -> None:
    assert parsed(document, content_type).media_type == media_type


@pytest.mark.parametrize(
    ("document", "content_type"),
    [
        ({"mediaType": OCI_INDEX, "manifests": []}, OCI_MANIFEST),
        ({"manifests": []}, OCI_MANIFEST),
        ({"config": descriptor(b"{}"), "layers": []}, OCI_INDEX),
        ({"manifests": [], "layers": []}, None),
        ({"manifests": [], "config": descriptor(b"{}")}, None),
        ({"manifests": None}, None),
        ({"mediaType": OCI_MANIFEST, "layers": []}, None),
        ({"mediaType": "no type"}, None),
        ({"schemaVersion": 1}, None),
        ({"schemaVersion": True, "manifests": []}, None),
        ({"schemaVersion": "2", "manifests": []}, None),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(
    document: dict[str, Any], content_type: str | None
) -> None:
    with pytest.raises(InvalidManifest):
        parsed(document, content_type)


@pytest.mark.parametrize("size", [-1, 2**63, 1.5, "1", True, None])
def test_a_size_that_is_none(size: object) -> None:
    with pytest.raises(InvalidManifest):
        parsed({"manifests": [{**descriptor(b""), "size": size}]})


def test_depth_is_bounded_exactly() -> None:
    def nested(levels: int) -> bytes:
        return b'{"manifests": [], "x": ' + b"[" * levels + b"]" * levels + b"}"

    parse_manifest(nested(7), None, max_depth=8)
    with pytest.raises(InvalidManifest):
        parse_manifest(nested(8), None, max_depth=8)


def test_the_number_of_values_is_bounded() -> None:
    with pytest.raises(InvalidManifest):
        parsed(b'{"manifests": [], "x": [' + b"0," * MAX_VALUES + b"0]}")


def test_unknown_fields_and_types_are_no_concern() -> None:
    content = image(future={"deep": [1, {"a": None}]}, layers=(b"x",))
    assert digests(parsed(content).blobs) == [Digest.of(b"{}"), Digest.of(b"x")]
    assert parsed(content).blobs[1].media_type == LAYER_TYPE
