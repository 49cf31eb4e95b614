"""Deleting a whole repository: nothing of it is left, nothing of another one goes."""

from datetime import datetime

import pytest
from sqlalchemy import Connection

from tests.databases import Do, FixedClock
from tests.people import add_user, give
from tests.registry.contents import API, WEB, add_image, image, index, pushed, tags
from tests.registry.test_push import content_of, count, tagged
from wherry.access.grants import level_of, list_grants
from wherry.access.levels import Level
from wherry.access.shares import list_shares, share_image
from wherry.identity.organizations import create_organization
from wherry.oci.digests import Algorithm, Digest
from wherry.oci.names import RepositoryName
from wherry.registry.delete_repository import delete_repository
from wherry.registry.errors import RepositoryUnknown
from wherry.registry.push import put_manifest
from wherry.registry.repositories import find_repository
from wherry.registry.uploads import start_upload

OURS = ("tags", "manifests", "manifest_references", "manifest_contents", "repository_blobs", "uploads")


@pytest.fixture(autouse=True)
def _an_image(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now(), "1.0", "latest")
    do(put_manifest, WEB, pushed(index([image()])), tags("all"), ann, clock.now())


def test_nothing_of_the_repository_is_left_but_the_bytes_of_its_blobs(do: Do, clock: FixedClock) -> None:
    assert do(delete_repository, WEB, None, clock.now()) == ()
    for table in OURS:
        assert do(count, table) == 0, table
    assert do(find_repository, WEB) is None
    # Whether another repository wants them is for garbage collection to see.
    assert do(count, "blobs") == 2


def test_another_repository_keeps_what_both_had(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, API, image(), ann, clock.now(), "copy")
    do(delete_repository, WEB, None, clock.now())
    assert do(content_of, Digest.of(image())) == image()
    assert do(tagged, API, "copy") == str(Digest.of(image()))
    assert do(count, "manifest_contents") == 1
    assert do(count, "repository_blobs") == 2


def test_rights_and_shares_go_along_and_those_on_others_stay(do: Do, ann: int, clock: FixedClock) -> None:
    bob = add_user(do, clock, "bob")
    do(create_organization, "partner", ann, clock.now())
    for on in ("acme", "acme/web", "acme/web2"):
        give(do, clock, bob, "write", on)
    for name in (WEB, API):
        do(share_image, name, "partner", None, "", ann, clock.now())
    do(delete_repository, WEB, None, clock.now())
    assert [given.resource.name for given in do(list_grants)] == ["acme", "acme/web2"]
    assert [share.image for share in do(list_shares)] == [API]


def test_who_pushes_it_again_owes_nobody_a_right(do: Do, ann: int, clock: FixedClock) -> None:
    bob = add_user(do, clock, "bob")
    give(do, clock, bob, "edit", "acme/web")
    do(delete_repository, WEB, None, clock.now())
    do(add_image, WEB, image(), ann, clock.now(), "1.0")
    assert do(level_of, bob, WEB, clock.now()) is Level.NONE


def test_unfinished_uploads_are_handed_over_for_their_bytes_to_be_discarded(
    do: Do, ann: int, clock: FixedClock
) -> None:
    def begin(tx: Connection, name: RepositoryName, upload: str, now: datetime) -> None:
        start_upload(tx, name, ann, upload, Algorithm.SHA256, now)

    do(begin, WEB, "one", clock.now())
    do(begin, API, "other", clock.now())
    assert [staged.upload for staged in do(delete_repository, WEB, None, clock.now())] == ["one"]
    assert do(count, "uploads") == 1


def test_a_repository_that_is_not_there_is_unknown(do: Do, clock: FixedClock) -> None:
    with pytest.raises(RepositoryUnknown):
        do(delete_repository, RepositoryName("acme/nowhere"), None, clock.now())
