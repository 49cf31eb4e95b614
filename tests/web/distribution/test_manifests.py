"""PUT and DELETE of manifests and blobs over HTTP, with what each refusal says."""

import json
from typing import Any

import pytest

from tests.registry.contents import descriptor, image, index, referrer
from tests.web.conftest import Serve
from tests.web.running import Registry, code_of
from wherry.oci.digests import Algorithm, Digest
from wherry.oci.media_types import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from wherry.settings import LimitSettings, SparseManifests

MANIFESTS = "/v2/acme/web/manifests/"
IMAGE = image()
DIGEST = Digest.of(IMAGE)


@pytest.fixture
async def ready(registry: Registry) -> Registry:
    """`acme/web` has the blobs of the image."""
    for blob in (b"{}", b"layer"):
        await registry.push_blob("acme/web", blob)
    return registry


async def test_a_push_answers_where_the_manifest_is(ready: Registry) -> None:
    answer = await ready.http.put(MANIFESTS + "1.0", content=IMAGE, headers={"content-type": OCI_MANIFEST})
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["location"] == MANIFESTS + str(DIGEST)
    assert answer.headers["docker-content-digest"] == str(DIGEST)
    assert "oci-subject" not in answer.headers
    assert "oci-tag" not in answer.headers


async def test_the_exact_bytes_come_back(ready: Registry) -> None:
    odd = IMAGE.replace(b"{", b"{\n\t", 1) + b"  \n"
    await ready.push_manifest("acme/web", odd, "odd")
    answer = await ready.http.get(MANIFESTS + "odd")
    assert answer.content == odd
    assert answer.headers["docker-content-digest"] == str(Digest.of(odd))


async def test_a_subject_is_confirmed(ready: Registry) -> None:
    answer = await ready.http.put(MANIFESTS + "signature", content=referrer(IMAGE))
    assert (answer.status_code, answer.headers["oci-subject"]) == (201, str(DIGEST))


async def test_one_push_by_digest_sets_many_tags(ready: Registry) -> None:
    answer = await ready.http.put(f"{MANIFESTS}{DIGEST}?tag=1.0&tag=1&tag=1.0&tag=latest", content=IMAGE)
    assert answer.status_code == 201
    assert answer.headers.get_list("oci-tag") == ["1.0", "1", "latest"]
    for tag in ("1.0", "1", "latest"):
        assert (await ready.http.get(MANIFESTS + tag)).content == IMAGE


async def test_more_tags_than_the_setting_allows(serve: Serve) -> None:
    registry = await serve(limits=LimitSettings(tags_per_put=2), sparse_manifests=SparseManifests.ALLOW)
    answer = await registry.http.put(f"{MANIFESTS}{DIGEST}?tag=a&tag=b&tag=c", content=IMAGE)
    assert answer.status_code == 414
    assert (await registry.http.put(f"{MANIFESTS}{DIGEST}?tag=a&tag=b", content=IMAGE)).is_success


async def test_a_digest_that_is_not_the_contents(ready: Registry) -> None:
    answer = await ready.http.put(MANIFESTS + str(Digest.of(b"other")), content=IMAGE)
    assert (answer.status_code, code_of(answer)) == (400, "DIGEST_INVALID")
    assert answer.json()["errors"][0]["detail"]["actual"] == str(DIGEST)


async def test_a_manifest_by_its_sha512(ready: Registry) -> None:
    digest = Digest.of(IMAGE, Algorithm.SHA512)
    answer = await ready.http.put(f"{MANIFESTS}{digest}?tag=512", content=IMAGE)
    assert (answer.status_code, answer.headers["docker-content-digest"]) == (201, str(digest))
    assert (await ready.http.head(MANIFESTS + "512")).headers["docker-content-digest"] == str(digest)


async def test_missing_content_is_named(registry: Registry) -> None:
    answer = await registry.http.put(MANIFESTS + "1.0", content=IMAGE)
    assert (answer.status_code, code_of(answer)) == (400, "MANIFEST_BLOB_UNKNOWN")
    missing = answer.json()["errors"][0]["detail"]["missing"]
    assert missing == [str(Digest.of(b"{}")), str(Digest.of(b"layer"))]
    assert (await registry.http.get(MANIFESTS + "1.0")).status_code == 404


async def test_sparse_takes_it(serve: Serve) -> None:
    registry = await serve(sparse_manifests=SparseManifests.ALLOW)
    await registry.push_manifest("acme/web", index([IMAGE]), "all")
    assert (await registry.http.get(MANIFESTS + "all")).content == index([IMAGE])


async def test_a_wrong_size_is_refused(ready: Registry) -> None:
    wrong = IMAGE.replace(b'"size": 5', b'"size": 50')
    answer = await ready.http.put(MANIFESTS + "1.0", content=wrong)
    assert (answer.status_code, code_of(answer)) == (400, "SIZE_INVALID")


def changed(**fields: Any) -> bytes:
    return json.dumps({**json.loads(IMAGE), **fields}).encode()


BAD = {
    "nothing": b"",
    "no JSON": b"hello",
    "no object": b"[]",
    "no UTF-8": b'{"a": "\xff"}',
    "two documents": IMAGE + IMAGE,
    "the same key twice": IMAGE.replace(b"{", b'{"layers": [], ', 1),
    "layers and manifests": changed(manifests=[]),
    "schema 1": b'{"schemaVersion": 1, "fsLayers": []}',
    "layers that are no list": changed(layers={}),
    "a layer that is no descriptor": changed(layers=["x"]),
    "a size that is negative": changed(layers=[{**descriptor(b"layer"), "size": -1}]),
    "a size that is a word": changed(layers=[{**descriptor(b"layer"), "size": "5"}]),
    "a digest that is none": changed(layers=[{**descriptor(b"layer"), "digest": "sha256:0"}]),
    "annotations that are no text": changed(annotations={"a": 1}),
    "an artifact type with a zero byte": changed(artifactType="a/b\0"),
    "an artifact type with half a character": changed(artifactType="a/\ud800"),
    "a config type with half a character": changed(config={**descriptor(b"{}"), "mediaType": "a/\ud800"}),
    "NaN": IMAGE.replace(b'"size": 5', b'"size": NaN'),
    "a number without end": IMAGE.replace(b'"size": 5', b'"size": ' + b"9" * 5000),
    "another type than it says": changed(mediaType=DOCKER_MANIFEST),
}


@pytest.mark.parametrize("what", BAD)
async def test_what_is_no_manifest_is_refused(registry_on_both: Registry, what: str) -> None:
    for blob in (b"{}", b"layer"):
        await registry_on_both.push_blob("acme/web", blob)
    answer = await registry_on_both.http.put(
        MANIFESTS + "1.0", content=BAD[what], headers={"content-type": OCI_MANIFEST}
    )
    assert (answer.status_code, code_of(answer)) == (400, "MANIFEST_INVALID"), answer.text


async def test_any_annotation_is_kept(registry_on_both: Registry) -> None:
    await registry_on_both.push_blob("acme/web", b"{}")
    odd = image(
        layers=(),
        subject=descriptor(IMAGE, OCI_MANIFEST),
        annotations={"zero": "\0", "half": "\ud800", "": "\u202e", "long": "x" * 5000},
    )
    await registry_on_both.push_manifest("acme/web", odd, "odd")
    listed = await registry_on_both.http.get(f"/v2/acme/web/referrers/{DIGEST}")
    assert listed.json()["manifests"][0]["annotations"]["zero"] == "\0"


async def test_a_nest_that_is_too_deep(serve: Serve) -> None:
    registry = await serve(limits=LimitSettings(json_depth=8))
    deep = b"[" * 100_000
    for content in (deep, b'{"a":' + deep, b'{"a":' + b"[" * 8 + b"]" * 8 + b"}"):
        answer = await registry.http.put(MANIFESTS + "1.0", content=content)
        assert (answer.status_code, code_of(answer)) == (400, "MANIFEST_INVALID")


async def test_a_manifest_larger_than_the_setting(serve: Serve) -> None:
    registry = await serve(limits=LimitSettings(manifest_bytes=1000), sparse_manifests=SparseManifests.ALLOW)
    exact = IMAGE + b" " * (1000 - len(IMAGE))
    assert (await registry.http.put(MANIFESTS + "1.0", content=exact)).status_code == 201

    async def unannounced() -> Any:
        yield exact
        yield b" "

    for content in (exact + b" ", unannounced()):
        answer = await registry.http.put(MANIFESTS + "1.0", content=content)
        assert (answer.status_code, code_of(answer)) == (413, "SIZE_INVALID")


async def test_a_content_type_may_have_parameters(ready: Registry) -> None:
    headers = {"content-type": f"{OCI_MANIFEST}; charset=utf-8"}
    await ready.push_manifest("acme/web", IMAGE, "1.0", **headers)
    assert (await ready.http.get(MANIFESTS + "1.0")).headers["content-type"] == OCI_MANIFEST


@pytest.mark.parametrize("reference", ["-x", ".x", "a" * 129, "sha256:1", "md5:" + "0" * 32, "%20"])
async def test_a_reference_that_is_none(ready: Registry, reference: str) -> None:
    answer = await ready.http.put(MANIFESTS + reference, content=IMAGE)
    assert answer.status_code == 400
    assert code_of(answer) in ("MANIFEST_INVALID", "DIGEST_INVALID")


@pytest.mark.parametrize(
    "name", ["UPPER", "a//b", "-a", "a_-b", "a..b", "a" * 256, "library/web", "manage/web", "v2/x", "%2e%2e"]
)
async def test_a_name_that_cannot_be(ready: Registry, name: str) -> None:
    answer = await ready.http.put(f"/v2/{name}/manifests/1.0", content=index([]))
    assert (answer.status_code, code_of(answer)) == (400, "NAME_INVALID")


async def test_an_encoded_slash_is_no_slash(ready: Registry) -> None:
    for slash in ("%2F", "%2f"):
        answer = await ready.http.put(f"/v2/acme{slash}web/manifests/1.0", content=IMAGE)
        assert (answer.status_code, code_of(answer)) == (400, "NAME_INVALID")


async def test_a_moved_tag_shows_at_the_next_pull(ready: Registry) -> None:
    for note in "abc":
        content = image(note=note)
        await ready.push_manifest("acme/web", content, "latest")
        assert (await ready.http.get(MANIFESTS + "latest")).content == content


async def test_deleting_a_tag_leaves_the_manifest(ready: Registry) -> None:
    await ready.push_manifest("acme/web", IMAGE, "1.0")
    assert (await ready.http.delete(MANIFESTS + "1.0")).status_code == 202
    assert (await ready.http.get(MANIFESTS + "1.0")).status_code == 404
    assert (await ready.http.get(MANIFESTS + str(DIGEST))).status_code == 200
    answer = await ready.http.delete(MANIFESTS + "1.0")
    assert (answer.status_code, code_of(answer)) == (404, "MANIFEST_UNKNOWN")


async def test_deleting_a_manifest_takes_its_tags(ready: Registry) -> None:
    await ready.push_manifest("acme/web", IMAGE, "1.0")
    assert (await ready.http.delete(MANIFESTS + str(DIGEST))).status_code == 202
    for reference in ("1.0", str(DIGEST)):
        assert (await ready.http.get(MANIFESTS + reference)).status_code == 404


async def test_what_is_still_needed_is_not_deleted(ready: Registry) -> None:
    await ready.push_manifest("acme/web", IMAGE, "1.0")
    await ready.push_manifest("acme/web", index([IMAGE]), "all", **{"content-type": OCI_INDEX})
    layer = f"/v2/acme/web/blobs/{Digest.of(b'layer')}"
    for path in (MANIFESTS + str(DIGEST), layer):
        answer = await ready.http.delete(path)
        assert (answer.status_code, code_of(answer)) == (409, "DENIED")
    for path in (MANIFESTS + str(Digest.of(index([IMAGE]))), MANIFESTS + str(DIGEST), layer):
        assert (await ready.http.delete(path)).status_code == 202
    assert (await ready.http.head(layer)).status_code == 404


async def test_what_is_not_there_is_not_deleted(ready: Registry) -> None:
    for path, code in (
        (f"/v2/acme/none/manifests/{DIGEST}", "NAME_UNKNOWN"),
        (f"/v2/acme/web/manifests/{DIGEST}", "MANIFEST_UNKNOWN"),
        (f"/v2/acme/web/blobs/{DIGEST}", "BLOB_UNKNOWN"),
        (f"/v2/acme/none/blobs/{DIGEST}", "NAME_UNKNOWN"),
    ):
        answer = await ready.http.delete(path)
        assert (answer.status_code, code_of(answer)) == (404, code)
