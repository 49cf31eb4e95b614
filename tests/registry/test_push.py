"""Pushing manifests: complete or refused, the bytes kept as they came, tags moved."""

import pytest
from sqlalchemy import Connection, func, select

from tests.databases import Do, FixedClock
from tests.registry.contents import (
    API,
    LAYER_TYPE,
    WEB,
    add_blob,
    add_image,
    descriptor,
    image,
    index,
    pushed,
    tags,
)
from wherry.db.database import Database
from wherry.identity.errors import OrganizationReserved
from wherry.oci.digests import Digest
from wherry.oci.media_types import DOCKER_MANIFEST
from wherry.oci.names import RepositoryName
from wherry.registry import tables
from wherry.registry.errors import ReferenceSizeWrong, ReferencesUnknown
from wherry.registry.push import put_manifest
from wherry.registry.tags import list_tags


def content_of(tx: Connection, digest: Digest) -> bytes | None:
    query = select(tables.manifest_contents.c.content).where(tables.manifest_contents.c.digest == str(digest))
    found = tx.execute(query).scalar_one_or_none()
    return None if found is None else bytes(found)


def tagged(tx: Connection, name: RepositoryName, tag: str) -> str | None:
    found: str | None = tx.execute(
        select(tables.tags.c.digest)
        .join(tables.repositories)
        .where(tables.repositories.c.name == name.text, tables.tags.c.name == tag)
    ).scalar_one_or_none()
    return found


def count(tx: Connection, table: str) -> int:
    return int(tx.execute(select(func.count()).select_from(getattr(tables, table))).scalar_one())


def test_the_bytes_are_kept_as_they_came(do: Do, ann: int, clock: FixedClock) -> None:
    content = b" \n" + image(unknown={"fields": [1.0, 1e3]}) + b"\n\n"
    digest = do(add_image, WEB, content, ann, clock.now(), "1.0")
    assert do(content_of, digest) == content


def test_a_first_push_makes_organization_and_private_repository(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now(), "1.0")
    made = do(
        lambda tx: tx.execute(select(tables.repositories.c.name, tables.repositories.c.is_public)).all()
    )
    assert [tuple(row) for row in made] == [("acme/web", False)]


def test_a_moved_tag_keeps_the_old_manifest(do: Do, ann: int, clock: FixedClock) -> None:
    old = do(add_image, WEB, image(), ann, clock.now(), "latest")
    new = do(add_image, WEB, image(note="new"), ann, clock.now(), "latest")
    assert do(tagged, WEB, "latest") == str(new)
    assert do(content_of, old) == image()


def test_pushing_the_same_again_changes_nothing_but_the_tags(do: Do, ann: int, clock: FixedClock) -> None:
    digest = do(add_image, WEB, image(), ann, clock.now(), "1.0")
    columns = (tables.manifests.c.media_type, tables.manifests.c.pushed_at, tables.manifests.c.pushed_by)
    before = do(lambda tx: tx.execute(select(*columns)).all())
    clock.move(hours=1)
    do(put_manifest, WEB, pushed(image()), tags("1.0", "1"), ann, clock.now())
    assert do(lambda tx: tx.execute(select(*columns)).all()) == before
    assert do(tagged, WEB, "1") == str(digest)
    assert do(count, "manifest_references") == 2


def test_one_push_sets_many_tags(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now(), "c", "a", "b")
    assert do(list_tags, WEB).items == ("a", "b", "c")


def test_a_push_by_digest_needs_no_tag(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now())
    assert do(list_tags, WEB).items == ()


def test_a_missing_layer_refuses_the_manifest_and_names_it(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_blob, WEB, b"{}", ann, clock.now())
    with pytest.raises(ReferencesUnknown) as refused:
        do(put_manifest, WEB, pushed(image()), tags("1.0"), ann, clock.now())
    assert refused.value.missing == (Digest.of(b"layer"),)
    assert do(count, "manifests") == do(count, "tags") == do(count, "manifest_contents") == 0


def test_a_blob_of_another_repository_does_not_count(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now(), "1.0")
    with pytest.raises(ReferencesUnknown):
        do(put_manifest, API, pushed(image()), tags("1.0"), ann, clock.now())


def test_a_missing_child_refuses_the_index(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now())
    do(put_manifest, WEB, pushed(index([image()])), tags("all"), ann, clock.now())
    with pytest.raises(ReferencesUnknown) as refused:
        do(put_manifest, WEB, pushed(index([image(), image(note="other")])), [], ann, clock.now())
    assert refused.value.missing == (Digest.of(image(note="other")),)


def test_an_index_may_name_another_index(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now())
    inner = index([image()])
    do(put_manifest, WEB, pushed(inner), [], ann, clock.now())
    outer = index([inner], "application/vnd.oci.image.index.v1+json")
    do(put_manifest, WEB, pushed(outer), tags("nested"), ann, clock.now())
    assert do(tagged, WEB, "nested") == str(Digest.of(outer))


def test_an_index_of_layers_is_complete_with_them(do: Do, ann: int, clock: FixedClock) -> None:
    """BuildKit's cache is such an index (`--cache-to type=registry,image-manifest=false`)."""
    do(add_blob, WEB, b"layer", ann, clock.now())
    do(put_manifest, WEB, pushed(index([b"layer"], LAYER_TYPE)), tags("cache"), ann, clock.now())
    assert do(count, "manifest_references") == 1
    with pytest.raises(ReferencesUnknown):
        do(put_manifest, WEB, pushed(index([b"absent"], LAYER_TYPE)), tags("cache"), ann, clock.now())


def test_a_wrong_size_refuses_the_manifest(do: Do, ann: int, clock: FixedClock) -> None:
    for blob in (b"{}", b"layer"):
        do(add_blob, WEB, blob, ann, clock.now())
    wrong = image().replace(b'"size": 5', b'"size": 6')
    with pytest.raises(ReferenceSizeWrong) as refused:
        do(put_manifest, WEB, pushed(wrong), tags("1.0"), ann, clock.now())
    assert (refused.value.stated, refused.value.actual) == (6, 5)


def test_sparse_lets_references_be_absent_but_never_of_another_size(
    do: Do, ann: int, clock: FixedClock
) -> None:
    do(put_manifest, WEB, pushed(image()), tags("1.0"), ann, clock.now(), sparse=True)
    do(add_blob, WEB, b"layer", ann, clock.now())
    wrong = image().replace(b'"size": 5', b'"size": 6')
    with pytest.raises(ReferenceSizeWrong):
        do(put_manifest, WEB, pushed(wrong), tags("1.0"), ann, clock.now(), sparse=True)


def test_a_subject_may_be_absent(do: Do, ann: int, clock: FixedClock) -> None:
    content = image(subject=descriptor(b"nothing here", "application/vnd.oci.image.manifest.v1+json"))
    do(add_image, WEB, content, ann, clock.now(), "signature")
    assert do(count, "manifest_references") == 2


def test_more_layers_than_a_statement_has_parameters(do: Do, ann: int, clock: FixedClock) -> None:
    layers = [b"%d" % number for number in range(1201)]

    def push(tx: Connection) -> None:
        add_image(tx, WEB, image(layers=layers), ann, clock.now(), "many", blobs=(b"{}", *layers))

    do(push)
    assert do(count, "manifest_references") == 1202


def test_reserved_organizations_take_no_repository(do: Do, ann: int, clock: FixedClock) -> None:
    for name in ("library/web", "manage/web", "v2/web", "token/a", "manage", "library", "v3"):
        with pytest.raises(OrganizationReserved):
            do(put_manifest, RepositoryName(name), pushed(index([])), [], ann, clock.now())


async def test_a_refused_push_leaves_no_trace(
    database: Database, do: Do, ann: int, clock: FixedClock
) -> None:
    with pytest.raises(ReferencesUnknown):
        await database.write(lambda tx: put_manifest(tx, WEB, pushed(image()), [], ann, clock.now()))
    assert do(count, "repositories") == 0


def test_the_media_type_of_a_docker_image_is_kept(do: Do, ann: int, clock: FixedClock) -> None:
    content = image(mediaType=DOCKER_MANIFEST)
    do(add_image, WEB, content, ann, clock.now(), "docker")
    kept = do(lambda tx: tx.execute(select(tables.manifests.c.media_type)).scalar_one())
    assert kept == DOCKER_MANIFEST
