"""Deleting: what a manifest that stays still needs is not deleted, and nothing is left over."""

import pytest

from tests.databases import Do, FixedClock
from tests.registry.contents import API, WEB, add_blob, add_image, image, index, pushed, referrer, tags
from tests.registry.test_push import content_of, count, tagged
from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName, Tag
from wherry.registry.delete import delete_blob, delete_manifest, delete_tag
from wherry.registry.errors import BlobUnknown, ManifestUnknown, RepositoryUnknown, StillReferenced
from wherry.registry.push import put_manifest

IMAGE = Digest.of(image())
LAYER = Digest.of(b"layer")


@pytest.fixture(autouse=True)
def _an_image(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now(), "1.0", "latest")


def test_a_deleted_tag_leaves_its_manifest_and_the_other_tags(do: Do, clock: FixedClock) -> None:
    do(delete_tag, WEB, Tag("1.0"), None, clock.now())
    assert do(tagged, WEB, "1.0") is None
    assert do(tagged, WEB, "latest") == str(IMAGE)


def test_a_deleted_manifest_takes_its_tags_references_and_bytes_along(do: Do, clock: FixedClock) -> None:
    do(delete_manifest, WEB, IMAGE, None, clock.now())
    for table in ("manifests", "tags", "manifest_references", "manifest_contents"):
        assert do(count, table) == 0
    assert do(count, "repository_blobs") == 2


def test_bytes_that_another_repository_has_stay(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, API, image(), ann, clock.now(), "copy")
    do(delete_manifest, WEB, IMAGE, None, clock.now())
    assert do(content_of, IMAGE) == image()
    assert do(tagged, API, "copy") == str(IMAGE)


def test_a_child_of_an_index_is_not_deleted_before_the_index(do: Do, ann: int, clock: FixedClock) -> None:
    do(put_manifest, WEB, pushed(index([image()])), tags("all"), ann, clock.now())
    with pytest.raises(StillReferenced) as refused:
        do(delete_manifest, WEB, IMAGE, None, clock.now())
    assert refused.value.by == (str(Digest.of(index([image()]))),)
    do(delete_manifest, WEB, Digest.of(index([image()])), None, clock.now())
    do(delete_manifest, WEB, IMAGE, None, clock.now())


def test_a_layer_in_use_is_not_deleted(do: Do, clock: FixedClock) -> None:
    with pytest.raises(StillReferenced):
        do(delete_blob, WEB, LAYER)
    do(delete_manifest, WEB, IMAGE, None, clock.now())
    do(delete_blob, WEB, LAYER)
    with pytest.raises(BlobUnknown):
        do(delete_blob, WEB, LAYER)


def test_a_layer_is_held_by_manifests_of_its_own_repository_only(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_blob, API, b"layer", ann, clock.now())
    do(delete_blob, API, LAYER)
    assert do(count, "repository_blobs") == 2


def test_sparse_lets_go_of_anything(do: Do, ann: int, clock: FixedClock) -> None:
    do(put_manifest, WEB, pushed(index([image()])), tags("all"), ann, clock.now())
    do(delete_blob, WEB, LAYER, sparse=True)
    do(delete_manifest, WEB, IMAGE, None, clock.now(), sparse=True)
    assert do(count, "manifests") == 1


def test_a_subject_may_be_deleted_before_its_referrers(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, referrer(image()), ann, clock.now())
    do(delete_manifest, WEB, IMAGE, None, clock.now())
    assert do(count, "manifests") == 1


def test_what_is_not_there_is_not_deleted(do: Do, clock: FixedClock) -> None:
    nowhere, other = RepositoryName("acme/nowhere"), Digest.of(b"other")
    with pytest.raises(RepositoryUnknown):
        do(delete_tag, nowhere, Tag("1.0"), None, clock.now())
    with pytest.raises(RepositoryUnknown):
        do(delete_manifest, nowhere, IMAGE, None, clock.now())
    with pytest.raises(RepositoryUnknown):
        do(delete_blob, nowhere, LAYER)
    with pytest.raises(ManifestUnknown):
        do(delete_tag, WEB, Tag("2.0"), None, clock.now())
    with pytest.raises(ManifestUnknown):
        do(delete_manifest, WEB, other, None, clock.now())
    with pytest.raises(BlobUnknown):
        do(delete_blob, WEB, other)
