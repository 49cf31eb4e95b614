"""Uploads over HTTP: in one request, in pieces, resumed, cancelled, mounted; and each way to do it wrong."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection, select

from tests.web.conftest import Serve
from tests.web.running import BOB, Registry, code_of, files_with
from wherry.app.upload_expiry import expire_uploads
from wherry.oci.digests import Algorithm, Digest
from wherry.oci.names import RepositoryName
from wherry.registry import tables
from wherry.registry.repositories import set_public
from wherry.settings import StoreDriver, StoreSettings, UploadSettings

UPLOADS = "/v2/acme/web/blobs/uploads/"
CONTENT = b"0123456789"
DIGEST = Digest.of(CONTENT)


async def begin(registry: Registry, query: str = "") -> str:
    answer = await registry.http.post(UPLOADS + query)
    assert answer.status_code == 202
    return answer.headers["location"]


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def stored(registry: Registry, digest: Digest = DIGEST) -> bytes | None:
    answer = await registry.http.get(f"/v2/acme/web/blobs/{digest}")
    return answer.content if answer.status_code == 200 else None


async def test_a_session_begins_empty(registry: Registry) -> None:
    answer = await registry.http.post(UPLOADS)
    assert answer.status_code == 202
    assert answer.content == b""
    assert answer.headers["range"] == "0-0"
    assert answer.headers["location"] == UPLOADS + answer.headers["docker-upload-uuid"]
    status = await registry.http.get(answer.headers["location"])
    assert (status.status_code, status.headers["range"]) == (204, "0-0")


async def test_one_post_pushes_a_blob(registry: Registry) -> None:
    answer = await registry.http.post(f"{UPLOADS}?digest={DIGEST}", content=CONTENT)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v2/acme/web/blobs/{DIGEST}"
    assert answer.headers["docker-content-digest"] == str(DIGEST)
    assert await stored(registry) == CONTENT


async def test_post_then_put(registry: Registry) -> None:
    answer = await registry.http.put(f"{await begin(registry)}?digest={DIGEST}", content=CONTENT)
    assert answer.status_code == 201
    assert await stored(registry) == CONTENT


async def test_chunks_in_order_then_an_empty_put(registry: Registry) -> None:
    location = await begin(registry)
    for start in (0, 4, 8):
        chunk = CONTENT[start : start + 4]
        headers = {"content-range": f"{start}-{start + len(chunk) - 1}"}
        answer = await registry.http.patch(location, content=chunk, headers=headers)
        assert answer.status_code == 202
        assert answer.headers["range"] == f"0-{start + len(chunk) - 1}"
        assert answer.headers["location"] == location
    answer = await registry.http.put(f"{location}?digest={DIGEST}")
    assert answer.status_code == 201
    assert await stored(registry) == CONTENT


async def test_the_last_chunk_may_come_with_the_put(registry: Registry) -> None:
    location = await begin(registry)
    await registry.http.patch(location, content=CONTENT[:6])
    headers = {"content-range": "6-9"}
    answer = await registry.http.put(f"{location}?digest={DIGEST}", content=CONTENT[6:], headers=headers)
    assert answer.status_code == 201
    assert await stored(registry) == CONTENT


async def test_a_stream_without_a_length(registry: Registry) -> None:
    location = await begin(registry)
    assert (await registry.http.patch(location, content=pieces(b"01234", b"56789"))).status_code == 202
    assert (await registry.http.put(f"{location}?digest={DIGEST}")).status_code == 201
    assert await stored(registry) == CONTENT


async def test_an_empty_blob(registry: Registry) -> None:
    nothing = Digest.of(b"")
    assert (await registry.http.put(f"{await begin(registry)}?digest={nothing}")).status_code == 201
    assert await stored(registry, nothing) == b""


@pytest.mark.parametrize("query", ["", "?digest-algorithm=sha512"])
async def test_sha512(registry: Registry, query: str) -> None:
    digest = Digest.of(CONTENT, Algorithm.SHA512)
    location = await begin(registry, query)
    await registry.http.patch(location, content=CONTENT)
    answer = await registry.http.put(f"{location}?digest={digest}")
    assert (answer.status_code, answer.headers["docker-content-digest"]) == (201, str(digest))
    assert await stored(registry, digest) == CONTENT


async def test_an_unknown_algorithm_is_refused(registry: Registry) -> None:
    answer = await registry.http.post(f"{UPLOADS}?digest-algorithm=md5")
    assert (answer.status_code, code_of(answer)) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("content_range", ["5-9", "1-4", "3-7"])
async def test_a_chunk_out_of_order_is_told_where_to_go_on(registry: Registry, content_range: str) -> None:
    location = await begin(registry)
    await registry.http.patch(location, content=b"0123")
    answer = await registry.http.patch(location, content=b"x" * 5, headers={"content-range": content_range})
    assert (answer.status_code, code_of(answer)) == (416, "BLOB_UPLOAD_INVALID")
    assert (answer.headers["range"], answer.headers["location"]) == ("0-3", location)
    assert answer.json()["errors"][0]["detail"] == {"received": 4}
    await registry.http.patch(location, content=b"456789", headers={"content-range": "4-9"})
    assert (await registry.http.put(f"{location}?digest={DIGEST}")).status_code == 201


async def test_a_chunk_that_is_not_as_long_as_it_says_is_not_kept(registry: Registry) -> None:
    location = await begin(registry)
    headers = {"content-range": "0-4"}
    for content in (b"012", pieces(b"012")):
        answer = await registry.http.patch(location, content=content, headers=headers)
        assert (answer.status_code, code_of(answer)) == (400, "SIZE_INVALID")
    assert (await registry.http.get(location)).headers["range"] == "0-0"


@pytest.mark.parametrize(("header", "status"), [("0-", 400), ("a-b", 400), ("4-3", 416), ("-1-3", 400)])
async def test_a_content_range_that_cannot_be_read(registry: Registry, header: str, status: int) -> None:
    answer = await registry.http.patch(
        await begin(registry), content=b"0123", headers={"content-range": header}
    )
    assert (answer.status_code, code_of(answer)) == (status, "BLOB_UPLOAD_INVALID")


async def test_a_wrong_digest_leaves_the_session_as_it_was(registry: Registry) -> None:
    location = await begin(registry)
    await registry.http.patch(location, content=CONTENT[:4])
    answer = await registry.http.put(f"{location}?digest={DIGEST}", content=b"other")
    assert (answer.status_code, code_of(answer)) == (400, "DIGEST_INVALID")
    assert (await registry.http.get(location)).headers["range"] == "0-3"
    assert await stored(registry) is None
    answer = await registry.http.put(f"{location}?digest={DIGEST}", content=CONTENT[4:])
    assert answer.status_code == 201


async def test_a_wrong_digest_in_one_post_leaves_nothing(registry: Registry) -> None:
    answer = await registry.http.post(f"{UPLOADS}?digest={DIGEST}", content=b"other")
    assert (answer.status_code, code_of(answer)) == (400, "DIGEST_INVALID")

    def sessions(tx: Connection) -> int:
        return len(tx.execute(select(tables.uploads.c.id)).all())

    assert await registry.database.read(sessions) == 0


@pytest.mark.parametrize("query", ["", "?digest=", "?digest=sha256:abc", "?digest=md5:" + "0" * 32])
async def test_a_put_without_a_good_digest_is_refused(registry: Registry, query: str) -> None:
    answer = await registry.http.put((await begin(registry)) + query, content=CONTENT)
    assert (answer.status_code, code_of(answer)) == (400, "DIGEST_INVALID")


async def test_a_cancelled_session_is_gone(registry: Registry) -> None:
    location = await begin(registry)
    await registry.http.patch(location, content=CONTENT)
    assert (await registry.http.delete(location)).status_code == 204
    for answer in (
        await registry.http.get(location),
        await registry.http.patch(location, content=CONTENT),
        await registry.http.put(f"{location}?digest={DIGEST}"),
        await registry.http.delete(location),
    ):
        assert (answer.status_code, code_of(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")


async def test_a_finished_session_is_gone_and_cancelling_it_harms_nothing(registry: Registry) -> None:
    location = await begin(registry)
    await registry.http.put(f"{location}?digest={DIGEST}", content=CONTENT)
    assert (await registry.http.delete(location)).status_code == 404
    assert await stored(registry) == CONTENT


@pytest.mark.parametrize("upload", ["nothing", "%00", "a%00b", "..", "%F0%9F%90%B3", "a" * 300])
async def test_a_session_that_never_was(registry_on_both: Registry, upload: str) -> None:
    answer = await registry_on_both.http.get(UPLOADS + upload)
    assert answer.status_code in (404, 405)


async def test_a_session_of_another_repository_does_not_exist_here(registry: Registry) -> None:
    location = await begin(registry)
    answer = await registry.http.patch(location.replace("web", "api"), content=CONTENT)
    assert (answer.status_code, code_of(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")


async def test_a_broken_body_keeps_what_came(registry: Registry) -> None:
    location = await begin(registry)

    sent = [
        {"type": "http.request", "body": CONTENT[:6], "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> object:
        return sent.pop(0)

    async def send(_message: object) -> None:
        return

    scope = {
        "type": "http",
        "method": "PATCH",
        "path": location,
        "raw_path": location.encode(),
        "query_string": b"",
        "headers": [(b"authorization", httpx.BasicAuth("admin", "correct horse")._auth_header.encode())],
        "client": ("192.0.2.7", 1),
        "scheme": "http",
    }
    await registry.app(scope, receive, send)
    assert (await registry.http.get(location)).headers["range"] == "0-5"
    await registry.http.patch(location, content=CONTENT[6:], headers={"content-range": "6-9"})
    assert (await registry.http.put(f"{location}?digest={DIGEST}")).status_code == 201


async def test_the_largest_blob_is_a_setting(serve: Serve) -> None:
    registry = await serve(uploads=UploadSettings(max_bytes=8))
    location = await begin(registry)
    for content in (CONTENT, pieces(CONTENT)):
        answer = await registry.http.patch(location, content=content)
        assert (answer.status_code, code_of(answer)) == (413, "SIZE_INVALID")
    await registry.http.patch(location, content=b"12345")
    answer = await registry.http.put(f"{location}?digest={DIGEST}", content=b"6789")
    assert answer.status_code == 413
    assert (await registry.http.get(location)).headers["range"] == "0-4"


async def test_a_silent_client_is_told_so_and_may_go_on(serve: Serve) -> None:
    registry = await serve(uploads=UploadSettings(idle_timeout=timedelta(milliseconds=50)))
    location = await begin(registry)

    async def silent() -> AsyncIterator[bytes]:
        yield CONTENT[:3]
        await asyncio.Event().wait()

    answer = await registry.http.patch(location, content=silent())
    assert (answer.status_code, code_of(answer)) == (408, "BLOB_UPLOAD_INVALID")
    assert (await registry.http.get(location)).headers["range"] == "0-2"


async def test_sessions_that_nobody_continues_expire_with_their_bytes(
    registry: Registry, tmp_path: Path
) -> None:
    old = await begin(registry)
    await registry.http.patch(old, content=CONTENT)
    registry.clock.move(hours=20)
    young = await begin(registry)
    registry.clock.move(hours=5)
    wired = registry.wired
    ended = await expire_uploads(
        wired.database, wired.distribution.intake, registry.clock, timedelta(hours=24)
    )
    assert ended == 1
    assert (await registry.http.get(old)).status_code == 404
    assert (await registry.http.get(young)).status_code == 204
    assert not files_with(CONTENT, tmp_path)


async def test_a_mount_links_the_blob(registry: Registry) -> None:
    await registry.push_blob("acme/api", CONTENT)
    answer = await registry.http.post(f"{UPLOADS}?mount={DIGEST}&from=acme/api")
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v2/acme/web/blobs/{DIGEST}")
    assert await stored(registry) == CONTENT


async def test_a_mount_without_a_source_finds_one(registry: Registry) -> None:
    await registry.push_blob("acme/api", CONTENT)
    assert (await registry.http.post(f"{UPLOADS}?mount={DIGEST}")).status_code == 201
    assert await stored(registry) == CONTENT


@pytest.mark.parametrize("query", [f"?mount={DIGEST}&from=acme/none", f"?mount={DIGEST}"])
async def test_a_mount_that_finds_nothing_begins_a_session(registry: Registry, query: str) -> None:
    answer = await registry.http.post(UPLOADS + query)
    assert answer.status_code == 202
    assert (
        await registry.http.put(f"{answer.headers['location']}?digest={DIGEST}", content=CONTENT)
    ).is_success


@pytest.mark.parametrize(
    ("query", "code"),
    [("?mount=sha256:x", "DIGEST_INVALID"), (f"?mount={DIGEST}&from=UPPER", "NAME_INVALID")],
)
async def test_a_mount_that_cannot_be(registry: Registry, query: str, code: str) -> None:
    answer = await registry.http.post(UPLOADS + query)
    assert (answer.status_code, code_of(answer)) == (400, code)


async def test_a_token_without_the_source_is_asked_to_come_back_with_both(registry: Registry) -> None:
    await registry.push_blob("acme/api", CONTENT)
    token = (await registry.http.get("/token?scope=repository:acme/web:pull,push")).json()["token"]
    client = registry.client(authorization=f"Bearer {token}")
    answer = await client.post(f"{UPLOADS}?mount={DIGEST}&from=acme/api")
    assert answer.status_code == 401
    asked = answer.headers["www-authenticate"]
    assert 'scope="repository:acme/web:pull,push repository:acme/api:pull"' in asked
    assert 'error="insufficient_scope"' in asked


async def test_a_token_mounts_from_a_public_image_without_asking(registry: Registry) -> None:
    await registry.push_blob("acme/api", CONTENT)
    await registry.database.write(lambda tx: set_public(tx, RepositoryName("acme/api"), True))
    token = (await registry.http.get("/token?scope=repository:acme/web:pull,push")).json()["token"]
    client = registry.client(authorization=f"Bearer {token}")
    assert (await client.post(f"{UPLOADS}?mount={DIGEST}&from=acme/api")).status_code == 201


async def test_who_may_not_push_gets_no_session(registry: Registry) -> None:
    answer = await registry.client(BOB).post(UPLOADS)
    assert (answer.status_code, code_of(answer)) == (403, "DENIED")
    assert (await registry.as_nobody.post(UPLOADS)).status_code == 401


async def test_a_blob_is_stored_once_whatever_the_number_of_repositories(
    registry: Registry, tmp_path: Path
) -> None:
    for name in ("acme/web", "acme/api", "busybox"):
        await registry.push_blob(name, CONTENT)
    assert len(files_with(CONTENT, tmp_path)) == 1


@pytest.mark.parametrize("driver", [StoreDriver.FILESYSTEM, StoreDriver.MEMORY])
async def test_of_two_writers_on_one_session_one_is_refused_and_nothing_is_mixed(
    serve: Serve, driver: StoreDriver
) -> None:
    registry = await serve(store=StoreSettings(driver=driver))
    location = await begin(registry)
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield CONTENT[:3]
        arrived.set()
        await go_on.wait()
        yield CONTENT[3:]

    first = asyncio.create_task(registry.http.patch(location, content=slow()))
    await arrived.wait()
    second = await registry.http.patch(location, content=CONTENT)
    go_on.set()
    answers = [await first, second]
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    assert [code_of(answer) for answer in answers if answer.status_code == 409] == ["BLOB_UPLOAD_INVALID"]
    assert (await registry.http.put(f"{location}?digest={DIGEST}")).status_code == 201
    assert await stored(registry) == CONTENT


@pytest.mark.parametrize("finished", [False, True])
async def test_of_two_processes_the_late_one_is_refused_and_no_blob_is_ever_wrong(
    serve: Serve, finished: bool
) -> None:
    here, there = await serve(), await serve()
    location = await begin(here)
    await here.http.patch(location, content=CONTENT[:4])
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"late"
        arrived.set()
        await go_on.wait()
        yield b"later"

    late = asyncio.create_task(here.http.patch(location, content=slow()))
    await arrived.wait()
    digest, code = (Digest.of(CONTENT[:4]), 404) if finished else (DIGEST, 409)
    if not finished:
        assert (await there.http.patch(location, content=CONTENT[4:])).status_code == 202
    else:
        assert (await there.http.put(f"{location}?digest={digest}")).status_code == 201
    go_on.set()
    assert (await late).status_code == code
    if finished:
        assert await stored(here, digest) == CONTENT[:4]
    else:
        # On files the late one has cut what the other wrote; then the client is told by the digest.
        answer = await there.http.put(f"{location}?digest={digest}")
        assert answer.status_code in (201, 400)
        assert await stored(here, digest) == (CONTENT if answer.status_code == 201 else None)
