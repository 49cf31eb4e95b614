"""Resolving a pull on either database: exact bytes, exact errors, and each move seen at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.databases import Do, FixedClock
from tests.registry.contents import API, WEB, add_blob, add_image, image
from wherry.db.database import Database
from wherry.db.fresh_rows import FreshRows
from wherry.db.pull_reader import open_pull_reader
from wherry.oci.digests import Digest
from wherry.oci.media_types import OCI_MANIFEST
from wherry.oci.names import RepositoryName, Tag
from wherry.registry.delete import delete_manifest
from wherry.registry.errors import BlobUnknown, ManifestUnknown, RepositoryUnknown
from wherry.registry.pull import PulledBlob, PulledManifest, Pulls
from wherry.registry.repositories import set_public

NOWHERE = RepositoryName("acme/nowhere")
ONE = Tag("1.0")


@pytest.fixture
async def pulls(database: Database, do: Do, ann: int, clock: FixedClock) -> AsyncIterator[Pulls]:
    do(add_image, WEB, image(), ann, clock.now(), "1.0")
    reader = await open_pull_reader(database)
    yield Pulls(FreshRows(reader))
    await reader.close()


async def test_a_manifest_by_tag_and_by_digest(pulls: Pulls) -> None:
    expected = PulledManifest(str(Digest.of(image())), OCI_MANIFEST, image())
    for reference in (ONE, Digest.of(image())):
        found = await pulls.manifest(WEB, reference)
        assert found == expected
        assert type(found.content) is bytes


async def test_a_blob(pulls: Pulls) -> None:
    digest = Digest.of(b"layer")
    assert await pulls.blob(WEB, digest) == PulledBlob(str(digest), 5, f"at/{digest}")


async def test_what_is_not_there(pulls: Pulls, do: Do, ann: int, clock: FixedClock) -> None:
    do(add_blob, API, b"other", ann, clock.now())
    with pytest.raises(ManifestUnknown):
        await pulls.manifest(WEB, Tag("2.0"))
    with pytest.raises(ManifestUnknown):
        await pulls.manifest(API, Digest.of(image()))
    with pytest.raises(BlobUnknown):
        await pulls.blob(API, Digest.of(b"layer"))
    with pytest.raises(RepositoryUnknown):
        await pulls.manifest(NOWHERE, ONE)
    with pytest.raises(RepositoryUnknown):
        await pulls.blob(NOWHERE, Digest.of(b"layer"))


async def test_whether_an_image_is_public(pulls: Pulls, database: Database) -> None:
    assert await pulls.is_public(NOWHERE) is None
    for is_public in (False, True, False):
        await database.write(lambda tx, to=is_public: set_public(tx, WEB, to))  # type: ignore[misc]
        await asyncio.sleep(0)
        assert await pulls.is_public(WEB) is is_public


async def test_a_moved_tag_and_a_deleted_manifest_show_at_once(
    pulls: Pulls, database: Database, ann: int, clock: FixedClock
) -> None:
    new = image(note="new")
    await database.write(lambda tx: add_image(tx, WEB, new, ann, clock.now(), "1.0"))
    await asyncio.sleep(0)
    assert (await pulls.manifest(WEB, ONE)).content == new
    await database.write(lambda tx: delete_manifest(tx, WEB, Digest.of(new), None, clock.now()))
    await asyncio.sleep(0)
    with pytest.raises(ManifestUnknown):
        await pulls.manifest(WEB, ONE)
