"""Sessions without a row: whose they are, when they end, and how they come to have one."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, select

from tests.databases import Do, FixedClock
from tests.people import add_user, fresh_rows
from tests.registry.contents import API, WEB
from wherry.blobs import Staged, StoredBlob
from wherry.db.database import Database
from wherry.oci.digests import Algorithm, Digest
from wherry.registry import begun_uploads, tables
from wherry.registry.begun_uploads import BegunUploads
from wherry.registry.delete_repository import delete_repository
from wherry.registry.errors import UploadUnknown
from wherry.registry.repositories import ensure_repository
from wherry.registry.uploads import Upload, finish_upload, list_uploads, record_progress, record_upload

SHA = Algorithm.SHA256
BLOB = StoredBlob(Digest.of(b"content"), 7, "at/1")


@pytest.fixture
async def begun(database: Database, do: Do, ann: int, clock: FixedClock) -> AsyncIterator[BegunUploads]:
    do(ensure_repository, WEB, ann, clock.now())
    async with fresh_rows(database) as rows:
        yield BegunUploads(rows, clock)


async def another_request() -> None:
    """Comes in a later turn of the loop: what is remembered is looked at once in each."""
    await asyncio.sleep(0)


def linked(tx: Connection) -> list[str]:
    return list(tx.execute(select(tables.repository_blobs.c.digest)).scalars())


async def test_a_session_is_found_by_its_user_in_its_repository_only(
    begun: BegunUploads, do: Do, ann: int, clock: FixedClock
) -> None:
    bob = add_user(do, clock, "bob")
    upload = await begun.begin(WEB, ann, "u1", Algorithm.SHA512)
    assert upload == Upload(1, Algorithm.SHA512, Staged("u1"), is_recorded=False)
    assert await begun.find(WEB, ann, "u1") == upload
    for name, user, other in ((API, ann, "u1"), (WEB, bob, "u1"), (WEB, ann, "u2")):
        assert await begun.find(name, user, other) is None
    assert do(list_uploads) == ()


async def test_a_repository_that_is_yet_to_be_made_takes_a_row(begun: BegunUploads, ann: int) -> None:
    assert await begun.begin(API, ann, "u1", SHA) is None


async def test_there_are_so_many_and_no_more(
    begun: BegunUploads, ann: int, monkeypatch: pytest.MonkeyPatch, clock: FixedClock
) -> None:
    monkeypatch.setattr(begun_uploads, "MAX_BEGUN", 2)
    assert await begun.begin(WEB, ann, "u1", SHA)
    assert await begun.begin(WEB, ann, "u2", SHA)
    assert await begun.begin(WEB, ann, "u3", SHA) is None
    clock.move(hours=1, seconds=1)
    assert await begun.begin(WEB, ann, "u4", SHA)
    assert await begun.find(WEB, ann, "u1") is None, "nobody went on with it for an hour"


async def test_it_ends_with_its_repository_and_is_not_one_of_the_next(
    begun: BegunUploads, do: Do, ann: int, clock: FixedClock
) -> None:
    upload = await begun.begin(WEB, ann, "u1", SHA)
    assert upload is not None
    do(delete_repository, WEB, None, clock.now())
    await another_request()
    assert await begun.find(WEB, ann, "u1") is None
    for work in (
        lambda tx: finish_upload(tx, upload, BLOB, clock.now()),
        lambda tx: record_upload(tx, upload, ann, clock.now()),
    ):
        with pytest.raises(UploadUnknown):
            do(work)
    clock.move(seconds=1)
    do(ensure_repository, WEB, ann, clock.now())
    await another_request()
    assert await begun.find(WEB, ann, "u1") is None


async def test_it_gets_a_row_before_anything_is_staged_and_goes_on_as_all_do(
    begun: BegunUploads, do: Do, ann: int, clock: FixedClock
) -> None:
    upload = await begun.begin(WEB, ann, "u1", SHA)
    recorded = do(record_upload, upload, ann, clock.now())
    begun.forget("u1")
    assert recorded.is_recorded
    assert [found.id for found in do(list_uploads)] == ["u1"]
    do(record_progress, recorded.staged, Staged("u1", 7, ("part",)), clock.now())


async def test_a_blob_that_comes_whole_needs_no_row(
    begun: BegunUploads, do: Do, ann: int, clock: FixedClock
) -> None:
    upload = await begun.begin(WEB, ann, "u1", SHA)
    assert do(finish_upload, upload, BLOB, clock.now()) is None
    assert do(linked) == [str(BLOB.digest)]
