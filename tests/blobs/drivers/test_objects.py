"""What only the object-store driver promises, on a real S3 server: no copies, no leftovers, little memory."""

import asyncio
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import obstore
import pytest

from engines.servers import free_port
from tests.blobs.bodies import ClientGone, MiB, body, content, read
from wherry.blobs import (
    BlobStore,
    DigestMismatch,
    Intake,
    Staged,
    StagedBytesMissing,
    StoreFull,
    StoreOptions,
    StoreUnavailable,
    UploadInterrupted,
    open_store,
)
from wherry.blobs.drivers.buckets import s3_bucket
from wherry.oci.digests import Algorithm, Digest

pytestmark = pytest.mark.engine("seaweedfs")


@pytest.fixture
async def store(s3_options: StoreOptions) -> AsyncIterator[BlobStore]:
    opened = open_store("s3", s3_options)
    yield opened
    await opened.close()


@pytest.fixture
def intake(store: BlobStore) -> Intake:
    return Intake(store)


async def keys(options: StoreOptions) -> set[str]:
    found = await s3_bucket(options).requests.list().collect_async()
    return {str(one["path"]) for one in found}


async def unfinished_multiparts(options: StoreOptions) -> str:
    """The answer of ListMultipartUploads for the prefix of this test, which obstore has no call for."""
    assert options.url
    assert options.endpoint
    assert options.secret_access_key
    bucket, _, prefix = options.url.removeprefix("s3://").partition("/")
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{options.region}/s3/aws4_request"
    empty = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": urlsplit(options.endpoint).netloc,
        "x-amz-content-sha256": empty,
        "x-amz-date": now,
    }
    query = f"prefix={prefix}&uploads="
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"GET\n/{bucket}\n{query}\n{lines}\n{names}\n{empty}"
    to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = b"AWS4" + options.secret_access_key.encode()
    for step in (*scope.split("/"), to_sign):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    credential = f"Credential={options.access_key_id}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    headers["authorization"] = f"AWS4-HMAC-SHA256 {credential}"
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{options.endpoint}/{bucket}?{query}", headers=headers)
    answer.raise_for_status()
    assert "ListMultipartUploadsResult" in answer.text
    return answer.text


@pytest.mark.parametrize("size", [1, 7 * MiB, 20 * MiB])
@pytest.mark.parametrize("algorithm", list(Algorithm))
async def test_one_append_is_the_blob_without_a_copy(
    s3_options: StoreOptions, intake: Intake, size: int, algorithm: Algorithm
):
    data = content(size)
    staged = await intake.append(intake.begin("u"), body(data))
    blob = await intake.finish(staged, Digest.of(data, algorithm))
    assert staged.parts == (blob.location,)
    assert await keys(s3_options) == {blob.location}


async def test_joined_parts_are_deleted_after_the_commit(
    s3_options: StoreOptions, store: BlobStore, intake: Intake
):
    data = content(11 * MiB)
    staged = await intake.append(intake.begin("u"), body(data[: 9 * MiB]))
    staged = await intake.append(staged, body(data[9 * MiB :]))
    blob = await intake.finish(staged, Digest.of(data))
    assert await keys(s3_options) == {blob.location, *staged.parts}
    await intake.discard(staged, keep=blob)
    assert await keys(s3_options) == {blob.location}
    assert await read(store, blob.location) == data


async def test_discarding_takes_parts_along_that_no_commit_knows_of(
    s3_options: StoreOptions, store: BlobStore, intake: Intake
):
    kept = await intake.append(intake.begin("u"), body(b"committed"))
    await intake.append(kept, body(b"the process was killed before the commit"))
    other = await intake.append(intake.begin("u2"), body(b"another upload"))
    await intake.discard(kept)
    assert await keys(s3_options) == set(other.parts)


async def test_a_wrong_digest_of_several_parts_writes_nothing(s3_options: StoreOptions, intake: Intake):
    staged = await intake.append(intake.begin("u"), body(content(12 * MiB)))
    staged = await intake.append(staged, body(b"tail"))
    with pytest.raises(DigestMismatch):
        await Intake(open_store("s3", s3_options)).finish(staged, Digest.of(b"other"))
    assert await keys(s3_options) == set(staged.parts)
    assert "<UploadId>" not in await unfinished_multiparts(s3_options)


async def test_an_interrupted_upload_leaves_no_unfinished_multipart(s3_options: StoreOptions, intake: Intake):
    with pytest.raises(UploadInterrupted) as caught:
        await intake.append(intake.begin("u"), body(content(20 * MiB), then=ClientGone()))
    assert await keys(s3_options) == set(caught.value.staged.parts)
    assert "<UploadId>" not in await unfinished_multiparts(s3_options)


async def test_a_cancelled_upload_leaves_nothing(s3_options: StoreOptions, intake: Intake):
    stalled = asyncio.Event()
    seen_unfinished = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        async for chunk in body(content(20 * MiB)):
            yield chunk
        while "<UploadId>" not in await unfinished_multiparts(s3_options):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        seen_unfinished.set()
        await stalled.wait()

    append = asyncio.create_task(intake.append(intake.begin("u"), chunks()))
    await asyncio.wait_for(seen_unfinished.wait(), 30)
    append.cancel()
    with pytest.raises(asyncio.CancelledError):
        await append
    assert await keys(s3_options) == set()
    assert "<UploadId>" not in await unfinished_multiparts(s3_options)


async def test_a_part_that_somebody_deleted_is_noticed(
    s3_options: StoreOptions, store: BlobStore, intake: Intake
):
    staged = await intake.append(intake.begin("u"), body(b"a"))
    longer = await intake.append(staged, body(b"b"))
    await store.delete(staged.parts[0])
    for lost, digest in ((staged, Digest.of(b"a")), (longer, Digest.of(b"ab"))):
        for finisher in (intake, Intake(store)):
            with pytest.raises(StagedBytesMissing):
                await finisher.finish(lost, digest)


async def test_a_changed_part_never_becomes_a_joined_blob(
    s3_options: StoreOptions, store: BlobStore, intake: Intake
):
    staged = await intake.append(intake.begin("u"), body(b"aa"))
    staged = await intake.append(staged, body(b"bb"))
    await obstore.put_async(s3_bucket(s3_options).requests, staged.parts[0], b"xx")
    with pytest.raises(DigestMismatch):
        await intake.finish(staged, Digest.of(b"aabb"))


@pytest.mark.parametrize(
    "change", [{"secret_access_key": "wrong"}, {"access_key_id": "nobody"}], ids=["secret", "id"]
)
async def test_wrong_credentials_are_said_in_plain_words(s3_options: StoreOptions, change: dict[str, str]):
    store = open_store("s3", replace(s3_options, **change))  # type: ignore[arg-type]
    location = "blobs/u/" + "0" * 32
    calls = [
        store.check(),
        read(store, location),
        store.size(location),
        store.delete(location),
        Intake(store).append(Staged("u"), body(b"x")),
        Intake(store).append(Staged("u"), body(content(20 * MiB))),
        Intake(store).finish(Staged("u"), Digest.of(b"")),
        Intake(store).discard(Staged("u")),
    ]
    for call in calls:
        with pytest.raises(StoreUnavailable, match="refuses the credentials") as caught:
            await call
        assert "\n\n" not in caught.value.detail
    await store.close()


async def test_a_store_that_is_down_is_unavailable_soon(s3_options: StoreOptions):
    down = replace(s3_options, endpoint=f"http://127.0.0.1:{free_port()}")
    store = open_store("s3", down)
    intake = Intake(store)
    started = time.monotonic()
    calls = [
        store.check(),
        intake.append(Staged("u"), body(b"x")),
        intake.append(Staged("v"), body(content(9 * MiB))),
    ]
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, StoreUnavailable)
    assert time.monotonic() - started < 15
    await store.close()


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[str]:
    """A server that says one thing, or nothing at all: states that SeaweedFS cannot be brought into."""
    silence = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await silence.wait()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        silence.set()
        server.close()


async def test_a_full_object_store_is_full_and_not_just_broken(s3_options: StoreOptions):
    error = b"<Error><Code>XMinioStorageFull</Code><Message>no space left</Message></Error>"
    head = b"HTTP/1.1 507 Insufficient Storage\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
    async with answering(head % len(error) + error) as endpoint:
        store = open_store("s3", replace(s3_options, endpoint=endpoint))
        with pytest.raises(StoreFull):
            await Intake(store).append(Staged("u"), body(b"x"))
        await store.close()


async def test_a_silent_object_store_fails_the_check_in_seconds(s3_options: StoreOptions):
    async with answering(None) as endpoint:
        store = open_store("s3", replace(s3_options, endpoint=endpoint))
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match="did not answer"):
            await store.check()
        assert time.monotonic() - started < 10
        await store.close()


_PEAK = """
import asyncio, json, os, re, sys
from pathlib import Path
from wherry.blobs import Intake, StoreOptions, open_store
from wherry.oci.digests import Digest
import hashlib

MIB = 1024 * 1024
piece = os.urandom(MIB)
parts, size = int(sys.argv[2]), int(sys.argv[3])

async def chunks():
    for _ in range(size):
        yield piece[:]
        await asyncio.sleep(0)

# What `getrusage` tells is inherited from who started this process.
def peak():
    return int(re.search("VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])

async def main():
    store = open_store("s3", StoreOptions(**json.loads(sys.argv[1])))
    await store.check()
    intake = Intake(store)
    before = peak()
    staged = intake.begin("u")
    expected = hashlib.sha256()
    for _ in range(parts):
        staged = await intake.append(staged, chunks())
        for _ in range(size):
            expected.update(piece)
    blob = await intake.finish(staged, Digest.parse("sha256:" + expected.hexdigest()))
    length = 0
    async for found in store.read(blob.location):
        length += len(found)
    assert length == blob.size == parts * size * MIB
    print((peak() - before) // 1024, flush=True)

asyncio.run(main())
# A thread of obstore that wants the interpreter while it ends aborts the process (CPython before 3.14).
os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("parts", "size"), [(1, 300), (3, 90)])
def test_a_large_blob_is_never_whole_in_memory(s3_options: StoreOptions, parts: int, size: int):
    options = json.dumps({name: value for name, value in asdict(s3_options).items() if value})
    command = [sys.executable, "-c", _PEAK, options, str(parts), str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 150, f"{done.stdout.strip()} MiB more than before"
