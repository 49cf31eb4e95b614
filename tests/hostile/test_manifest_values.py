"""Hostile manifests against the parser alone: whatever comes, it answers a manifest or its own error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherry.oci import media_types
from wherry.oci.errors import InvalidManifest
from wherry.oci.manifests import MAX_VALUES, parse_manifest

EMPTY = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "sha256:" + "44" * 32, "size": 2}
IMAGE = {"schemaVersion": 2, "mediaType": media_types.OCI_MANIFEST, "config": EMPTY, "layers": [EMPTY]}
INDEX = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [EMPTY]}

FIELDS = st.sampled_from(
    [
        *("schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "blobs", "fsLayers"),
        *("subject", "annotations", "digest", "size", "urls", "data", "Layers", "MANIFESTS", "mediatype"),
    ]
)
told = [EMPTY["digest"], media_types.OCI_MANIFEST, media_types.OCI_INDEX, "\ud800", "\x00", 2, 1]
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(told)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(FIELDS | st.text(max_size=4), inner, max_size=6)
    ),
    max_leaves=12,
)
documents = st.dictionaries(FIELDS, values | st.just(EMPTY) | st.just([EMPTY]), max_size=8)


@settings(max_examples=600, deadline=None)
@given(
    documents | values, st.sampled_from([None, media_types.OCI_MANIFEST, media_types.OCI_INDEX, "a/b", ""])
)
def test_any_json_is_a_manifest_or_refused(document, content_type):
    _parse(json.dumps(document).encode(), content_type)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]:,"\\u0d12eE-.ntf ', max_size=40).map(str.encode))
def test_any_bytes_are_a_manifest_or_refused(content):
    _parse(content, None)


def _parse(content, content_type):
    try:
        manifest = parse_manifest(content, content_type)
    except InvalidManifest as error:
        str(error).encode("utf-8", "backslashreplace")
        return
    # What was accepted can be kept by every database, and named in a header.
    for text in (manifest.media_type, manifest.artifact_type or ""):
        assert text.isprintable()
        assert len(text.encode()) <= 4 * 255
    assert manifest.media_type.isascii()
    assert not (manifest.blobs and manifest.children), "an image to one reader, an index to another"


@pytest.mark.parametrize("text", ["\ud800", "\x00", "a\nb", "x" * 256])
def test_a_type_that_no_database_keeps_is_refused(text):
    """A lone surrogate or NUL in `artifactType` was an answer 500."""
    for document in (
        INDEX | {"artifactType": text},
        IMAGE | {"config": EMPTY | {"mediaType": text}},
        {"schemaVersion": 2, "mediaType": text},
    ):
        with pytest.raises(InvalidManifest):
            parse_manifest(json.dumps(document).encode(), None)


@pytest.mark.parametrize(
    "field", ["Layers", "LAYERS", "layer\u017f", "Config", "fslayers", "MediaType", "Manifests"]
)
def test_a_field_that_other_readers_take_for_another_is_refused(field):
    """Go's JSON matches names without case: this index would be an image to containerd (CVE-2021-41190)."""
    for document in (INDEX, IMAGE):
        with pytest.raises(InvalidManifest, match="is written"):
            parse_manifest(json.dumps(document | {field: []}).encode(), None)
    with pytest.raises(InvalidManifest, match="is written"):
        parse_manifest(
            json.dumps(IMAGE | {"layers": [EMPTY | {"Digest": "sha256:" + "55" * 32}]}).encode(), None
        )


@pytest.mark.parametrize(
    "media_type",
    ["text/html", "Text/HTML", "image/svg+xml", "application/xhtml+xml", "application/xml", "text/xml"],
)
def test_a_type_that_a_browser_draws_is_refused(media_type):
    """It would run the scripts in an annotation on the registry's own origin."""
    with pytest.raises(InvalidManifest, match="browsers"):
        parse_manifest(b'{"schemaVersion":2,"annotations":{"a":"<script>"}}', media_type)


@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b"[" + b"[]," * (MAX_VALUES + 1) + b"[]]",
        b'{"size":' + b"9" * 5000 + b"}",
        b'{"a":1,"a":1}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1}{"a":1}',
        '{"schemaVersion":2}'.encode("utf-16"),
    ],
    ids=lambda bomb: repr(bomb[:12]),
)
def test_a_json_bomb_is_refused(bomb):
    with pytest.raises(InvalidManifest):
        parse_manifest(bomb, None)
