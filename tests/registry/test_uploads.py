"""Upload sessions: whose they are, how they continue, and that only one of two writers is believed."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from tests.databases import Do, FixedClock
from tests.registry.contents import API, WEB
from wherry.blobs import Staged, StoredBlob
from wherry.db.database import Database
from wherry.db.pull_reader import open_pull_reader
from wherry.identity.users import create_user
from wherry.oci.digests import Algorithm, Digest
from wherry.registry import tables
from wherry.registry.errors import UploadBusy, UploadUnknown
from wherry.registry.uploads import (
    Upload,
    UploadReader,
    end_expired_uploads,
    end_upload,
    expired_uploads,
    finish_upload,
    list_uploads,
    record_progress,
    start_upload,
)

TEN = Staged("u1", 10, ("part-1",))
BLOB = StoredBlob(Digest.of(b"content"), 7, "at/1")


@pytest.fixture
def begun(do: Do, ann: int, clock: FixedClock) -> Upload:
    upload: Upload = do(start_upload, WEB, ann, "u1", Algorithm.SHA512, clock.now())
    return upload


def linked(tx: Connection) -> list[str]:
    return list(tx.execute(select(tables.repository_blobs.c.digest)).scalars())


async def test_a_session_is_found_by_its_user_in_its_repository_only(
    database: Database, do: Do, begun: Upload, ann: int, clock: FixedClock
) -> None:
    bob = do(create_user, "bob", "hash", clock.now()).id
    do(record_progress, begun.staged, TEN, clock.now())
    reader = await open_pull_reader(database)
    try:
        find = UploadReader(reader).find
        assert await find(WEB, ann, "u1") == Upload(begun.repository_id, Algorithm.SHA512, TEN)
        for name, user, upload in ((API, ann, "u1"), (WEB, bob, "u1"), (WEB, ann, "u2")):
            with pytest.raises(UploadUnknown):
                await find(name, user, upload)
    finally:
        await reader.close()


def test_of_two_that_continue_from_the_same_point_one_is_refused(
    do: Do, begun: Upload, clock: FixedClock
) -> None:
    do(record_progress, begun.staged, TEN, clock.now())
    with pytest.raises(UploadBusy):
        do(record_progress, begun.staged, Staged("u1", 4, ("part-2",)), clock.now())
    do(record_progress, TEN, Staged("u1", 14, ("part-1", "part-2")), clock.now())


def test_the_same_length_of_other_bytes_is_another_point(do: Do, begun: Upload, clock: FixedClock) -> None:
    do(record_progress, begun.staged, TEN, clock.now())
    with pytest.raises(UploadBusy):
        do(record_progress, Staged("u1", 10, ("part-x",)), Staged("u1", 20, ("x", "y")), clock.now())


def test_a_finished_session_is_gone_and_its_blob_linked(do: Do, begun: Upload, clock: FixedClock) -> None:
    assert do(finish_upload, begun, BLOB, clock.now()) is None
    assert do(linked) == [str(BLOB.digest)]
    with pytest.raises(UploadUnknown):
        do(record_progress, begun.staged, TEN, clock.now())


def test_finishing_from_an_old_point_is_refused_and_links_nothing(
    do: Do, begun: Upload, clock: FixedClock
) -> None:
    do(record_progress, begun.staged, TEN, clock.now())
    with pytest.raises(UploadBusy):
        do(finish_upload, begun, BLOB, clock.now())
    assert do(linked) == []


def test_bytes_that_are_there_already_are_surplus(do: Do, begun: Upload, ann: int, clock: FixedClock) -> None:
    do(finish_upload, begun, BLOB, clock.now())
    again = do(start_upload, API, ann, "u2", Algorithm.SHA256, clock.now())
    assert do(finish_upload, again, StoredBlob(BLOB.digest, 7, "at/2"), clock.now()) == "at/2"
    kept = do(lambda tx: tx.execute(select(tables.blobs.c.location)).scalars().all())
    assert kept == ["at/1"]
    assert do(linked) == [str(BLOB.digest)] * 2


def test_a_cancelled_session_hands_over_what_it_has_staged_by_now(
    do: Do, begun: Upload, clock: FixedClock
) -> None:
    do(record_progress, begun.staged, TEN, clock.now())
    assert do(end_upload, "u1") == TEN


def test_a_session_that_ended_cannot_be_cancelled_so_that_its_bytes_stay(
    do: Do, begun: Upload, clock: FixedClock
) -> None:
    do(finish_upload, begun, BLOB, clock.now())
    with pytest.raises(UploadUnknown):
        do(end_upload, "u1")


def test_what_nobody_continued_expires(do: Do, begun: Upload, ann: int, clock: FixedClock) -> None:
    clock.move(hours=1)
    do(start_upload, WEB, ann, "u2", Algorithm.SHA256, clock.now())
    before = clock.now() - timedelta(minutes=1)
    assert do(expired_uploads, before) == (begun.staged,)
    assert do(end_expired_uploads, before) == (begun.staged,)
    assert do(end_expired_uploads, before) == ()
    assert [upload.id for upload in do(list_uploads)] == ["u2"]


def test_a_session_that_is_continued_does_not_expire(do: Do, begun: Upload, clock: FixedClock) -> None:
    later = clock.move(hours=1)
    do(record_progress, begun.staged, TEN, later)
    assert do(end_expired_uploads, later) == ()


def test_expiry_takes_the_oldest_first_and_some_at_a_time(do: Do, ann: int, clock: FixedClock) -> None:
    for number in range(5):
        do(start_upload, WEB, ann, f"u{number}", Algorithm.SHA256, clock.move(minutes=1))
    now = clock.move(minutes=1)
    assert {staged.upload for staged in do(end_expired_uploads, now, 2)} == {"u0", "u1"}
    assert len(do(end_expired_uploads, now)) == 3


def test_open_sessions_are_listed_with_repository_and_user(do: Do, begun: Upload, clock: FixedClock) -> None:
    (upload,) = do(list_uploads)
    assert (upload.repository, upload.user, upload.received) == (WEB, "ann", 0)
    assert upload.touched_at == clock.now()
