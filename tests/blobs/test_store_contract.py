"""What every driver holds, on the real thing: a file system, memory, an S3 server."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from tests.blobs.bodies import ClientGone, KiB, MiB, body, content, pieces, read
from wherry.blobs import (
    BlobBytesMissing,
    BlobStore,
    DigestMismatch,
    Intake,
    InvalidUploadId,
    Staged,
    StagedBytesMissing,
    StoredBlob,
    UploadBusy,
    UploadInterrupted,
)
from wherry.oci.digests import Algorithm, Digest

SIZES = [0, 1, 255 * KiB, MiB + 3, 2 * MiB, 8 * MiB, 8 * MiB + 1, 20 * MiB + 17]
ZEROS = "0" * 64


def new_upload() -> str:
    return uuid.uuid4().hex


async def put(intake: Intake, data: bytes, upload: str | None = None) -> StoredBlob:
    staged = await intake.append(intake.begin(upload or new_upload()), body(data))
    return await intake.finish(staged, Digest.of(data))


@pytest.mark.parametrize("size", SIZES)
async def test_bytes_come_back_as_they_went_in(store: BlobStore, intake: Intake, size: int):
    data = content(size)
    blob = await put(intake, data)
    assert (blob.digest, blob.size) == (Digest.of(data), size)
    assert await store.size(blob.location) == size
    assert await read(store, blob.location) == data


@pytest.mark.parametrize("chunk", [1, 7, 4 * KiB, 400 * KiB, 3 * MiB])
async def test_the_size_of_network_chunks_does_not_matter(store: BlobStore, intake: Intake, chunk: int):
    data = content(min(3 * MiB + 5, chunk * 3000))
    staged = await intake.append(intake.begin(new_upload()), body(data, chunk))
    assert staged.received == len(data)
    blob = await intake.finish(staged, Digest.of(data))
    assert await read(store, blob.location) == data


async def test_empty_chunks_are_nothing(store: BlobStore, intake: Intake):
    staged = await intake.append(intake.begin(new_upload()), pieces([b"", b"ab", b"", b"c", b""]))
    blob = await intake.finish(staged, Digest.of(b"abc"))
    assert await read(store, blob.location) == b"abc"


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        (0, None), (0, 1), (1, None), (5, 5), (7, 3), (0, 10 * MiB), (3 * MiB, None), (3 * MiB + 8, None),
        (3 * MiB + 9, None), (9 * MiB, None), (9 * MiB, 10 * MiB), (MiB - 1, MiB + 1), (300 * KiB, 3 * MiB),
    ],
)  # fmt: skip
async def test_a_range_is_half_open_and_ends_with_the_blob(
    store: BlobStore, intake: Intake, start: int, stop: int | None
):
    data = content(3 * MiB + 9)
    blob = await put(intake, data)
    assert await read(store, blob.location, start, stop) == data[start:stop]


@pytest.mark.parametrize(("start", "stop"), [(0, None), (0, 5), (5, None), (5, 9)])
async def test_a_range_of_an_empty_blob_is_empty(
    store: BlobStore, intake: Intake, start: int, stop: int | None
):
    blob = await put(intake, b"")
    assert await read(store, blob.location, start, stop) == b""


async def test_pieces_are_bytes_of_about_a_mebibyte_at_most(store: BlobStore, intake: Intake):
    blob = await put(intake, content(5 * MiB))
    found = [piece async for piece in store.read(blob.location)]
    assert all(type(piece) is bytes for piece in found)
    assert max(map(len, found)) <= 2 * MiB


async def test_many_readers_see_the_same_bytes(store: BlobStore, intake: Intake):
    data = content(3 * MiB)
    blob = await put(intake, data)
    starts = range(0, 3 * MiB, 200 * KiB)
    found = await asyncio.gather(*(read(store, blob.location, start) for start in starts))
    assert found == [data[start:] for start in starts]


async def test_an_abandoned_read_harms_nobody(store: BlobStore, intake: Intake):
    data = content(3 * MiB)
    blob = await put(intake, data)
    reading = store.read(blob.location)
    assert data.startswith(await anext(reading))
    await reading.aclose()  # type: ignore[attr-defined]
    assert await read(store, blob.location) == data


@pytest.mark.parametrize(
    "location",
    [
        "", "nothing", "../../../etc/passwd", "/etc/passwd", "sha256/../../uploads/x", f"sha256:{ZEROS}",
        f"sha256/00/{ZEROS}", f"sha256/01/{ZEROS}", f"sha256/00/{ZEROS}\n", f"blobs/u/{ZEROS[:32]}",
        f"blobs/../{ZEROS[:32]}",
    ],
)  # fmt: skip
async def test_a_location_without_bytes_is_said_to_be_missing(store: BlobStore, location: str):
    with pytest.raises(BlobBytesMissing):
        await store.size(location)
    with pytest.raises(BlobBytesMissing):
        await read(store, location)
    await store.delete(location)


async def test_deleted_bytes_are_gone_and_deleting_again_is_no_error(store: BlobStore, intake: Intake):
    blob = await put(intake, b"going")
    other = await put(intake, b"staying")
    await store.delete(blob.location)
    await store.delete(blob.location)
    with pytest.raises(BlobBytesMissing):
        await store.size(blob.location)
    assert await read(store, other.location) == b"staying"


async def test_a_presigned_url_gives_the_bytes_to_anyone(store: BlobStore, intake: Intake, driver: str):
    data = content(70 * KiB)
    blob = await put(intake, data)
    url = await store.presigned_url(blob.location, timedelta(minutes=5))
    assert (url is not None) == (driver not in ("filesystem", "memory"))
    if url is not None:
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(url)).content == data
            assert (await client.get(url.partition("?")[0])).status_code in (401, 403, 404)


async def test_a_healthy_store_passes_its_check(store: BlobStore):
    await store.check()
    await store.check()


# Staging


async def test_appends_follow_each_other(store: BlobStore, intake: Intake):
    parts = [content(size, seed=size) for size in (1, 3 * MiB, 12 * MiB, 5, 0, 200 * KiB)]
    staged = intake.begin(new_upload())
    for part in parts:
        before = staged.received
        staged = await intake.append(staged, body(part))
        assert staged.received == before + len(part)
    data = b"".join(parts)
    blob = await intake.finish(staged, Digest.of(data))
    assert blob.size == len(data)
    assert await read(store, blob.location) == data


async def test_any_process_can_go_on_and_finish(store: BlobStore):
    data = content(5 * MiB)
    staged = Intake(store).begin(new_upload())
    for start in range(0, len(data), MiB):
        staged = await Intake(store).append(staged, body(data[start : start + MiB]))
        staged = Staged(staged.upload, staged.received, tuple(staged.parts))  # as read from a database
    blob = await Intake(store).finish(staged, Digest.of(data))
    assert await read(store, blob.location) == data


@pytest.mark.parametrize("guess", list(Algorithm))
@pytest.mark.parametrize("final", list(Algorithm))
async def test_a_blob_may_be_finished_with_any_algorithm(
    store: BlobStore, intake: Intake, guess: Algorithm, final: Algorithm
):
    data = content(3 * MiB + 1)
    staged = await intake.append(intake.begin(new_upload()), body(data[:MiB]), algorithm=guess)
    staged = await intake.append(staged, body(data[MiB:]), algorithm=guess)
    blob = await intake.finish(staged, Digest.of(data, final))
    assert blob.digest.algorithm is final
    assert await read(store, blob.location) == data


@pytest.mark.parametrize("final", list(Algorithm))
@pytest.mark.parametrize("cuts", [(), (100,), (100, 2 * MiB)])
async def test_a_wrong_digest_is_refused_and_the_upload_stays_usable(
    store: BlobStore, intake: Intake, final: Algorithm, cuts: tuple[int, ...]
):
    data = content(9 * MiB)
    staged = intake.begin(new_upload())
    for start, stop in zip((0, *cuts), (*cuts, len(data)), strict=True):
        staged = await intake.append(staged, body(data[start:stop]))
    wrong = Digest.of(b"something else", final)
    for finisher in (intake, Intake(store)):
        with pytest.raises(DigestMismatch) as caught:
            await finisher.finish(staged, wrong)
        assert (caught.value.expected, caught.value.actual) == (wrong, Digest.of(data, final))
    staged = await intake.append(staged, body(b"tail"))
    blob = await intake.finish(staged, Digest.of(data + b"tail"))
    assert await read(store, blob.location) == data + b"tail"


async def test_a_wrong_digest_of_nothing_is_refused(store: BlobStore, intake: Intake):
    staged = intake.begin(new_upload())
    with pytest.raises(DigestMismatch):
        await intake.finish(staged, Digest.of(b"x"))
    blob = await intake.finish(staged, Digest.of(b""))
    assert await read(store, blob.location) == b""


@pytest.mark.parametrize("arrived", [0, 1, 70 * KiB, 2 * MiB, 5 * MiB, 9 * MiB, 17 * MiB])
@pytest.mark.parametrize("before", [0, MiB])
async def test_an_interrupted_body_keeps_what_arrived(
    store: BlobStore, intake: Intake, arrived: int, before: int
):
    data = content(before + arrived + 300 * KiB)
    staged = intake.begin(new_upload())
    if before:
        staged = await intake.append(staged, body(data[:before]))
    gone = ClientGone()
    with pytest.raises(UploadInterrupted) as caught:
        await intake.append(staged, body(data[before : before + arrived], then=gone))
    assert caught.value.__cause__ is gone
    staged = caught.value.staged
    assert staged.received == before + arrived
    staged = await intake.append(staged, body(data[staged.received :]))
    blob = await intake.finish(staged, Digest.of(data))
    assert await read(store, blob.location) == data


@pytest.mark.parametrize("size", [100, 6 * MiB, 20 * MiB])
async def test_a_cancelled_append_leaves_the_upload_as_it_was(store: BlobStore, intake: Intake, size: int):
    data = content(MiB)
    staged = await intake.append(intake.begin(new_upload()), body(data))
    waiting = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        async for chunk in body(content(size, seed=1)):
            yield chunk
        waiting.set()
        await asyncio.Event().wait()

    append = asyncio.create_task(intake.append(staged, stalled()))
    await waiting.wait()
    append.cancel()
    with pytest.raises(asyncio.CancelledError):
        await append
    staged = await intake.append(staged, body(b"more"))
    blob = await intake.finish(staged, Digest.of(data + b"more"))
    assert await read(store, blob.location) == data + b"more"


@pytest.mark.parametrize("size", [1000, 5 * MiB])
@pytest.mark.parametrize("same_process", [True, False])
async def test_a_late_second_writer_never_gets_its_bytes_under_the_first_ones_digest(
    store: BlobStore, size: int, same_process: bool
):
    first, second = Intake(store), Intake(store)
    if same_process:
        second = first
    start = await first.append(first.begin(new_upload()), body(b"start"))
    good, evil = content(size, seed=1), content(size, seed=2)
    good_digest, evil_digest = Digest.of(b"start" + good), Digest.of(b"start" + evil)
    good_staged = await first.append(start, body(good))
    evil_staged = await second.append(start, body(evil))
    for intake, staged, digest, data in (
        (first, good_staged, good_digest, b"start" + good),
        (second, evil_staged, good_digest, b"start" + good),
        (first, good_staged, evil_digest, b"start" + evil),
        (second, evil_staged, evil_digest, b"start" + evil),
    ):
        try:
            blob = await intake.finish(staged, digest)
        except (DigestMismatch, StagedBytesMissing):
            continue
        assert await read(store, blob.location) == data


@pytest.mark.parametrize("size", [1000, 5 * MiB])
async def test_two_writers_at_once_never_mix_their_bytes(store: BlobStore, size: int):
    intakes = [Intake(store) for _ in range(4)]
    start = intakes[0].begin(new_upload())
    contents = [content(size, seed=number) for number in range(4)]
    outcomes = await asyncio.gather(
        *(intake.append(start, body(data, 8 * KiB)) for intake, data in zip(intakes, contents, strict=True)),
        return_exceptions=True,
    )
    assert any(isinstance(outcome, Staged) for outcome in outcomes)
    assert all(isinstance(outcome, Staged | UploadBusy) for outcome in outcomes)
    for intake, outcome, data in zip(intakes, outcomes, contents, strict=True):
        if isinstance(outcome, Staged):
            try:
                blob = await intake.finish(outcome, Digest.of(data))
            except (DigestMismatch, StagedBytesMissing):
                continue
            assert await read(store, blob.location) == data


async def test_two_pushers_of_one_digest_both_succeed(store: BlobStore, intake: Intake):
    data = content(3 * MiB)
    blobs = await asyncio.gather(*(put(intake, data) for _ in range(8)))
    for blob in blobs:
        assert await read(store, blob.location) == data


async def test_finishing_again_gives_the_same_blob(store: BlobStore, intake: Intake):
    for parts in ([b"one"], [b"one", b"two"]):
        staged = intake.begin(new_upload())
        for part in parts:
            staged = await intake.append(staged, body(part))
        digest = Digest.of(b"".join(parts))
        blob = await intake.finish(staged, digest)
        assert await intake.finish(staged, digest) == blob
        assert await read(store, blob.location) == b"".join(parts)


async def test_a_lost_upload_gets_nobody_elses_blob_by_knowing_its_digest(store: BlobStore, intake: Intake):
    """The bytes are in the store, but this upload cannot show that it had them."""
    secret = await put(intake, b"secret")
    staged = await intake.append(intake.begin(new_upload()), body(b"guess!"))
    assert staged.received == secret.size
    await intake.discard(staged)
    for finisher in (intake, Intake(store)):
        with pytest.raises(StagedBytesMissing):
            await finisher.finish(staged, secret.digest)


@pytest.mark.parametrize("parts", [1, 3])
async def test_tidying_up_after_a_finish_keeps_the_blob(store: BlobStore, intake: Intake, parts: int):
    data = content(parts * 100)
    staged = intake.begin(new_upload())
    for start in range(0, len(data), 100):
        staged = await intake.append(staged, body(data[start : start + 100]))
    blob = await intake.finish(staged, Digest.of(data))
    await intake.discard(staged, keep=blob)
    await intake.discard(staged, keep=blob)
    assert await read(store, blob.location) == data


async def test_a_discarded_upload_is_gone(store: BlobStore, intake: Intake):
    staged = await intake.append(intake.begin(new_upload()), body(b"a"))
    staged = await intake.append(staged, body(b"b"))
    await intake.discard(staged)
    await intake.discard(staged)
    with pytest.raises(StagedBytesMissing):
        await intake.finish(staged, Digest.of(b"ab"))


async def test_discarding_an_upload_that_never_got_a_byte_is_no_error(store: BlobStore, intake: Intake):
    await intake.discard(intake.begin(new_upload()))


@pytest.mark.parametrize(
    "upload", ["", ".", "..", "../x", "a/b", "a\\b", "-a", "a.b", "a\x00b", "a\n", "é", "a" * 129, "%2e%2e"]
)
async def test_an_upload_id_cannot_leave_its_folder(intake: Intake, upload: str):
    with pytest.raises(InvalidUploadId):
        intake.begin(upload)
    with pytest.raises(InvalidUploadId):
        Staged(upload, 5, ())


async def take(intake: Intake, data: bytes, digest: Digest, *, then: Exception | None = None) -> Staged:
    """The only body of an upload, sent along with the digest of it all."""
    return await intake.append(intake.begin("whole"), body(data, then=then), last_of=digest)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("algorithm", list(Algorithm))
async def test_a_body_sent_with_its_digest_becomes_the_blob(
    store: BlobStore, intake: Intake, size: int, algorithm: Algorithm
):
    data = content(size)
    digest = Digest.of(data, algorithm)
    staged = await take(intake, data, digest)
    assert staged.received == size
    blob = await intake.finish(staged, digest)
    assert (blob.digest, blob.size) == (digest, size)
    assert await read(store, blob.location) == data
    await intake.discard(staged, keep=blob)
    assert await read(store, blob.location) == data


@pytest.mark.parametrize("size", [1, 300 * KiB, 3 * MiB])
async def test_a_body_sent_with_a_wrong_digest_is_no_blob_and_the_upload_goes_on(
    store: BlobStore, intake: Intake, size: int
):
    data, wrong = content(size), Digest.of(b"something else")
    with pytest.raises(DigestMismatch):
        await intake.finish(await take(intake, data, wrong), wrong)
    blob = await intake.finish(await take(intake, data, Digest.of(data)), Digest.of(data))
    assert await read(store, blob.location) == data


async def test_what_came_of_a_body_sent_with_its_digest_that_broke_off_is_kept(
    store: BlobStore, intake: Intake
):
    data = content(300 * KiB)
    with pytest.raises(UploadInterrupted) as interrupted:
        await take(intake, data[: 100 * KiB], Digest.of(data), then=ClientGone())
    staged = interrupted.value.staged
    assert staged.received == 100 * KiB
    staged = await intake.append(staged, body(data[100 * KiB :]), last_of=Digest.of(data))
    blob = await intake.finish(staged, Digest.of(data))
    assert await read(store, blob.location) == data
