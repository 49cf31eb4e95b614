"""Pushes against deletes on PostgreSQL: whatever the order of statements, nothing incomplete is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import Connection

from tests.databases import FixedClock, empty_postgresql
from tests.registry.contents import API, WEB, add_blob, add_image, image, index, pushed, tags
from tests.registry.interleaving import Work, interleavings
from wherry.db.database import Database
from wherry.identity.users import create_user
from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName
from wherry.registry.delete import delete_blob, delete_manifest
from wherry.registry.errors import RegistryError
from wherry.registry.mount import mount_blob
from wherry.registry.push import put_manifest

pytestmark = pytest.mark.engine("postgresql")

IMAGE = image()
NEW_IMAGE = image(note="new")
INDEX = index([IMAGE])
USER = 1

INCOMPLETE = {
    "a tag without its manifest": """
        SELECT t.name FROM tags t LEFT JOIN manifests m USING (repository_id, digest)
        WHERE m.digest IS NULL""",
    "a manifest without its bytes": """
        SELECT m.digest FROM manifests m LEFT JOIN manifest_contents c USING (digest)
        WHERE c.digest IS NULL""",
    "a reference without its manifest": """
        SELECT r.manifest FROM manifest_references r
        LEFT JOIN manifests m ON m.repository_id = r.repository_id AND m.digest = r.manifest
        WHERE m.digest IS NULL""",
    "a manifest without what it names": """
        SELECT r.target FROM manifest_references r
        LEFT JOIN manifests m ON m.repository_id = r.repository_id AND m.digest = r.target
        LEFT JOIN repository_blobs b ON b.repository_id = r.repository_id AND b.digest = r.target
        WHERE m.digest IS NULL AND b.digest IS NULL""",
    "bytes that no manifest has": """
        SELECT c.digest FROM manifest_contents c LEFT JOIN manifests m USING (digest)
        WHERE m.digest IS NULL""",
}


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    opened = Database(postgresql_url)
    yield opened
    opened.close()


@pytest.fixture
def begin_again(database: Database, clock: FixedClock) -> Callable[[], None]:
    """`acme/web` has an image with its blobs, `acme/api` the blobs alone."""

    def fill(tx: Connection) -> None:
        create_user(tx, "ann", "hash", clock.now())
        add_image(tx, WEB, IMAGE, USER, clock.now(), "latest")
        for blob in (b"{}", b"layer"):
            add_blob(tx, API, blob, USER, clock.now())

    def begin() -> None:
        empty_postgresql(database.url)
        database.write_now(fill)

    return begin


def push(name: RepositoryName, content: bytes, *tag_names: str) -> Callable[[FixedClock], Work]:
    return lambda clock: (
        lambda tx: put_manifest(
            tx,
            name,
            pushed(content),
            tags(*tag_names),
            USER,
            clock.now(),
        )
    )


PUSH_AGAIN = push(WEB, IMAGE, "again")
PUSH_NEW = push(WEB, NEW_IMAGE, "new")
PUSH_INDEX = push(WEB, INDEX, "all")
PUSH_ELSEWHERE = push(API, IMAGE, "copy")


def DELETE_IMAGE(clock: FixedClock) -> Work:
    return lambda tx: delete_manifest(tx, WEB, Digest.of(IMAGE), None, clock.now())


def DELETE_LAYER(_clock: FixedClock) -> Work:
    return lambda tx: delete_blob(tx, WEB, Digest.of(b"layer"))


def DELETE_ALL(clock: FixedClock) -> Work:
    def work(tx: Connection) -> None:
        delete_manifest(tx, WEB, Digest.of(IMAGE), None, clock.now())
        delete_blob(tx, WEB, Digest.of(b"layer"))

    return work


def MOUNT(clock: FixedClock) -> Work:
    return lambda tx: mount_blob(tx, API, WEB, Digest.of(b"layer"), USER, clock.now())


def DELETE_HERE(_clock: FixedClock) -> Work:
    return lambda tx: delete_blob(tx, API, Digest.of(b"layer"))


PAIRS = {
    "push-again/delete-image": (PUSH_AGAIN, DELETE_IMAGE),
    "push-again/delete-all": (PUSH_AGAIN, DELETE_ALL),
    "push-index/delete-image": (PUSH_INDEX, DELETE_IMAGE),
    "push-new/delete-all": (PUSH_NEW, DELETE_ALL),
    "push-elsewhere/delete-image": (PUSH_ELSEWHERE, DELETE_IMAGE),
    "push-elsewhere/delete-layer-there": (PUSH_ELSEWHERE, DELETE_HERE),
    "mount/delete-layer-there": (MOUNT, DELETE_HERE),
    "push-again/push-index": (PUSH_AGAIN, PUSH_INDEX),
}


@pytest.mark.parametrize("turned", [False, True], ids=["as-is", "turned"])
@pytest.mark.parametrize("pair", PAIRS)
def test_no_order_of_statements_leaves_anything_incomplete(
    pair: str,
    turned: bool,
    database: Database,
    begin_again: Callable[[], None],
    clock: FixedClock,
) -> None:
    first, second = (make(clock) for make in (reversed(PAIRS[pair]) if turned else PAIRS[pair]))
    tries = 0
    with psycopg.connect(database.url, autocommit=True) as watching:
        for statement, *errors in interleavings(begin_again, database, watching, first, second):
            tries += 1
            for error in errors:
                assert error is None or isinstance(error, RegistryError), (statement, error)
            for what, query in INCOMPLETE.items():
                left = watching.execute(query.encode()).fetchall()
                assert not left, f"{what}, when held before statement {statement}: {left}"
    assert tries >= 3
