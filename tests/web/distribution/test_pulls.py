"""GET and HEAD of manifests and blobs over HTTP."""

from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from tests.registry.contents import image
from tests.web.conftest import Serve
from tests.web.running import Registry, code_of, files_with
from wherry.oci.digests import Digest
from wherry.oci.media_types import DOCKER_MANIFEST, OCI_MANIFEST
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import set_public
from wherry.settings import StoreDriver, StoreSettings

IMAGE = image()
DIGEST = Digest.of(IMAGE)
LARGE = bytes(range(256)) * 1024
MANIFEST = "/v2/acme/web/manifests/1.0"
BLOB = f"/v2/acme/web/blobs/{Digest.of(LARGE)}"


@pytest.fixture
async def filled(registry: Registry) -> Registry:
    return await fill(registry)


async def fill(registry: Registry) -> Registry:
    for blob in (b"{}", b"layer", LARGE):
        await registry.push_blob("acme/web", blob)
    await registry.push_manifest("acme/web", IMAGE, "1.0", **{"content-type": OCI_MANIFEST})
    return registry


def bare(headers: Mapping[str, str]) -> dict[str, str]:
    """Without what differs from request to request."""
    return {name: value for name, value in headers.items() if name != "x-request-id"}


async def test_a_manifest_by_tag_and_by_digest(filled: Registry) -> None:
    for reference in ("1.0", DIGEST):
        answer = await filled.http.get(f"/v2/acme/web/manifests/{reference}")
        assert (answer.status_code, answer.content) == (200, IMAGE)
        assert answer.headers["content-type"] == OCI_MANIFEST
        assert answer.headers["content-length"] == str(len(IMAGE))
        assert answer.headers["docker-content-digest"] == str(DIGEST)
        assert answer.headers["etag"] == f'"{DIGEST}"'
        assert answer.headers["docker-distribution-api-version"] == "registry/2.0"


@pytest.mark.parametrize("path", [MANIFEST, BLOB])
async def test_head_is_get_without_a_body(filled: Registry, path: str) -> None:
    got, head = await filled.http.get(path), await filled.http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert bare(head.headers) == bare(got.headers)


@pytest.mark.parametrize("path", [MANIFEST, BLOB])
async def test_a_known_etag_is_not_sent_again(filled: Registry, path: str) -> None:
    etag = (await filled.http.head(path)).headers["etag"]
    for known in (etag, f'"other", {etag}', f"W/{etag}"):
        answer = await filled.http.get(path, headers={"if-none-match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    assert (await filled.http.get(path, headers={"if-none-match": '"other"'})).status_code == 200


@pytest.mark.parametrize("path", [MANIFEST, BLOB])
async def test_nothing_that_was_pushed_runs_in_a_browser(filled: Registry, path: str) -> None:
    answer = await filled.http.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


async def test_the_type_is_the_one_that_was_pushed(filled: Registry) -> None:
    """Whatever Accept says: content is what it is, and its digest names it."""
    await filled.push_manifest("acme/web", image(mediaType=DOCKER_MANIFEST), "docker")
    answer = await filled.http.get("/v2/acme/web/manifests/docker", headers={"accept": OCI_MANIFEST})
    assert answer.headers["content-type"] == DOCKER_MANIFEST


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v2/acme/web/manifests/2.0", "MANIFEST_UNKNOWN"),
        (f"/v2/acme/web/manifests/{Digest.of(b'x')}", "MANIFEST_UNKNOWN"),
        ("/v2/acme/none/manifests/1.0", "NAME_UNKNOWN"),
        (f"/v2/acme/web/blobs/{Digest.of(b'x')}", "BLOB_UNKNOWN"),
        (f"/v2/acme/none/blobs/{Digest.of(LARGE)}", "NAME_UNKNOWN"),
    ],
)
async def test_what_is_not_there(filled: Registry, path: str, code: str) -> None:
    answer = await filled.http.get(path)
    assert (answer.status_code, code_of(answer)) == (404, code)
    head = await filled.http.head(path)
    assert (head.status_code, head.content) == (404, b"")


async def test_a_blob_is_served_only_where_it_is_linked(filled: Registry) -> None:
    await filled.push_blob("acme/api", b"other")
    assert (await filled.http.get(f"/v2/acme/api/blobs/{Digest.of(LARGE)}")).status_code == 404


async def test_a_whole_blob(filled: Registry) -> None:
    answer = await filled.http.get(BLOB)
    assert (answer.status_code, answer.content) == (200, LARGE)
    assert answer.headers["content-length"] == str(len(LARGE))
    assert answer.headers["accept-ranges"] == "bytes"
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("driver", [StoreDriver.FILESYSTEM, StoreDriver.MEMORY])
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=262000-", 262000, len(LARGE)),
        ("bytes=-10", len(LARGE) - 10, len(LARGE)),
        ("bytes=-999999999", 0, len(LARGE)),
        ("bytes=5-999999999", 5, len(LARGE)),
    ],
)
async def test_a_piece_of_a_blob(
    serve: Serve, driver: StoreDriver, asked: str, start: int, stop: int
) -> None:
    registry = await fill(await serve(store=StoreSettings(driver=driver)))
    answer = await registry.http.get(BLOB, headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, LARGE[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(LARGE)}"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize("asked", [f"bytes={len(LARGE)}-", "bytes=-0", "bytes=999999999-9999999999"])
async def test_a_piece_behind_the_end(filled: Registry, asked: str) -> None:
    answer = await filled.http.get(BLOB, headers={"range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(LARGE)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=", "bytes=a-b", "bytes=-"])
async def test_a_range_that_is_not_understood_gives_the_whole(filled: Registry, asked: str) -> None:
    answer = await filled.http.get(BLOB, headers={"range": asked})
    assert (answer.status_code, answer.content) == (200, LARGE)


async def test_bytes_that_are_gone_are_an_error_and_never_half_an_answer(
    filled: Registry, tmp_path: Path
) -> None:
    small = f"/v2/acme/web/blobs/{Digest.of(b'layer')}"
    for content in (LARGE, b"layer"):
        for path in files_with(content, tmp_path):
            path.unlink()
    for url in (BLOB, small):
        for headers in ({}, {"range": "bytes=1-2"}):
            answer = await filled.http.get(url, headers=headers)
            assert (answer.status_code, code_of(answer)) == (404, "BLOB_UNKNOWN")


async def test_a_file_that_was_cut_is_never_taken_for_whole(
    filled: Registry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in files_with(LARGE, tmp_path):
        path.chmod(0o600)
        path.write_bytes(LARGE[:1000])
    # The answer is never ended: a server breaks the connection, this client calls it an error of its own.
    with pytest.raises(AssertionError):
        await filled.http.get(BLOB)
    assert f"the store gave 1000 of {len(LARGE)} bytes" in caplog.text


async def test_anybody_pulls_what_is_public_and_nothing_else(filled: Registry) -> None:
    async def pull() -> list[httpx.Response]:
        return [await filled.as_nobody.get(path) for path in (MANIFEST, BLOB)]

    assert [answer.status_code for answer in await pull()] == [401, 401]
    await filled.database.write(lambda tx: set_public(tx, RepositoryName("acme/web"), True))
    assert [answer.status_code for answer in await pull()] == [200, 200]
    await filled.database.write(lambda tx: set_public(tx, RepositoryName("acme/web"), False))
    assert [answer.status_code for answer in await pull()] == [401, 401]


async def test_a_private_image_looks_like_none_to_who_may_not_read(filled: Registry) -> None:
    there = await filled.client(("bob", "correct horse")).get(MANIFEST)
    nowhere = await filled.client(("bob", "correct horse")).get("/v2/acme/none/manifests/1.0")
    assert there.status_code == nowhere.status_code == 403
    # The name in the words is the one that was asked for.
    assert there.text.replace("acme/web", "acme/none") == nowhere.text
