"""Mounting: a blob that one repository has becomes one of another."""

import pytest

from tests.databases import Do, FixedClock
from tests.registry.contents import API, WEB, add_blob
from tests.registry.test_push import count
from wherry.identity.errors import OrganizationReserved
from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName
from wherry.registry.mount import mount_blob, repositories_with
from wherry.registry.repositories import set_public


def test_a_mounted_blob_is_linked_and_stored_once(do: Do, ann: int, clock: FixedClock) -> None:
    digest = do(add_blob, WEB, b"layer", ann, clock.now())
    for _ in range(2):  # the second finds it mounted already
        assert do(mount_blob, API, WEB, digest, ann, clock.now())
    assert do(count, "blobs") == 1
    assert set(do(repositories_with, digest)) == {(WEB, False), (API, False)}


def test_a_source_without_the_blob_gives_nothing_and_makes_nothing(
    do: Do, ann: int, clock: FixedClock
) -> None:
    do(add_blob, WEB, b"layer", ann, clock.now())
    for source, content in ((WEB, b"other"), (RepositoryName("no/where"), b"layer")):
        assert not do(mount_blob, API, source, Digest.of(content), ann, clock.now())
    assert do(count, "repositories") == 1


def test_sources_say_whether_they_are_public(do: Do, ann: int, clock: FixedClock) -> None:
    digest = do(add_blob, WEB, b"layer", ann, clock.now())
    do(set_public, WEB, True)
    assert do(repositories_with, digest) == ((WEB, True),)
    assert do(repositories_with, Digest.of(b"other")) == ()


def test_nothing_is_mounted_into_a_reserved_organization(do: Do, ann: int, clock: FixedClock) -> None:
    digest = do(add_blob, WEB, b"layer", ann, clock.now())
    with pytest.raises(OrganizationReserved):
        do(mount_blob, RepositoryName("manage/web"), WEB, digest, ann, clock.now())
